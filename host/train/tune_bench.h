/* The workbench of the tuner: a plan on a device with whole numbers in every buffer, on which one
 * step at a time is run, checked and timed. Private to train/tune*. */
#ifndef DROPCL_TRAIN_TUNE_BENCH_H
#define DROPCL_TRAIN_TUNE_BENCH_H

#include "backend/backend.h"
#include "plan/op.h"

struct tune_bench {
    struct device *device;   /* borrowed */
    const struct plan *plan; /* borrowed */
    struct buffer *buffer[BUFFER_EXTERNAL];
    struct program *program; /* of the ways now set on the device */
    uint32_t *control;       /* the one CONTROL row              */
};

enum err tune_bench_open(struct tune_bench *, struct device *, const struct plan *);
void tune_bench_close(struct tune_bench *);

/* A program for the ways that are set on the device now. Any failure here is the way's. */
enum err tune_bench_build(struct tune_bench *);

/* Fills the inputs of a step with whole numbers from 1 to 5, runs it and reads its outputs into
 * out[k] (malloc'ed, the caller frees; NULL where there is none). */
enum err tune_bench_outputs(struct tune_bench *, int step, void *out[STEP_OUT]);

/* Whether the outputs are the reference's: 256 elements of each, corners included, by op->sample,
 * and, for small steps, every element. */
enum err tune_bench_check(struct tune_bench *, int step, void *const out[STEP_OUT], bool *right);

/* The shortest of several runs, in seconds. */
enum err tune_bench_time(struct tune_bench *, int step, double *seconds);

#endif
