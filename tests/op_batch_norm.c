/* Batch normalisation behind dense layers and on images: bits, gradients, running statistics, what
 * evaluation does with them. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Behind a batch norm the size of weights does not matter, so their gradients are as large as they
 * are; batches below five make the output nearly independent of the input, and nothing to check. */
#define CONVOLUTIONS                                                                               \
    "[{conv: {filters: 17, kernel: 3, pad: same, bias: false}}, batchnorm, relu, "                 \
    "{conv: {filters: 17, kernel: 3, pad: same, depthwise: true, bias: false}}, "                  \
    "{batchnorm: {epsilon: 0.01}}, relu, {conv: {filters: 9, kernel: 2, stride: 2}}, batchnorm, "  \
    "{conv: {filters: 9, kernel: 1, depthwise: true}}, batchnorm, relu, {dense: {units: 4}}]"
#define RESIDUAL                                                                                   \
    "[{residual: {activation: relu, body: [{conv: {filters: 8, kernel: 3, stride: 2, pad: same, "  \
    "bias: false}}, batchnorm, relu, {conv: {filters: 8, kernel: 3, pad: same, bias: false}}, "    \
    "batchnorm], shortcut: [{conv: {filters: 8, kernel: 1, stride: 2, bias: false}}, "             \
    "batchnorm]}}, {dense: {units: 4}}]"

static const struct op_case cases[] = {
    {.name = "behind a dense layer",
     .input = "7",
     .layers = "[{dense: {units: 5}}, batchnorm, {dense: {units: 3}}]",
     .batch = 6},
    {.name = "full vectors, ReLU",
     .input = "7",
     .layers = "[{dense: {units: 32, bias: false}}, batchnorm, relu, {dense: {units: 3}}]",
     .batch = 9},
    {.name = "vectors + 1, ReLU and dropout",
     .input = "7",
     .layers = "[{dense: {units: 17}}, batchnorm, relu, {dropout: {rate: 0.5}}, "
               "{dense: {units: 3}}]",
     .batch = 8,
     .steps = 3},
    {.name = "two rows", .input = "3", .layers = "[batchnorm, {dense: {units: 2}}]", .batch = 2},
    {.name = "images of one channel",
     .input = "3, 4, 1",
     .layers = "[batchnorm, {dense: {units: 3}}]",
     .batch = 3},
    {.name = "images of three channels",
     .input = "5, 3, 3",
     .layers = "[batchnorm, relu, {dense: {units: 3}}]",
     .batch = 3},
    {.name = "images of sixteen channels, one chunk + 1",
     .input = "5, 13, 16",
     .layers = "[batchnorm, {dense: {units: 3}}]",
     .batch = 1},
    {.name = "many chunks, the last of one row",
     .input = "1, 1, 2",
     .layers = "[batchnorm, {dense: {units: 2}}]",
     .batch = 16513},
    {.name = "five chunks, more channels than a group has",
     .input = "2, 33, 67",
     .layers = "[batchnorm, {dense: {units: 2}}]",
     .batch = 4},
    {.name = "one behind another, other attributes",
     .input = "6",
     .layers = "[{dense: {units: 8}}, {batchnorm: {momentum: 0.5, epsilon: 0.01}}, relu, "
               "{batchnorm: {momentum: 1}}, {dense: {units: 3}}]",
     .batch = 12,
     .steps = 2},
    {.name = "behind a ReLU, nothing fused",
     .input = "6",
     .layers = "[{dense: {units: 8, activation: relu}}, batchnorm, {dropout: {rate: 0.3}}, "
               "{dense: {units: 3}}]",
     .batch = 12,
     .no_fuse = true},
    {.name = "behind a ReLU, fused",
     .input = "6",
     .layers = "[{dense: {units: 8, activation: relu}}, batchnorm, {dense: {units: 3}}]",
     .batch = 12},
    {.name = "read twice",
     .input = "6",
     .layers = "[{dense: {units: 8}}, batchnorm, {fork: {rate: 0.5}}, {dense: {units: 3}}]",
     .batch = 12},
    {.name = "last",
     .input = "6",
     .layers = "[{dense: {units: 4}}, batchnorm]",
     .batch = 12,
     .steps = 2},
    {.name = "evaluation, folded",
     .input = "18",
     .layers = "[{dense: {units: 17}}, batchnorm, relu, {dense: {units: 65, bias: false}}, "
               "batchnorm, {dense: {units: 4}}]",
     .batch = 5,
     .mode = PLAN_EVAL},
    {.name = "evaluation, nothing to fold into",
     .input = "3, 5, 3",
     .layers = "[batchnorm, relu, {dense: {units: 17, activation: relu}}, batchnorm, relu, "
               "{dense: {units: 4}}]",
     .batch = 5,
     .mode = PLAN_EVAL},
    {.name = "evaluation, folded into convolutions, depthwise and strided ones",
     .input = "5, 6, 3",
     .layers = CONVOLUTIONS,
     .batch = 3,
     .mode = PLAN_EVAL},
    {.name = "evaluation, folded into a residual block",
     .input = "5, 6, 3",
     .layers = RESIDUAL,
     .batch = 3,
     .mode = PLAN_EVAL},
    {.name = "Monte-Carlo evaluation of a convolution",
     .input = "4, 5, 2",
     .layers =
         "[{conv: {filters: 17, kernel: 2, bias: false}}, batchnorm, {dropout2d: {rate: 0.5}}, "
         "batchnorm, {dense: {units: 4}}]",
     .batch = 3,
     .mode = PLAN_MC},
    {.name = "Monte-Carlo evaluation",
     .input = "9",
     .layers = "[{dense: {units: 17}}, batchnorm, relu, {dropout: {rate: 0.5}}, batchnorm, "
               "{dense: {units: 4}}]",
     .batch = 5,
     .mode = PLAN_MC},
};

static const struct op_refusal refusals[] = {
    {{.name = "one row",
      .input = "3",
      .layers = "[{dense: {units: 2}}, {batchnorm: {name: bn}}]",
      .batch = 1},
     "bn gets 1 value per channel"},
    {{.name = "micro-batches of one row",
      .input = "3",
      .layers = "[{dense: {units: 2}}, batchnorm]",
      .batch = 4,
      .train = "  micro_batch: 1\n  optimizer: {sgd: {lr: 0.1}}\n"},
     "at least 2"},
    {{.name = "momentum above 1",
      .input = "3",
      .layers = "[{batchnorm: {momentum: 1.5}}, {dense: {units: 2}}]",
      .batch = 4},
     "momentum"},
    {{.name = "epsilon 0",
      .input = "3",
      .layers = "[{batchnorm: {epsilon: 0}}, {dense: {units: 2}}]",
      .batch = 4},
     "epsilon"},
};

/* ---- folding ---- */

static real *logits_of(struct op_case row, bool apart) {
    struct op_target cpu = op_reference();
    struct op_world w;
    struct op_machine m;
    row.no_fuse = apart;
    op_world_open(&w, &row);
    op_world_guard(&w);
    op_machine_open(&m, &w, &cpu);
    op_machine_run_all(&m);
    real *logits = op_machine_value(&m, w.plan->logits);
    op_machine_close(&m);
    op_world_close(&w);
    return logits;
}

/* (W gamma rstd) x + b' instead of (W x - mean) gamma rstd + beta, four layers deep: the numbers
 * are the same but for rounding, here some hundred roundings of what is near 1. In double as well,
 * where a wrong formula that float's tolerance lets pass has nowhere to hide. */
START_TEST(folding_changes_nothing_but_the_rounding) {
    static const char *const layers[] = {CONVOLUTIONS, RESIDUAL};
    const struct op_case row = {.name = "folded and apart",
                                .input = "5, 6, 3",
                                .layers = layers[_i],
                                .batch = 3,
                                .mode = PLAN_EVAL};
    const double tolerance = 100 * (sizeof(real) == 8 ? 0x1p-53 : 0x1p-24);
    real *folded = logits_of(row, false), *apart = logits_of(row, true);
    double gap = 0, size = 0;
    for (int i = 0; i < 3 * 4; i++) {
        gap += pow((double)folded[i] - (double)apart[i], 2);
        size += pow((double)apart[i], 2);
    }
    ck_assert_msg(gap > 0, "the same bits: nothing was folded");
    ck_assert_msg(sqrt(gap / size) < tolerance, "%g of %g", sqrt(gap), sqrt(size));
    free(folded);
    free(apart);
}
END_TEST

#ifndef REAL_IS_DOUBLE
enum { ROWS = 150, CHANNELS = 21 };

static const struct op_case plain = {
    .name = "numbers at hand",
    .input = "4",
    .layers = "[{dense: {units: 21}}, {batchnorm: {momentum: 0.25}}, {dense: {units: 3}}]",
    .batch = ROWS};

/* The same network on one target, and what its batch norm did. */
struct trial {
    struct op_world world;
    struct op_machine machine;
    int statistics, reduce;
};

static void open_trial(struct trial *t, const struct op_target *target) {
    op_world_open(&t->world, &plain);
    op_world_guard(&t->world);
    op_machine_open(&t->machine, &t->world, target);
    t->statistics = op_world_step(&t->world, "batch_norm_statistics", 0);
    t->reduce = op_world_step(&t->world, "batch_norm_reduce", 0);
}

static void close_trial(struct trial *t) {
    op_machine_close(&t->machine);
    op_world_close(&t->world);
}

static void on_all_targets(void (*check)(struct trial *)) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    struct trial t;
    int n = op_targets(targets);
    for (int i = -1; i < n; i++) {
        open_trial(&t, i < 0 ? &cpu : &targets[i]);
        check(&t);
        close_trial(&t);
    }
}

static void two_pass(const float *x, int c, double *mean, double *squares) {
    *mean = *squares = 0;
    for (int i = 0; i < ROWS; i++) *mean += (double)x[i * CHANNELS + c] / ROWS;
    for (int i = 0; i < ROWS; i++) *squares += pow((double)x[i * CHANNELS + c] - *mean, 2);
}

/* 10000 + noise of size 1: E[x^2] - E[x]^2 in float would have no correct digit left. The mean is
 * good to some ten roundings of 2^-24, which is 0.006 here; about a mean that is off by d the
 * variance is too large by d^2, 4e-5 of 1/3. */
static void check_far_from_zero(struct trial *t) {
    float x[ROWS * CHANNELS];
    for (uint32_t i = 0; i < ROWS * CHANNELS; i++) x[i] = (float)(1e4 + op_random_real(71, i));
    op_machine_put(&t->machine, t->world.plan->steps[t->statistics].in[0], x);
    op_machine_run(&t->machine, t->statistics, t->statistics + 1, 0);
    float *moments = op_machine_value(&t->machine, t->world.plan->steps[t->statistics].out[0]);
    for (int c = 0; c < CHANNELS; c++) {
        double mean, squares;
        two_pass(x, c, &mean, &squares);
        ck_assert_double_eq_tol((double)moments[c], mean, 1e4 * 1e-6);
        ck_assert_double_eq_tol((double)moments[2 * CHANNELS + c] / (squares / ROWS), 1, 4e-4);
        double rstd = 1 / sqrt(squares / ROWS + 1e-5);
        ck_assert_double_eq_tol((double)moments[CHANNELS + c] / rstd, 1, 4e-4);
    }
    free(moments);
}

START_TEST(variance_is_right_far_from_zero) {
    on_all_targets(check_far_from_zero);
}
END_TEST

static void check_overflow(struct trial *t) {
    float x[ROWS * CHANNELS];
    for (uint32_t i = 0; i < ROWS * CHANNELS; i++) x[i] = (float)(1e30 * op_random_real(72, i));
    op_machine_put(&t->machine, t->world.plan->steps[t->statistics].in[0], x);
    op_machine_run(&t->machine, t->statistics, t->statistics + 1, 0);
    float *moments = op_machine_value(&t->machine, t->world.plan->steps[t->statistics].out[0]);
    for (int c = 0; c < CHANNELS; c++) ck_assert(isnan(moments[CHANNELS + c]));
    free(moments);
}

START_TEST(variance_beyond_float_becomes_a_number_that_training_sees) {
    on_all_targets(check_overflow);
}
END_TEST

/* PyTorch's rule: momentum of the new, the variance unbiased. */
static void check_running(struct trial *t) {
    const struct plan *p = t->world.plan;
    int mean_value = op_world_value(&t->world, "batchnorm1.running_mean");
    int variance_value = op_world_value(&t->world, "batchnorm1.running_var");
    float *mean = op_machine_value(&t->machine, mean_value);
    float *variance = op_machine_value(&t->machine, variance_value);
    op_machine_run_all(&t->machine);
    float *x = op_machine_value(&t->machine, p->steps[t->statistics].in[0]);
    float *mean_after = op_machine_value(&t->machine, mean_value);
    float *variance_after = op_machine_value(&t->machine, variance_value);
    for (int c = 0; c < CHANNELS; c++) {
        double now, squares;
        two_pass(x, c, &now, &squares);
        double want = 0.75 * (double)mean[c] + 0.25 * now;
        double want_variance = 0.75 * (double)variance[c] + 0.25 * squares / (ROWS - 1);
        ck_assert_double_eq_tol((double)mean_after[c], want, 1e-6);
        ck_assert_double_eq_tol((double)variance_after[c], want_variance, 1e-6);
    }
    free(x);
    free(mean);
    free(variance);
    free(mean_after);
    free(variance_after);
}

START_TEST(running_statistics_follow_the_rule) {
    on_all_targets(check_running);
}
END_TEST

static void check_latched(struct trial *t) {
    const struct plan *p = t->world.plan;
    uint32_t *metric = op_machine_buffer(&t->machine, BUFFER_METRIC);
    metric[METRIC_LATCH] = 1;
    op_machine_put(&t->machine, p->metric, metric);
    op_machine_run_all(&t->machine);
    void *after = op_machine_buffer(&t->machine, BUFFER_PARAM);
    ck_assert_mem_eq(after, t->world.content[BUFFER_PARAM], p->buffer_bytes[BUFFER_PARAM]);
    free(metric);
    free(after);
}

START_TEST(nothing_moves_once_a_loss_was_not_finite) {
    on_all_targets(check_latched);
}
END_TEST

/* The loss of this very batch becomes NaN: its statistics must not get in either. */
static void check_bad_batch(struct trial *t) {
    const struct plan *p = t->world.plan;
    float x[ROWS * CHANNELS];
    for (uint32_t i = 0; i < ROWS * CHANNELS; i++) x[i] = i == 77 ? NAN : 1;
    op_machine_run(&t->machine, 0, t->statistics, 0);
    op_machine_put(&t->machine, p->steps[t->statistics].in[0], x);
    op_machine_run(&t->machine, t->statistics, p->combine, 0);
    op_machine_run(&t->machine, p->update, p->nsteps, 0);
    void *after = op_machine_buffer(&t->machine, BUFFER_PARAM);
    ck_assert_mem_eq(after, t->world.content[BUFFER_PARAM], p->buffer_bytes[BUFFER_PARAM]);
    free(after);
}

START_TEST(a_batch_with_a_loss_that_is_not_finite_leaves_no_trace) {
    on_all_targets(check_bad_batch);
}
END_TEST
#endif

static void more(TCase *tests) {
    tcase_add_loop_test(tests, folding_changes_nothing_but_the_rounding, 0, 2);
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, variance_is_right_far_from_zero);
    tcase_add_test(tests, variance_beyond_float_becomes_a_number_that_training_sees);
    tcase_add_test(tests, running_statistics_follow_the_rule);
    tcase_add_test(tests, nothing_moves_once_a_loss_was_not_finite);
    tcase_add_test(tests, a_batch_with_a_loss_that_is_not_finite_leaves_no_trace);
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "batch_norm",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
