/* Running a network over a set of rows: an evaluation plan over the store, whose last batch may be
 * padded, so that every row counts exactly once; or a Monte-Carlo plan, many passes over each
 * batch. */
#ifndef DROPCL_TRAIN_EVALUATE_H
#define DROPCL_TRAIN_EVALUATE_H

#include "dropcl.h"
#include "train/control.h"
#include "train/ensemble.h"
#include "train/runner.h"

/* How the rows are seen; all zero: plainly. */
struct evaluation {
    int passes;            /* of Monte-Carlo dropout, up to PASSES_MAX; 0: dropout off */
    bool mirror;           /* left and right exchanged; the rows must be pictures      */
    uint32_t split, first; /* which masks: SPLIT_..., and the first row's number in it */
    int batch;             /* rows at once, 0: the usual                               */
};

struct evaluator {
    struct evaluation how;
    struct runner runner;
    struct control control;
    size_t rows;
    int batch;
    size_t batches;
    int points, end[PASSES_POINTS]; /* of the intervals; 1 without passes               */
    float *output;                  /* what is read back of a batch                     */
};

/* rows: the `count` dataset rows to see, at least one. how: NULL for plainly. */
enum err evaluator_new(struct evaluator *, const struct store *, const struct recipe *,
                       const struct evaluation *how, const uint32_t *rows, size_t count);
/* The same for `count` rows from `first` on. */
enum err evaluator_new_range(struct evaluator *, const struct store *, const struct recipe *,
                             const struct evaluation *how, size_t first, size_t count);
void evaluator_free(struct evaluator *);

/* Loss, accuracy and rows of *score with the store's present parameters, dropout off. `when` names
 * the moment in the message of ERR_NUMERIC. */
enum err evaluator_score(struct evaluator *, const char *when, dropcl_score *score);

/* Batches run from 0 on. Runs batch `i` and adds its outputs to those in `sums`: one, or those of
 * all passes, which are queued one behind the other; what they have in common is computed once, and
 * sums alone are read back. ERR_NUMERIC for probabilities that are not finite, naming pass and
 * tensor. */
enum err evaluator_outputs(struct evaluator *, size_t i, struct ensemble *sums);

#endif
