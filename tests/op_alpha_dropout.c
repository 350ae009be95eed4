/* Alpha dropout: by element and by channel, its constants, and what it is for: mean 0 and variance
 * 1 behind selu. */
#include "control_words.h"
#include "harness/op.h"
#include "harness/op_statistics.h"
#include "philox.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALPHA(attributes) "{alpha_dropout: {" attributes "}}"
#define AFTER(layer)      "[{dense: {units: 21, activation: selu}}, " layer ", {dense: {units: 4}}]"
#define RATE(rate)        .input = "9", .layers = AFTER(ALPHA("rate: " rate)), .batch = 5

static const struct op_case cases[] = {
    {.name = "rate 0", RATE("0")},
    {.name = "rate 0.05", RATE("0.05")},
    {.name = "rate 0.5", RATE("0.5"), .steps = 3},
    {.name = "rate 1", RATE("1")},
    {.name = "nothing fused", RATE("0.3"), .no_fuse = true},
    {.name = "behind a ReLU, whose mask implies nothing here",
     .input = "9",
     .layers = "[{dense: {units: 21}}, relu, " ALPHA("rate: 0.3") ", {dense: {units: 4}}]",
     .batch = 5},
    {.name = "whole channels, in blocks of four",
     .input = "3, 2, 8",
     .layers = "[" ALPHA("rate: 0.4, by: channel") ", {dense: {units: 4}}]",
     .batch = 4},
    {.name = "whole channels of a sequence, behind a layer",
     .input = "7",
     .layers = "[{dense: {units: 60}}, {image: {shape: [4, 15]}}, selu, " ALPHA(
         "rate: 0.4, by: channel") ", {dense: {units: 4}}]",
     .batch = 4,
     .seed = 0xfedcba9876543210u},
    {.name = "with the masks of another layer",
     .input = "9",
     .layers = AFTER("{dropout: {rate: 0.3, id: 4, share: true}}, " ALPHA(
         "rate: 0.5, id: 4, share: true") ", " ALPHA("rate: 0.1")),
     .batch = 5},
    {.name = "passes of a Monte-Carlo evaluation", RATE("0.5"), .steps = 2, .mode = PLAN_MC},
    {.name = "evaluation", RATE("0.5"), .mode = PLAN_EVAL},
};

static const struct op_refusal refusals[] = {
    {{.name = "above 1", .input = "3", .layers = "[" ALPHA("rate: 1.5") "]", .batch = 2},
     "the probability to drop"},
    {{.name = "by pixel",
      .input = "3",
      .layers = "[" ALPHA("rate: 0.5, by: pixel") "]",
      .batch = 2},
     "unknown value 'pixel'"},
};

/* ---- constants ---- */

/* The affine map must take the two moments of the mixture back to 0 and 1: alpha' with probability
 * p, else any x of mean 0 and variance 1. */
START_TEST(the_constants_restore_mean_and_variance_exactly) {
    static const double rates[] = {0.001, 0.05, 0.1, 0.5, 0.9, 0.999};
    char layers[64];
    snprintf(layers, sizeof layers, "[" ALPHA("rate: %g") "]", rates[_i]);
    const struct op_case row = {.name = "constants", .input = "3", .layers = layers, .batch = 2};
    struct op_world w;
    op_world_open(&w, &row);
    struct decision d = draw_decide(&w.plan->draws[0], rates[_i]);
    double p = (double)d.threshold * 0x1p-32, dropped = -1.7580993408473766, a = (double)d.scale;
    double mean = a * p * dropped + (double)d.extra;
    double square =
        p * pow(a * dropped + (double)d.extra, 2) + (1 - p) * (a * a + pow((double)d.extra, 2));
    /* a and b are floats: relative errors of 2^-24, in sums of numbers below a alpha' */
    ck_assert_double_eq_tol(mean, 0, 2e-7 * (1 + a));
    ck_assert_double_eq_tol(square - mean * mean, 1, 4e-7 * (1 + a * a));
    op_world_close(&w);
}
END_TEST

#ifndef REAL_IS_DOUBLE
/* ---- real steps ---- */

enum { SAMPLES = 256, ELEMENTS = 256, NUMBERS = SAMPLES * ELEMENTS };

/* What one layer makes of x [256][256]. */
static float *run_layer(const struct op_target *target, const char *layer, const float *x) {
    char layers[128];
    snprintf(layers, sizeof layers, "[%s, {dense: {units: 2}}]", layer);
    const struct op_case row = {.name = layer,
                                .input = "16, 16, 1",
                                .layers = layers,
                                .batch = SAMPLES,
                                .seed = 43,
                                .no_fuse = true};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    int i = 0;
    while (!world.plan->steps[i].nstages || world.plan->steps[i].stage[0].draw < 0) i++;
    world.plan->nsteps = i + 1;
    op_machine_open(&m, &world, target);
    op_machine_put(&m, world.plan->steps[i].in[0], x);
    op_machine_run(&m, i, i + 1, 0);
    float *y = op_machine_value(&m, world.plan->steps[i].out[0]);
    op_machine_close(&m);
    op_world_close(&world);
    return y;
}

/* Numbers of mean 0 and variance 1 as selu makes them of normal ones: sums of 12 uniform ones. */
static float *activations(void) {
    float *x = malloc(NUMBERS * sizeof *x);
    ck_assert_ptr_nonnull(x);
    double sum = 0, square = 0;
    for (uint32_t i = 0; i < NUMBERS; i++) {
        double n = 0;
        for (uint32_t k = 0; k < 12; k++) n += op_random_real(90 + k, i) / 2;
        x[i] = (float)(n > 0 ? 1.0507009873554805 * n : 1.7580993408473766 * expm1(n));
        sum += (double)x[i];
        square += (double)x[i] * (double)x[i];
    }
    double mean = sum / NUMBERS, deviation = sqrt(square / NUMBERS - mean * mean);
    for (int i = 0; i < NUMBERS; i++) x[i] = (float)(((double)x[i] - mean) / deviation);
    return x;
}

/* The mean of y has the standard deviation 1 / sqrt(n), that of y^2 sqrt(E y^4 - 1) / sqrt(n),
 * taken from the numbers themselves. */
static void demand_moments(const float *y, const char *layer) {
    double sum = 0, square = 0, fourth = 0, n = NUMBERS;
    for (int i = 0; i < NUMBERS; i++) {
        sum += (double)y[i];
        square += pow((double)y[i], 2);
        fourth += pow((double)y[i], 4);
    }
    ck_assert_msg(fabs(sum / sqrt(n)) < OP_ALARM, "%s: the mean is %g", layer, sum / n);
    ck_assert_msg(fabs(square - n) < OP_ALARM * sqrt(n * (fourth / n - 1)), "%s: mean square %g",
                  layer, square / n);
}

static void demand_contract(const float *x, const float *y, double rate) {
    double p = rint(rate * 0x1p32) * 0x1p-32, dropped = -1.7580993408473766;
    double a = 1 / sqrt((1 - p) * (1 + p * dropped * dropped));
    float scale = (float)a, shift = (float)(-a * p * dropped);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        uint32_t word = philox_word(43, i % ELEMENTS, i / ELEMENTS, 0, DOMAIN_MASK << 28);
        float want = fmaf(scale, word < rate * 0x1p32 ? (float)dropped : x[i], shift);
        ck_assert_msg(!memcmp(&want, &y[i], sizeof want), "element %u: %a, want %a", i,
                      (double)y[i], (double)want);
    }
}

static void check_steps(const struct op_target *target, const float *x) {
    static const double rates[] = {0.05, 0.1, 0.5};
    if (target->slow) return;
    for (int r = 0; r < 3; r++) {
        char layer[64];
        snprintf(layer, sizeof layer, ALPHA("rate: %g"), rates[r]);
        float *y = run_layer(target, layer, x);
        demand_contract(x, y, rates[r]);
        demand_moments(y, layer);
        free(y);
    }
    float *plain = run_layer(target, "{dropout: {rate: 0.1}}", x), square = 0;
    for (int i = 0; i < NUMBERS; i++) square += plain[i] * plain[i];
    ck_assert_float_gt(square / NUMBERS, 1.05f); /* dropout itself does not keep the variance */
    free(plain);
}

START_TEST(mean_and_variance_are_kept_and_masks_are_those_of_dropout) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    float *x = activations();
    for (int t = -1; t < n; t++) check_steps(t < 0 ? &cpu : &targets[t], x);
    free(x);
}
END_TEST
#endif

static void more(TCase *tests) {
    tcase_add_loop_test(tests, the_constants_restore_mean_and_variance_exactly, 0, 6);
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, mean_and_variance_are_kept_and_masks_are_those_of_dropout);
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "alpha_dropout",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
