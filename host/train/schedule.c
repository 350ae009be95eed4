#include "train/schedule.h"
#include <math.h>
#include <stddef.h>

struct step_attr {
    struct schedule_warmup warmup;
    int every;
    double factor;
};

struct milestones_attr {
    struct schedule_warmup warmup;
    struct ints at;
    double factor;
};

/* Has a rise of its own, so no warm-up: that stays 0. */
struct one_cycle_attr {
    struct schedule_warmup warmup;
    double peak, start, end;
    int curve;
};

struct cosine_attr {
    struct schedule_warmup warmup;
    double to;
};

#define WARMUP                                                                                     \
    {                                                                                              \
        .name = "warmup", .type = ATTR_REAL, .offset = offsetof(struct schedule_warmup, warmup),   \
        .min = 0, .max = 1e6, .fallback = "0",                                                     \
        .doc = "Epochs over which the rate first rises linearly from 0."                           \
    }

static double constant_factor(const void *attr, const struct schedule_point *at,
                              double warm_steps) {
    (void)attr, (void)at, (void)warm_steps;
    return 1;
}

/* Whole epochs are counted from the start of training, warm-up included. */
static double step_factor(const void *attr, const struct schedule_point *at, double warm_steps) {
    (void)warm_steps;
    const struct step_attr *a = attr;
    int64_t drops = at->step / at->per_epoch / a->every;
    return pow(a->factor, (double)drops);
}

static double milestones_factor(const void *attr, const struct schedule_point *at,
                                double warm_steps) {
    (void)warm_steps;
    const struct milestones_attr *a = attr;
    int drops = 0;
    for (int i = 0; i < a->at.count; i++) drops += at->step / at->per_epoch >= a->at.at[i];
    return pow(a->factor, drops);
}

static const char *const curves[] = {"linear", "cosine", NULL};
enum { CURVE_LINEAR, CURVE_COSINE };

/* From `from` at done = 0 to `to` at done = 1. */
static double curve_between(int curve, double from, double to, double done) {
    const double pi = 3.14159265358979323846;
    if (curve == CURVE_COSINE) done = 0.5 * (1 - cos(pi * done));
    return from + (to - from) * done;
}

/* Up to the base rate at `peak` of the run, then down until its end (Smith, Topin 2019,
 * "Super-convergence"). */
static double one_cycle_factor(const void *attr, const struct schedule_point *at,
                               double warm_steps) {
    (void)warm_steps;
    const struct one_cycle_attr *a = attr;
    double done = (double)at->step / (double)at->steps;
    if (done < a->peak) return curve_between(a->curve, a->start, 1, done / a->peak);
    double rest = 1 - a->peak;
    return curve_between(a->curve, 1, a->end, rest > 0 ? fmin((done - a->peak) / rest, 1) : 0);
}

/* Half a cosine from 1 down to `to` over the steps behind the warm-up (Loshchilov and Hutter 2017,
 * "SGDR", equation 5, without restarts). */
static double cosine_factor(const void *attr, const struct schedule_point *at, double warm_steps) {
    const struct cosine_attr *a = attr;
    double length = (double)at->steps - warm_steps;
    double done = length > 0 ? ((double)at->step - warm_steps) / length : 1;
    const double pi = 3.14159265358979323846;
    return a->to + (1 - a->to) * 0.5 * (1 + cos(pi * fmin(done, 1)));
}

static const struct attr constant_attrs[] = {WARMUP, {0}};
static const struct attr step_attrs[] = {{.name = "every",
                                          .type = ATTR_INT,
                                          .offset = offsetof(struct step_attr, every),
                                          .min = 1,
                                          .max = 1e6,
                                          .doc = "Epochs between two drops of the rate."},
                                         {.name = "factor",
                                          .type = ATTR_REAL,
                                          .offset = offsetof(struct step_attr, factor),
                                          .min = 0,
                                          .max = 1,
                                          .fallback = "0.1",
                                          .doc = "What the rate is multiplied by at each drop."},
                                         WARMUP,
                                         {0}};
static const struct attr milestones_attrs[] = {
    {.name = "at",
     .type = ATTR_INTS,
     .offset = offsetof(struct milestones_attr, at),
     .min = 1,
     .max = 1e6,
     .doc = "Epochs after which the rate drops: [30, 45]."},
    {.name = "factor",
     .type = ATTR_REAL,
     .offset = offsetof(struct milestones_attr, factor),
     .min = 0,
     .max = 1,
     .fallback = "0.1",
     .doc = "What the rate is multiplied by at each drop."},
    WARMUP,
    {0}};
#define FRACTION(field, default_, text)                                                            \
    {                                                                                              \
        .name = #field, .type = ATTR_REAL, .offset = offsetof(struct one_cycle_attr, field),       \
        .min = 0, .max = 1, .fallback = default_, .doc = text                                      \
    }
static const struct attr one_cycle_attrs[] = {
    FRACTION(peak, "0.3", "Where in the run the optimizer's rate is reached."),
    FRACTION(start, "0.04", "The rate at the first step, as a fraction of the optimizer's."),
    FRACTION(end, "0", "The rate at the end, as a fraction of the optimizer's."),
    {.name = "curve",
     .type = ATTR_ENUM,
     .offset = offsetof(struct one_cycle_attr, curve),
     .names = curves,
     .fallback = "linear",
     .doc = "How the rate goes from one to the next: along a line or half a cosine."},
    {0}};
static const struct attr cosine_attrs[] = {
    {.name = "to",
     .type = ATTR_REAL,
     .offset = offsetof(struct cosine_attr, to),
     .min = 0,
     .max = 1,
     .fallback = "0",
     .doc = "The rate at the end, as a fraction of the base rate."},
    WARMUP,
    {0}};

static const struct schedule_type schedule_constant = {
    .schema = {.name = "constant",
               .doc = "The optimizer's rate throughout.",
               .size = sizeof(struct schedule_warmup),
               .attrs = constant_attrs},
    .factor = constant_factor};
static const struct schedule_type schedule_step = {
    .schema = {.name = "step",
               .doc = "The rate drops by a factor every so many epochs.",
               .size = sizeof(struct step_attr),
               .attrs = step_attrs},
    .factor = step_factor};
static const struct schedule_type schedule_milestones = {
    .schema = {.name = "milestones",
               .doc = "The rate drops by a factor after each of the epochs named.",
               .size = sizeof(struct milestones_attr),
               .attrs = milestones_attrs},
    .factor = milestones_factor};
static const struct schedule_type schedule_one_cycle = {
    .schema = {.name = "one_cycle",
               .doc = "The rate rises to the optimizer's and falls again, step by step, until the "
                      "last step.",
               .size = sizeof(struct one_cycle_attr),
               .attrs = one_cycle_attrs},
    .factor = one_cycle_factor};
static const struct schedule_type schedule_cosine = {
    .schema = {.name = "cosine",
               .doc = "The rate falls along half a cosine, step by step, until the last step.",
               .size = sizeof(struct cosine_attr),
               .attrs = cosine_attrs},
    .factor = cosine_factor};

const struct schema *const schedule_list[] = {&schedule_constant.schema,   &schedule_step.schema,
                                              &schedule_milestones.schema, &schedule_cosine.schema,
                                              &schedule_one_cycle.schema,  NULL};

double schedule_rate(const struct choice *schedule, double base, const struct schedule_point *at) {
    if (!schedule->schema) return base;
    /* the schema is the first member of its type */
    const struct schedule_type *type = (const struct schedule_type *)(const void *)schedule->schema;
    const struct schedule_warmup *warmup = schedule->attr;
    double warm_steps = warmup->warmup * (double)at->per_epoch;
    if ((double)at->step < warm_steps) return base * ((double)at->step / warm_steps);
    return base * type->factor(schedule->attr, at, warm_steps);
}

/* ---- rates of dropping ---- */

struct linear_attr {
    double from, over;
};

/* from + (rate - from) min(1, t / (over N)). */
static double linear_rate(const void *attr, double rate, const struct schedule_point *at) {
    const struct linear_attr *a = attr;
    double ramp = a->over * (double)at->steps;
    return a->from + (rate - a->from) * fmin(1, (double)at->step / ramp);
}

static const struct attr linear_attrs[] = {
    {.name = "from",
     .type = ATTR_REAL,
     .offset = offsetof(struct linear_attr, from),
     .min = 0,
     .max = 1,
     .fallback = "0",
     .doc = "the rate at the first step"},
    {.name = "over",
     .type = ATTR_REAL,
     .offset = offsetof(struct linear_attr, over),
     .above_min = true,
     .max = 1,
     .fallback = "1",
     .doc = "the share of the run after which the layer's own rate is reached"},
    {0}};

static const struct rate_schedule_type schedule_linear = {
    .schema = {.name = "linear",
               .doc = "The rate goes in equal steps from one value to the layer's own.",
               .size = sizeof(struct linear_attr),
               .attrs = linear_attrs},
    .rate = linear_rate};

const struct schema *const rate_schedule_list[] = {&schedule_linear.schema, NULL};

double schedule_drop_rate(const struct choice *schedule, double rate,
                          const struct schedule_point *at) {
    if (!schedule->schema) return rate;
    const struct rate_schedule_type *type =
        (const struct rate_schedule_type *)(const void *)schedule->schema;
    return type->rate(schedule->attr, rate, at);
}
