/* The CONTROL table: one row of 32-bit words per run of a plan's micro-batch range, computed on the
 * host in double, uploaded once per epoch. Words are named in kernels/control_words.h. */
#ifndef DROPCL_TRAIN_CONTROL_H
#define DROPCL_TRAIN_CONTROL_H

#include "base/err.h"
#include "plan/control.h"
#include "plan/op.h"
#include "train/schedule.h"

/* A drop rate as the kernels want it (docs/masks.md, "Decision" and "Scale"). */
struct control_rate {
    uint64_t threshold; /* T = round_half_even(rate * 2^32), 0 .. 2^32                    */
    uint32_t limit;     /* T - 1: dropped iff active and word <= limit                    */
    uint32_t active;    /* 0 when T is 0                                                  */
    float scale;        /* (float)(2^32 / (2^32 - T)), from T and not from rate; 0 at 2^32 */
};
struct control_rate control_rate(double rate);

/* The rates of a recipe's stochastic layers, by their layer field. */
struct control {
    const struct recipe *recipe; /* borrowed */
    int words;                   /* of one row */
    int layers;
    double *rate; /* [layers]; a field that no layer uses has 0 */
};

enum err control_init(struct control *, const struct recipe *);
void control_free(struct control *);

/* Every step of one epoch of training. */
struct control_epoch {
    int64_t first_step; /* optimizer step the epoch starts with */
    int64_t steps;      /* to be run in this epoch              */
    int64_t per_epoch;  /* of a whole epoch, for the schedule   */
    int64_t run_steps;  /* of the whole run, for the schedule   */
    int batch, micro_batches;
};

/* Fills rows[steps * micro_batches][words]; row = step in the epoch * micro_batches + micro-batch.
 */
void control_train(const struct control *, const struct optimizer_type *,
                   const struct control_epoch *, uint32_t *rows);

/* Fills ceil(rows_total / batch)[words] for one pass over `rows_total` rows in order. pass and
 * split (0 test, 1 train, 2 the user's) address Monte-Carlo masks; elsewhere nothing reads them. */
void control_evaluate(const struct control *, size_t rows_total, int batch, uint32_t pass,
                      uint32_t split, uint32_t *rows);

#endif
