/* Using a trained model: scores on its dataset and predictions of pictures, plain or by Monte-Carlo
 * dropout (Gal, Ghahramani 2016): the mean of many softmax outputs with dropout on. */
#ifndef DROPCL_TRAIN_PREDICT_H
#define DROPCL_TRAIN_PREDICT_H

#include "backend/backend.h"
#include "dropcl.h"
#include "train/evaluate.h"
#include "train/model.h"

/* Where rows come from and how they are seen. */
struct predict_rows {
    const uint8_t *images; /* [rows][features]                                            */
    const uint8_t *labels; /* [rows], for `tally`; may be NULL                            */
    size_t rows;
    uint32_t split, first; /* Monte-Carlo masks: SPLIT_..., number of the first row in it */
    int passes;            /* 0: dropout off                                              */
    bool flip;             /* and the mirror image of each                                */
    int batch, chunk;      /* rows at once on the device, in its memory; 0: the usual     */
    struct tally *tally;   /* gets the losses and hits that the device itself adds up while
                              dropout is off, of the last chunk; may be NULL              */
};

/* Hands rows first .. first + sums->rows - 1 to `take`, one batch after another. ERR_USAGE for
 * mirrored lists, ERR_NUMERIC. */
enum err predict_run(struct device *, const struct model *, const struct predict_rows *,
                     void (*take)(void *user, size_t first, const struct ensemble *sums),
                     void *user);

/* Means and what they are worth: probabilities[rows][classes], figures[rows] (may be NULL). */
enum err predict_images(struct device *, const struct model *, const struct predict_rows *,
                        float *probabilities, dropcl_uncertainty *figures);

/* Scores the test set. how: NULL for plainly; see dropcl_evaluate. folder: see dataset.h. */
enum err predict_score(struct device *, const struct model *, const char *folder,
                       const dropcl_inference *how, dropcl_score *score);

#endif
