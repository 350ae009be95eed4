/* The activations beside ReLU: alone, fused into their neighbours, named by `activation:`, and
 * their values against the formulas in double. */
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>

/* Sizes: one element, a full vector of either family, one more, several rows of several vectors. */
#define EVERY_PLACE(word)                                                                          \
    {.name = #word " on an image, one element of it",                                              \
     .input = "1, 1, 1",                                                                           \
     .batch = 1,                                                                                   \
     .layers = "[" #word ", {dense: {units: 2}}]"},                                                \
        {.name = #word " on a full vector",                                                        \
         .input = "5",                                                                             \
         .batch = 3,                                                                               \
         .layers = "[{dense: {units: 16, activation: " #word "}}, {dense: {units: 3}}]"},          \
        {.name = #word " on a vector + 1, before dropout",                                         \
         .input = "5",                                                                             \
         .batch = 4,                                                                               \
         .layers = "[{dense: {units: 17}}, " #word ", {dropout: {rate: 0.5}}, {dense: {units: "    \
                   "3}}]"},                                                                        \
        {.name = #word " twice, not fused",                                                        \
         .input = "7",                                                                             \
         .batch = 19,                                                                              \
         .no_fuse = true,                                                                          \
         .layers = "[{dense: {units: 37, activation: " #word "}}, " #word ", {dense: {units: "     \
                   "2}}]"},                                                                        \
        {.name = #word " behind dropout, with two readers, and last",                              \
         .input = "7",                                                                             \
         .batch = 5,                                                                               \
         .layers = "[{dense: {units: 9}}, {dropout: {rate: 0.3}}, " #word                          \
                   ", {fork: {rate: 0.5}}, {dense: {units: 4}}, " #word "]"},                      \
    {                                                                                              \
        .name = #word " in an evaluation", .input = "7", .batch = 5, .mode = PLAN_EVAL,            \
        .layers = "[{dense: {units: 9, activation: " #word "}}, {dense: {units: 3}}]"              \
    }

static const struct op_case cases[] = {
    EVERY_PLACE(leaky_relu),
    EVERY_PLACE(elu),
    EVERY_PLACE(selu),
    EVERY_PLACE(gelu),
    EVERY_PLACE(tanh),
    EVERY_PLACE(sigmoid),
    EVERY_PLACE(hardswish),
    {.name = "as many different stages as one kernel takes",
     .input = "5",
     .layers = "[{dense: {units: 17}}, leaky_relu, elu, selu, gelu, tanh, sigmoid, hardswish, "
               "{dense: {units: 3}}]",
     .batch = 3,
     .mode = PLAN_EVAL},
    {.name = "as many second operands as one kernel takes",
     .input = "5",
     .layers = "[{dense: {units: 17}}, hardswish, leaky_relu, elu, selu, gelu, tanh, sigmoid, "
               "{dense: {units: 3}}]",
     .batch = 3},
    {.name = "a slope of its own",
     .input = "7",
     .layers = "[{dense: {units: 9}}, {leaky_relu: {slope: 0.3}}, {dense: {units: 3}}]",
     .batch = 5},
    {.name = "a slope of 0",
     .input = "7",
     .layers = "[{dense: {units: 9}}, {leaky_relu: {slope: 0}}, {dense: {units: 3}}]",
     .batch = 5},
    {.name = "an alpha of its own",
     .input = "7",
     .layers = "[{dense: {units: 9}}, {elu: {alpha: 0.4}}, {dense: {units: 3}}]",
     .batch = 5},
    {.name = "all parts of hardswish",
     .input = "7",
     .layers = "[{dense: {units: 21, activation: hardswish}}, {dense: {units: 3}}]",
     .batch = 9,
     .weight = 3},
};

static const struct op_refusal refusals[] = {
    {{.name = "slope above 1", .input = "3", .layers = "[{leaky_relu: {slope: 2}}]", .batch = 2},
     "slope"},
    {{.name = "negative slope", .input = "3", .layers = "[{leaky_relu: {slope: -1}}]", .batch = 2},
     "slope"},
    {{.name = "negative alpha", .input = "3", .layers = "[{elu: {alpha: -1}}]", .batch = 2},
     "alpha"},
    {{.name = "an attribute", .input = "3", .layers = "[{tanh: {units: 3}}]", .batch = 2}, "units"},
};

#ifndef REAL_IS_DOUBLE
static double leaky_relu(double x) {
    return x > 0 ? x : 0.01 * x;
}
static double elu(double x) {
    return x > 0 ? x : expm1(x);
}
static double selu(double x) {
    return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
}
static double gelu(double x) {
    return x * erfc(-x * 0.70710678118654752) / 2;
}
static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double hardswish(double x) {
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

static const struct {
    const char *layers;
    double (*exact)(double);
    bool near_x; /* right to the last digits of x only: 1 + erf cancels far below 0 */
} functions[] = {{"[leaky_relu, {dense: {units: 2}}]", leaky_relu, false},
                 {"[elu, {dense: {units: 2}}]", elu, false},
                 {"[selu, {dense: {units: 2}}]", selu, false},
                 {"[gelu, {dense: {units: 2}}]", gelu, true},
                 {"[tanh, {dense: {units: 2}}]", tanh, false},
                 {"[sigmoid, {dense: {units: 2}}]", sigmoid, false},
                 {"[hardswish, {dense: {units: 2}}]", hardswish, false}};
enum { FUNCTIONS = sizeof functions / sizeof *functions, POINTS = 4096 };

/* y of the reference at `x`, for the layer in front of a dense one; the caller frees. */
static float *apply(const char *layers, const float *x) {
    struct op_case row = {.name = layers, .input = "4096", .layers = layers, .batch = 1};
    struct op_world world;
    struct op_machine machine;
    struct op_target cpu = op_reference();
    op_world_open(&world, &row);
    op_machine_open(&machine, &world, &cpu);
    int step = op_world_step(&world, "pointwise", 0);
    op_machine_put(&machine, world.plan->steps[step].in[0], x);
    op_machine_run(&machine, step, step + 1, 0);
    float *y = op_machine_value(&machine, world.plan->steps[step].out[0]);
    op_machine_close(&machine);
    op_world_close(&world);
    return y;
}

/* 2^-21: the functions are within 1.5 ulp, constants and products add three roundings. */
START_TEST(values_are_those_of_the_formula) {
    static float x[POINTS];
    for (uint32_t i = 0; i < POINTS; i++)
        x[i] = (float)(op_random_real(31, i) * (i % 2 ? 8 : 0.05));
    float *y = apply(functions[_i].layers, x);
    for (int i = 0; i < POINTS; i++) {
        double want = functions[_i].exact((double)x[i]);
        double scale = fabs(want) + (functions[_i].near_x ? fabs((double)x[i]) : 0);
        ck_assert_msg(fabs(y[i] - want) <= 0x1p-21 * scale, "%s: f(%a) = %a, want %a",
                      functions[_i].layers, x[i], y[i], want);
    }
    free(y);
}
END_TEST

/* Training must see a NaN, whatever stands behind it. */
START_TEST(nan_goes_through) {
    static float x[POINTS];
    for (int i = 0; i < POINTS; i++) x[i] = NAN;
    float *y = apply(functions[_i].layers, x);
    for (int i = 0; i < POINTS; i++) ck_assert_msg(isnan(y[i]), "%s", functions[_i].layers);
    free(y);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, values_are_those_of_the_formula, 0, FUNCTIONS);
    tcase_add_loop_test(tests, nan_goes_through, 0, FUNCTIONS);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "activations",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
