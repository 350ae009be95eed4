/* Using a trained model: scores on its dataset, plain or by Monte-Carlo dropout, and predictions.
 */
#ifndef DROPCL_TRAIN_PREDICT_H
#define DROPCL_TRAIN_PREDICT_H

#include "backend/backend.h"
#include "dropcl.h"
#include "train/model.h"

/* Which rows Monte-Carlo masks are drawn for: the top bits of counter word 3 (docs/masks.md). */
enum { SPLIT_TEST, SPLIT_TRAIN, SPLIT_USER };

struct predict_options {
    int passes; /* 0: dropout off */
    bool flip;
};

/* Scores the test set. passes > 0: Monte-Carlo dropout (Gal and Ghahramani 2016), the mean of
 * `passes` softmax outputs with dropout on, added in double; accuracy by the largest mean (the
 * lowest class on a tie), loss -log of the label's mean. flip: every picture and its mirror image,
 * and the mean of both. options may be NULL: neither. folder: see dataset.h. ERR_USAGE for mirrored
 * lists. */
enum err predict_score(struct device *, const struct model *, const char *folder,
                       const struct predict_options *, dropcl_score *);

/* probabilities[rows][classes] of images[rows][features] bytes. */
enum err predict_images(struct device *, const struct model *, const uint8_t *images, size_t rows,
                        float *probabilities);

#endif
