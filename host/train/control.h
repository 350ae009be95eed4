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

/* Fills ceil(rows_total / batch)[words] for one pass over `rows_total` rows in order. */
void control_evaluate(struct control *, size_t rows_total, int batch, uint32_t *rows);

/* Whose rows Monte-Carlo masks are drawn for: the top bits of counter word 3 (docs/masks.md). */
enum { SPLIT_TEST, SPLIT_TRAIN, SPLIT_USER };

/* Some passes over one batch. */
struct control_passes {
    size_t first;           /* where the batch starts in ORDER                */
    size_t valid;           /* its rows that count                            */
    uint32_t sample, split; /* of its first row, among the rows of that split */
    uint32_t pass, count;   /* passes pass .. pass + count - 1                */
    const int *end;         /* of the intervals (train/passes.h), NULL: none  */
};

/* Fills rows[count][words], with the rates that schedules end at. */
void control_passes(struct control *, const struct control_passes *, uint32_t *rows);

#endif
