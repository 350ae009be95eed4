/* Scoring a set of rows: an evaluation plan over the store, whose last batch may be padded, so that
 * every row counts exactly once. */
#ifndef DROPCL_TRAIN_EVALUATE_H
#define DROPCL_TRAIN_EVALUATE_H

#include "dropcl.h"
#include "train/control.h"
#include "train/runner.h"

struct evaluator {
    struct runner runner;
    struct control control;
    size_t rows;
    int batch;
    size_t batches;
};

/* `mode` PLAN_EVAL or PLAN_MC; rows: the `count` dataset rows to score, at least one. */
enum err evaluator_new(struct evaluator *, const struct store *, const struct recipe *,
                       enum plan_mode mode, const uint32_t *rows, size_t count);
/* The same for `count` rows from `first` on. */
enum err evaluator_new_range(struct evaluator *, const struct store *, const struct recipe *,
                             enum plan_mode mode, size_t first, size_t count);
/* And for those rows seen in a mirror, left and right exchanged; they must be pictures. */
enum err evaluator_new_mirrored(struct evaluator *, const struct store *, const struct recipe *,
                                enum plan_mode mode, size_t first, size_t count);
void evaluator_free(struct evaluator *);

/* Mean loss and accuracy with the store's present parameters. `when` names the moment in the
 * message of ERR_NUMERIC. */
enum err evaluator_score(struct evaluator *, const char *when, dropcl_score *);

/* Runs all batches and hands each one's probabilities [valid][classes] to `take`. pass and split
 * address Monte-Carlo masks (train/control.h). */
enum err evaluator_probabilities(struct evaluator *, uint32_t pass, uint32_t split,
                                 void (*take)(void *user, size_t first, size_t valid,
                                              const float *p),
                                 void *user);

#endif
