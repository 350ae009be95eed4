/* Schedules: the learning rate and the rates of dropping as pure functions of the optimizer step,
 * computed on the host in double. */
#ifndef DROPCL_TRAIN_SCHEDULE_H
#define DROPCL_TRAIN_SCHEDULE_H

#include "recipe/recipe.h"
#include <stdint.h>

/* Where training is. */
struct schedule_point {
    int64_t step;      /* optimizer step, from 0                                  */
    int64_t steps;     /* of the whole run as the recipe says, --steps not counted */
    int64_t per_epoch; /* optimizer steps of one epoch, at least 1                */
};

/* One kind of schedule. Its attributes start with `struct schedule_warmup`. */
struct schedule_type {
    struct schema schema;
    double (*factor)(const void *attr, const struct schedule_point *at, double warm_steps);
};

/* What every schedule can do first: rise linearly from 0 (at step 0) to the full rate. */
struct schedule_warmup {
    double warmup; /* epochs, may be a fraction */
};

/* NULL-terminated, for the vocabulary. */
extern const struct schema *const schedule_list[];

/* The learning rate at a point; an absent schedule (schema NULL) is constant. */
double schedule_rate(const struct choice *schedule, double base, const struct schedule_point *at);

/* How a drop rate changes over a run (docs/masks.md, "Rates that change"). */
struct rate_schedule_type {
    struct schema schema;
    double (*rate)(const void *attr, double rate, const struct schedule_point *at);
};

/* NULL-terminated, for the vocabulary. */
extern const struct schema *const rate_schedule_list[];

/* The drop rate at a point of training; `rate` is where the schedule ends, and what there is
 * without one (schema NULL). */
double schedule_drop_rate(const struct choice *schedule, double rate,
                          const struct schedule_point *at);

#endif
