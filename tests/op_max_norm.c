/* Max-norm constraints: columns of any number and length, behind every optimizer. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Half of the limits below are reached, so that some columns of most tensors are cut and some not.
 */
static const struct op_case cases[] = {
    {.name = "one weight",
     .input = "1",
     .layers = "[{dense: {units: 1, max_norm: 0.1}}]",
     .batch = 1},
    {.name = "one unit",
     .input = "70",
     .layers = "[{dense: {units: 1, max_norm: 0.5}}]",
     .batch = 2},
    {.name = "a vector, exactly one chunk",
     .input = "64",
     .layers = "[{dense: {units: 16, max_norm: 0.98}}]",
     .batch = 3,
     .steps = 3},
    {.name = "a vector + 1, a chunk + 1",
     .input = "65",
     .layers = "[{dense: {units: 17, max_norm: 0.98}}, {dense: {units: 3, max_norm: 0.9}}]",
     .batch = 3},
    {.name = "more than a group of units",
     .input = "130",
     .layers = "[{dense: {units: 66, max_norm: 0.98}}, {dense: {units: 3}}]",
     .batch = 2},
    {.name = "more rows than chunks of 64",
     .input = "70, 59, 1",
     .layers = "[{dense: {units: 5, max_norm: 0.98}}]",
     .batch = 2},
    {.name = "nothing is reached",
     .input = "9",
     .layers = "[{dense: {units: 5, max_norm: 1000}}]",
     .batch = 2},
    {.name = "all taps of filters",
     .input = "6, 5, 3",
     .layers = "[{conv: {filters: 18, kernel: 3, max_norm: 0.9}}, {conv: {filters: 18, kernel: 3, "
               "depthwise: true, max_norm: 0.6}}, {dense: {units: 3}}]",
     .batch = 2},
    {.name = "behind adam, before the average",
     .input = "19",
     .layers =
         "[{dense: {units: 23, max_norm: 0.95, activation: relu}}, batchnorm, {dense: {units: "
         "3}}]",
     .batch = 4,
     .steps = 3,
     .train = "  ema: 0.9\n  optimizer: {adamw: {lr: 0.1, weight_decay: 0.1}}\n"},
    {.name = "micro-batches",
     .input = "19",
     .layers = "[{dense: {units: 23, max_norm: 0.95}}, {dense: {units: 3}}]",
     .batch = 4,
     .train = "  micro_batch: 2\n  optimizer: {sgd: {lr: 0.1}}\n"},
    {.name = "evaluation",
     .input = "9",
     .layers = "[{dense: {units: 5, max_norm: 0.1}}]",
     .batch = 2,
     .mode = PLAN_EVAL},
};

#define REFUSED(value)                                                                             \
    {                                                                                              \
        {.name = value,                                                                            \
         .input = "3",                                                                             \
         .layers = "[{dense: {units: 2, max_norm: " value "}}]",                                   \
         .batch = 2},                                                                              \
            "dense.max_norm"                                                                       \
    }
static const struct op_refusal refusals[] = {REFUSED("0"), REFUSED("-1"), REFUSED("nan")};

#ifndef REAL_IS_DOUBLE
/* ---- the rule, in double ---- */

static const struct op_case ruled = {
    .name = "rule",
    .input = "12, 11, 3",
    .layers = "[{dense: {units: 70, max_norm: 0.98}}, {dense: {units: 3}}]",
    .batch = 2};

/* Column by column: cut to the limit in its own direction, or bit for bit what it was. A sum of 396
 * squares in chunks of 64 is off by at most 70 2^-24 of itself: half of that in the norm, so 3e-6.
 */
static void check_columns(const float *before, const float *after, int rows, int units) {
    int cut = 0;
    for (int u = 0; u < units; u++) {
        double square = 0;
        for (int i = 0; i < rows; i++) square += pow((double)before[i * units + u], 2);
        double norm = sqrt(square), factor = 0.98 / norm;
        if (fabs(factor - 1) < 3e-6) continue; /* either way */
        cut += factor < 1;
        for (int i = u; i < rows * units; i += units)
            ck_assert_msg(factor < 1 ? fabs((double)after[i] - factor * (double)before[i]) <=
                                           3e-6 * fabs((double)before[i])
                                     : after[i] == before[i],
                          "unit %d of norm %g: %g became %g", u, norm, (double)before[i],
                          (double)after[i]);
    }
    ck_assert_int_gt(cut, units / 10);
    ck_assert_int_lt(cut, units - units / 10);
}

static void check_rule(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    int step = op_world_step(m->world, "max_norm", 0), weight = p->steps[step].in[0];
    const struct shape *shape = &p->values[weight].shape;
    op_machine_run(m, p->update, step, 0);
    float *before = op_machine_value(m, weight);
    op_machine_run(m, step, step + 1, 0);
    float *after = op_machine_value(m, weight);
    check_columns(before, after, shape->dim[0], shape->dim[1]);
    free(before);
    free(after);
}

/* The padding and the other tensors are nobody's business here; nor is anything once the latch is
 * set. */
static void check_untouched(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    int step = op_world_step(m->world, "max_norm", 0);
    const struct value *v = &p->values[p->steps[step].in[0]];
    size_t n = shape_elements(&v->shape);
    op_machine_load(m);
    op_machine_run(m, step, step + 1, 0);
    float *now = op_machine_buffer(m, BUFFER_PARAM);
    const float *start = m->world->content[BUFFER_PARAM];
    ck_assert(memcmp(now + v->offset, start + v->offset, n * sizeof *now) != 0);
    memcpy(now + v->offset, start + v->offset, n * sizeof *now);
    ck_assert_mem_eq(now, start, p->buffer_bytes[BUFFER_PARAM]);
    free(now);

    op_machine_load(m);
    uint32_t *metric = op_machine_buffer(m, BUFFER_METRIC);
    metric[METRIC_LATCH] = 1;
    op_machine_put(m, p->metric, metric);
    op_machine_run(m, step, step + 1, 0);
    now = op_machine_buffer(m, BUFFER_PARAM);
    ck_assert_mem_eq(now, start, p->buffer_bytes[BUFFER_PARAM]);
    free(metric);
    free(now);
}

START_TEST(columns_are_cut_to_the_limit_and_nothing_else_is_touched) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    for (int t = -1; t < n; t++) {
        struct op_world world;
        struct op_machine m;
        op_world_open(&world, &ruled);
        op_machine_open(&m, &world, t < 0 ? &cpu : &targets[t]);
        op_machine_run(&m, 0, world.plan->update, 0);
        check_rule(&m);
        check_untouched(&m);
        op_machine_close(&m);
        op_world_close(&world);
    }
}
END_TEST

/* ---- where it stands ---- */

START_TEST(constraints_come_behind_the_optimizer_and_before_the_average) {
    struct op_case row = cases[8];
    struct op_world w;
    op_world_open(&w, &row);
    ck_assert_int_eq(op_world_step(&w, "max_norm", 0), op_world_step(&w, "adam", 0) + 1);
    ck_assert_int_eq(op_world_step(&w, "average", 0), op_world_step(&w, "adam", 0) + 2);
    op_world_close(&w);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, columns_are_cut_to_the_limit_and_nothing_else_is_touched);
    tcase_add_test(tests, constraints_come_behind_the_optimizer_and_before_the_average);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "max_norm",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
