/* Measuring: what the device can do at most, matrix products, convolutions and dropout on their
 * own, and a recipe's training and evaluation step by step. Every result is one row; nothing is
 * printed here.
 *
 * A measurement runs the same work in several windows, each long enough for the clock, and gives
 * the median over the windows and the best of them. Limits are the best: a limit is what was
 * reached. */
#ifndef DROPCL_TRAIN_BENCH_H
#define DROPCL_TRAIN_BENCH_H

#include "backend/backend.h"
#include "recipe/recipe.h"

/* One result. Numbers that were not measured, or make no sense for the row, are NaN. */
struct bench_row {
    const char *section; /* "limit", "gemm", "conv", "dropout", "train", ... (docs/json.md) */
    const char *name;    /* what was run                                                 */
    const char *detail;  /* which candidate, or the layer it came from; NULL: none       */
    char shape[64];
    double seconds, best; /* of one run: median, and the fastest window                   */
    double processor;     /* processor time of one run, of all threads: the median        */
    double flops, bytes;  /* of one run                                                   */
    double samples;       /* rows that one run handles                                    */
    double elements;      /* numbers that one run produces                                */
    int launches;         /* of one run, -1: not counted                                  */
};
struct bench_row bench_row(const char *section, const char *name, const char *detail);

/* What the device reached; NaN where it was not measured (the reference has no kernels). */
struct bench_limits {
    double flops;  /* fused multiply-adds, two operations each, per second             */
    double bytes;  /* read and written by a copy between buffers larger than any cache */
    double launch; /* seconds of an empty kernel, many queued                          */
    double wait;   /* seconds of an empty kernel that is waited for                    */
};

struct bench_options {
    const char *data; /* dataset folder, as in dataset.h                         */
    int64_t steps;    /* runs of a window; 0: as many as give a window some length */
    bool tune;        /* time the kernels again, whatever is kept              */
    void (*report)(const struct bench_row *, void *user);
    void (*message)(const char *text, void *user);
    void *user;
};

/* Every function below reports its rows as it goes. ERR_SYSTEM and what the backend reports. */
enum err bench_limits(struct device *, const struct bench_options *, struct bench_limits *out);
/* Its arithmetic alone: flops of the best way to keep the units busy; not for the reference. */
enum err bench_peak(struct device *, const struct bench_options *, double *flops);
/* Matrix products of this program and of the library, at the shapes of a small network, and larger.
 */
enum err bench_gemm(struct device *, const struct bench_options *);
/* Forward, dx and dW of 3 x 3 convolutions, in each way that the device has for them. */
enum err bench_conv(struct device *, const struct bench_options *);
/* The dropout kernels on their own. */
enum err bench_dropout(struct device *, const struct bench_options *);

enum bench_part { BENCH_TRAIN = 1, BENCH_INFER = 2, BENCH_STEPS = 4, BENCH_OPEN = 8 };

struct bench_summary {
    bool random_data; /* the dataset was not found */
    int batch, launches;
    double train, infer; /* samples per second */
};

/* Training and inference of a recipe. spec: the device as device_find takes it; `parts` of enum
 * bench_part. began: seconds since the process began, at the time `began_at` of clock_seconds, for
 * BENCH_OPEN. */
enum err bench_recipe(const char *spec, const struct recipe *, const struct bench_options *,
                      int parts, double began, double began_at, struct bench_summary *);

#endif
