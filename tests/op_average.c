/* The averaged model: one rule over every tensor, running statistics included. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN "  ema: 0.9\n  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}\n"

static const struct op_case cases[] = {
    {.name = "two layers and a batch norm",
     .input = "7",
     .layers = "[{dense: {units: 19}}, batchnorm, relu, {dense: {units: 5}}]",
     .batch = 6,
     .steps = 3,
     .train = TRAIN},
    {.name = "one weight",
     .input = "1",
     .layers = "[{dense: {units: 1, bias: false}}]",
     .batch = 1,
     .train = TRAIN},
    {.name = "more work than groups",
     .input = "65",
     .layers = "[{dense: {units: 67}}]",
     .batch = 2,
     .train = TRAIN},
    {.name = "micro-batches",
     .input = "7",
     .layers = "[{dense: {units: 5}}, batchnorm, {dense: {units: 3}}]",
     .batch = 8,
     .train = "  micro_batch: 4\n" TRAIN},
};

static const struct op_refusal refusals[] = {
    {{.name = "a decay of 1",
      .input = "3",
      .layers = "[{dense: {units: 2}}]",
      .batch = 2,
      .train = "  ema: 1\n  optimizer: {sgd: {lr: 0.1}}\n"},
     "ema"},
};

#ifndef REAL_IS_DOUBLE
/* rate is 0.3 in every row of the harness; its float, and one rounding of w - mean and of the sum.
 */
static void check_rule(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    int mean_value = op_world_value(m->world, "average");
    float *before = op_machine_value(m, mean_value);
    op_machine_run_all(m);
    float *w = op_machine_buffer(m, BUFFER_PARAM), *after = op_machine_value(m, mean_value);
    for (size_t i = 0; i < p->stored; i++) {
        double want = 0.7 * (double)before[i] + 0.3 * (double)w[i];
        double bound = 3e-7 * (fabs((double)before[i]) + fabs((double)w[i]));
        ck_assert_msg(fabs((double)after[i] - want) <= bound, "average[%zu] is %.9g, want %.9g", i,
                      (double)after[i], want);
    }
    free(before);
    free(after);
    free(w);
}

static void check_latch(struct op_machine *m) {
    int mean_value = op_world_value(m->world, "average");
    op_machine_load(m);
    uint32_t *metric = op_machine_buffer(m, BUFFER_METRIC);
    metric[METRIC_LATCH] = 1;
    op_machine_put(m, m->world->plan->metric, metric);
    op_machine_run_all(m);
    float *after = op_machine_value(m, mean_value);
    ck_assert_mem_eq(after, m->world->content[BUFFER_AVERAGE],
                     m->world->plan->buffer_bytes[BUFFER_AVERAGE]);
    free(metric);
    free(after);
}

START_TEST(the_average_follows_the_rule_and_stops_with_the_optimizer) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    for (int t = -1; t < n; t++) {
        struct op_case row = cases[0];
        struct op_world world;
        struct op_machine m;
        row.steps = 1;
        op_world_open(&world, &row);
        op_machine_open(&m, &world, t < 0 ? &cpu : &targets[t]);
        check_rule(&m);
        check_latch(&m);
        op_machine_close(&m);
        op_world_close(&world);
    }
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, the_average_follows_the_rule_and_stops_with_the_optimizer);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "average",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
