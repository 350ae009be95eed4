/* What the files of the measurements share. */
#ifndef DROPCL_TRAIN_BENCH_PRIVATE_H
#define DROPCL_TRAIN_BENCH_PRIVATE_H

#include "base/real.h"
#include "plan/op.h"
#include "train/bench.h"
#include "train/evaluate.h"
#include "train/setup.h"

/* ---- bench.c ---- */

/* Runs the work `runs` times and waits for it. */
typedef enum err (*bench_work)(void *what, int64_t runs);

/* Times the work after one run that is not counted; fills seconds and best of the row. */
enum err bench_measure(const struct bench_options *, bench_work, void *what, struct bench_row *);
/* The same for a limit: many short windows, of which the best counts. */
enum err bench_measure_limit(const struct bench_options *, bench_work, void *what,
                             struct bench_row *);
void bench_note(const struct bench_options *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Sorts; the middle one, or the mean of the two. */
double bench_median(double *values, int count);

/* ---- bench_bed.c: one operation on buffers of its own ---- */

enum { BED_VALUES = 4 };

/* A plan made by hand: value 0 is CONTROL, those added behind it are floats in slots of their own.
 */
struct bed {
    struct recipe recipe;
    struct plan plan;
    struct value values[BED_VALUES + 1];
    struct step step;
    size_t slots[BED_VALUES];
    struct buffer *control;
    struct program *program;
};

void bed_init(struct bed *, const struct op *, const void *attr);
/* Adds a value of rows x columns floats; returns its index. */
int bed_add(struct bed *, const char *name, size_t rows, size_t columns);
/* Binds it, and fills every value with numbers within [-1, 1). */
enum err bed_open(struct bed *, struct device *);
void bed_close(struct bed *);
enum err bed_run(void *bed, int64_t runs); /* a bench_work */

/* ---- bench_world.c: a recipe ready to train ---- */

struct world {
    const struct recipe *recipe; /* borrowed */
    bool random_data;
    struct setup setup;
    struct plan *plan; /* of training, until a runner takes it */
    struct store store;
    struct runner runner;
    struct evaluator test; /* rows is 0 where there is nothing to evaluate */
    int64_t step;          /* next CONTROL row's step                      */
};

/* Opens the dataset, or makes random bytes of its shape. rows 0: as many as MNIST has; else that
 * many random ones in any case. */
enum err world_data(struct world *, const struct recipe *, const struct bench_options *, int rows);
enum err world_store(struct world *, struct device *);
enum err world_programs(struct world *);
enum err world_evaluator(struct world *);
enum err world_steps(void *world, int64_t runs);  /* a bench_work: optimizer steps */
enum err world_passes(void *world, int64_t runs); /* a bench_work: passes over the test rows */
void world_close(struct world *);

/* ---- bench_steps.c ---- */
enum err bench_steps(struct world *, const struct bench_options *);
/* Launches and costs of one optimizer step. */
void bench_step_cost(const struct world *, struct bench_row *);

#endif
