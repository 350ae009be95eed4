/* A runner: one plan bound to a store and ready to run, with the buffers that are its own: the
 * order of rows, CONTROL, METRIC and the sums over passes. It owns the plan and borrows the store.
 */
#ifndef DROPCL_TRAIN_RUNNER_H
#define DROPCL_TRAIN_RUNNER_H

#include "train/store.h"

struct runner {
    struct plan *plan;                       /* owned */
    struct program *program;                 /* owned */
    struct buffer *order, *control, *metric; /* owned */
    struct buffer *passes;                   /* owned; NULL: not a Monte-Carlo plan */
    int words;                               /* of a CONTROL row */
    uint32_t *rows;   /* host copy of CONTROL: [plan->options.control_rows][words] */
    uint32_t *totals; /* host copy of METRIC */
};

/* Sums over the rows of METRIC. */
struct tally {
    double loss; /* sum of losses */
    uint64_t hits;
    int64_t bad_row; /* first CONTROL row whose loss was not finite, -1: none */
};

/* Takes `plan` over, also on failure. ERR_SYSTEM, and what building kernels reports. */
enum err runner_new(struct runner *, const struct store *, struct plan *plan);
void runner_free(struct runner *);

/* Queues one optimizer step: every micro-batch forward and backward, their gradients summed as a
 * tree, the update. `cursor` is the CONTROL row of the first micro-batch; the optimizer reads the
 * last one's. Waits while the device is more than 32 steps behind. */
enum err runner_step(struct runner *, int micro_batches, uint32_t cursor);

enum err runner_set_order(struct runner *, const uint32_t *order, size_t count);
/* Uploads the first `count` of `rows`. */
enum err runner_set_control(struct runner *, size_t count);
enum err runner_clear_metric(struct runner *);
/* Waits for the device. */
enum err runner_tally(struct runner *, size_t count, struct tally *);

#endif
