/* Pooling: odd maps, H != W, windows that overlap, leave gaps or hang over the border; channels
 * that make whole vectors, whole fours and neither. */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

/* Behind a trained layer, so that gradients go through, in either kind of pooling. */
#define BOTH(text, rows, features, map, window, ...)                                               \
    {.name = "maxpool " text,                                                                      \
     .input = "3",                                                                                 \
     .batch = rows,                                                                                \
     .layers = "[{dense: {units: " features "}}, {image: {shape: [" map "]}}, {maxpool: {" window  \
               "}}, {dense: {units: 3}}]",                                                         \
     __VA_ARGS__},                                                                                 \
    {                                                                                              \
        .name = "avgpool " text, .input = "3", .batch = rows,                                      \
        .layers = "[{dense: {units: " features "}}, {image: {shape: [" map                         \
                  "]}}, {avgpool: {" window "}}, {dense: {units: 3}}]",                            \
        __VA_ARGS__                                                                                \
    }

#define BEHIND(features, map, rest)                                                                \
    "[{dense: {units: " features "}}, {image: {shape: [" map "]}}, " rest ", {dense: {units: 3}}]"

static const struct op_case cases[] = {
    BOTH("of one pixel", 1, "1", "1, 1, 1", "size: 1", .steps = 1),
    BOTH("in halves, full vectors", 3, "256", "4, 4, 16", "size: 2", .steps = 1),
    BOTH("with a remainder, H != W, a vector + 1", 2, "595", "5, 7, 17", "size: 2", .steps = 1),
    BOTH("3 x 3 by 2, overlapping, whole fours", 3, "252", "7, 9, 4", "size: 3, stride: 2",
         .steps = 1),
    BOTH("3 x 3 by 1, two readers a pixel and more", 2, "150", "5, 6, 5", "size: 3, stride: 1",
         .steps = 1),
    BOTH("same, odd", 2, "84", "4, 7, 3", "size: 3, stride: 2, pad: same", .steps = 1),
    BOTH("same, even", 2, "210", "6, 5, 7", "size: 2, stride: 1, pad: same", .steps = 1),
    BOTH("with a border of its own", 2, "175", "5, 5, 7", "size: 3, stride: 2, pad: 1", .steps = 1),
    BOTH("with gaps", 2, "140", "7, 5, 4", "size: 2, stride: 3", .steps = 1),
    BOTH("by rectangles", 2, "192", "6, 8, 4", "size: [3, 2]", .steps = 1),
    BOTH("of the whole map", 2, "60", "4, 3, 5", "size: [4, 3]", .steps = 1),
    BOTH("unfused", 2, "128", "4, 4, 8", "size: 2", .no_fuse = true),
    BOTH("in an evaluation", 5, "128", "4, 4, 8", "size: 2", .mode = PLAN_EVAL),
    {.name = "maxpool between activations and dropout, fused",
     .input = "3",
     .layers = BEHIND("128", "4, 4, 8", "relu, {maxpool: {size: 2}}, relu, {dropout: {rate: 0.3}}"),
     .batch = 3},
    {.name = "avgpool between activations and dropout, fused",
     .input = "3",
     .layers = BEHIND("128", "4, 4, 8", "tanh, {avgpool: {size: 2}}, elu, {dropout: {rate: 0.3}}"),
     .batch = 3},
    {.name = "channels whose fours straddle pixels, around dropout",
     .input = "3",
     .layers = BEHIND("120", "4, 5, 6",
                      "{dropout: {rate: 0.3}}, {maxpool: {size: 2}}, {dropout: {rate: 0.3}}, "
                      "{avgpool: {size: [2, 1]}}, {dropout: {rate: 0.3}}"),
     .batch = 3},
    {.name = "ties of zeros behind a ReLU, in overlapping windows",
     .input = "3",
     .layers = BEHIND("252", "7, 9, 4", "relu, {maxpool: {size: 3, stride: 2}}"),
     .batch = 5},
    {.name = "spatial dropout behind maxpool",
     .input = "3",
     .layers = BEHIND("196", "7, 7, 4", "{maxpool: {size: 2}}, {dropout2d: {rate: 0.5}}"),
     .batch = 5},
    {.name = "the mean of the map",
     .input = "3",
     .layers = BEHIND("420", "5, 4, 21", "globalavgpool, {dropout: {rate: 0.2}}"),
     .batch = 3},
    {.name = "the mean of the map, last, of a vector",
     .input = "3",
     .layers = "[{dense: {units: 224}}, {image: {shape: [7, 2, 16]}}, globalavgpool]",
     .batch = 5},
    {.name = "on the input, and flattened",
     .input = "6, 6, 2",
     .layers = "[{maxpool: {size: 2}}, flatten, {dense: {units: 3}}]",
     .batch = 4},
    {.name = "two readers",
     .input = "3",
     .layers = BEHIND("128", "4, 4, 8",
                      "{fork: {rate: 0.5}}, {maxpool: {size: 2}}, "
                      "{fork: {rate: 0.25}}, {avgpool: {size: 2}}"),
     .batch = 3},
};

static const struct op_refusal refusals[] = {
    {{.name = "features", .input = "8", .layers = "[{maxpool: {size: 2}}]", .batch = 2}, "images"},
    {{.name = "features of all", .input = "8", .layers = "[globalavgpool]", .batch = 2}, "images"},
    {{.name = "a sequence of all", .input = "8, 3", .layers = "[globalavgpool]", .batch = 2},
     "images"},
    {{.name = "too large", .input = "3, 9, 1", .layers = "[{avgpool: {size: 4}}]", .batch = 2},
     "does not fit"},
    {{.name = "more border than window",
      .input = "9, 9, 1",
      .layers = "[{maxpool: {size: 3, pad: 2}}]",
      .batch = 2},
     "more than half"},
    {{.name = "no size", .input = "9, 9, 1", .layers = "[maxpool]", .batch = 2}, "size"},
    {{.name = "no stride",
      .input = "9, 9, 1",
      .layers = "[{maxpool: {size: 3, stride: 0}}]",
      .batch = 2},
     "stride"},
    {{.name = "three sizes",
      .input = "9, 9, 1",
      .layers = "[{maxpool: {size: [1, 2, 3]}}]",
      .batch = 2},
     "numbers"},
    {{.name = "an image for the loss",
      .input = "9, 9, 1",
      .layers = "[{maxpool: {size: 2}}]",
      .batch = 2},
     "cross_entropy"},
};

#ifndef REAL_IS_DOUBLE
/* ---- known answers, by hand: one sample, one channel, 3 x 4, windows 2 x 2 by 1 ---- */

enum { IN = 12, OUT = 6 };
static const struct op_case small = {
    .name = "known answers",
    .input = "3",
    .layers =
        "[{dense: {units: 12}}, {image: {shape: [3, 4, 1]}}, {maxpool: {size: 2, stride: 1}}, "
        "{dense: {units: 3}}]",
    .batch = 1,
    .no_fuse = true};

static void check_known(const struct op_target *target, const float *x, const float *y,
                        const float *dx) {
    static const float dy[OUT] = {1, 2, 4, 8, 16, 32};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &small);
    op_machine_open(&m, &world, target);
    int forward = op_world_step(&world, "maxpool", 0);
    int backward = op_world_step(&world, "maxpool_grad", 0);
    const struct step *steps = world.plan->steps;
    op_machine_put(&m, steps[forward].in[0], x);
    op_machine_run(&m, forward, forward + 1, 0);
    float *got_y = op_machine_value(&m, steps[forward].out[0]);
    ck_assert(!memcmp(got_y, y, OUT * sizeof *y));
    op_machine_put(&m, steps[backward].in[1], x);
    op_machine_put(&m, steps[backward].in[0], dy);
    op_machine_run(&m, backward, backward + 1, 0);
    float *got_dx = op_machine_value(&m, steps[backward].out[0]);
    for (int i = 0; i < IN; i++)
        ck_assert_msg(got_dx[i] == dx[i], "dx[%d] = %g, want %g", i, got_dx[i], dx[i]);
    free(got_dx);
    free(got_y);
    op_machine_close(&m);
    op_world_close(&world);
}

/* All equal: each window's first pixel gets its gradient. A pair of equal largest ones: the upper,
 * or left, one. A negative zero equals a positive one. */
static const struct {
    float x[IN], y[OUT], dx[IN];
} known[] = {
    {{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5},
     {5, 5, 5, 5, 5, 5},
     {1, 2, 4, 0, 8, 16, 32, 0, 0, 0, 0, 0}},
    {{1, 2, 3, 4, 5, 9, 9, 6, 7, 8, 9, 1},
     {9, 9, 9, 9, 9, 9},
     {0, 0, 0, 0, 0, 27, 36, 0, 0, 0, 0, 0}},
    {{0.0f, -0.0f, -1, -1, -1, -1, -1, -1, -0.0f, 0.0f, -2, -3},
     {0.0f, -0.0f, -1, -0.0f, 0.0f, -1},
     {1, 2, 4, 0, 0, 0, 32, 0, 8, 16, 0, 0}},
};

START_TEST(the_first_of_equals_gets_the_gradient) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        check_known(&cpu, known[k].x, known[k].y, known[k].dx);
        for (int t = 0; t < n; t++) check_known(&targets[t], known[k].x, known[k].y, known[k].dx);
    }
}
END_TEST

/* A layer that computes nothing must not cost anything either. */
START_TEST(flatten_is_no_step) {
    static const char *const layers[] = {"[{maxpool: {size: 2}}, flatten, {dense: {units: 3}}]",
                                         "[{maxpool: {size: 2}}, {dense: {units: 3}}]"};
    int steps[2];
    for (int i = 0; i < 2; i++) {
        struct op_case row = {
            .name = "flatten", .input = "6, 6, 2", .layers = layers[i], .batch = 2};
        struct op_world world;
        op_world_open(&world, &row);
        steps[i] = world.plan->nsteps;
        op_world_close(&world);
    }
    ck_assert_int_eq(steps[0], steps[1]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, the_first_of_equals_gets_the_gradient);
    tcase_add_test(tests, flatten_is_no_step);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "pool",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
