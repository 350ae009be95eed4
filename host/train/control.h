/* The CONTROL table: one row of 32-bit words per run of a plan's micro-batch range, computed on the
 * host in double, uploaded once per epoch. Words are named in kernels/control_words.h. */
#ifndef DROPCL_TRAIN_CONTROL_H
#define DROPCL_TRAIN_CONTROL_H

#include "base/err.h"
#include "plan/control.h"
#include "plan/op.h"
#include "train/schedule.h"

/* What CONTROL holds of a layer that draws random numbers, and the rate it was last computed for:
 * most rates never change, and some decisions take solving an equation. */
struct control_draw {
    struct draw draw;
    double rate;
    struct decision decision;
};

struct control {
    const struct recipe *recipe; /* borrowed */
    int words;                   /* of one row */
    int draws;
    struct control_draw *draw; /* [draws], by layer.draw */
};

/* The shapes of what is drawn are those of the plan, any plan of this recipe; it is not kept. */
enum err control_init(struct control *, const struct recipe *, const struct plan *);
void control_free(struct control *);

/* Every step of one epoch of training. */
struct control_epoch {
    uint32_t epoch;     /* from 0                               */
    int64_t first_step; /* optimizer step the epoch starts with */
    int64_t steps;      /* to be run in this epoch              */
    int64_t per_epoch;  /* of a whole epoch, for the schedule   */
    int64_t run_steps;  /* of the whole run, for the schedule   */
    int batch, micro_batches;
};

/* Fills rows[steps * micro_batches][words]; row = step in the epoch * micro_batches + micro-batch.
 */
void control_train(struct control *, const struct optimizer_type *, const struct control_epoch *,
                   uint32_t *rows);

/* Fills ceil(rows_total / batch)[words] for one pass over `rows_total` rows in order, with the
 * rates that schedules end at. pass and split (0 test, 1 train, 2 the user's) address Monte-Carlo
 * masks; elsewhere nothing reads them. */
void control_evaluate(struct control *, size_t rows_total, int batch, uint32_t pass, uint32_t split,
                      uint32_t *rows);

#endif
