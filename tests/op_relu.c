/* ReLU, alone and fused into its neighbours, and its behaviour at the edges of float. */
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct op_case cases[] = {
    {.name = "on the input", .input = "5", .layers = "[relu, {dense: {units: 3}}]", .batch = 3},
    {.name = "one element", .input = "1", .layers = "[relu, {dense: {units: 2}}]", .batch = 1},
    {.name = "a full vector",
     .input = "4",
     .layers = "[{dense: {units: 16}}, relu, {dense: {units: 3}}]",
     .batch = 2},
    {.name = "a vector + 1",
     .input = "4",
     .layers = "[{dense: {units: 17}}, relu, {dense: {units: 3}}]",
     .batch = 5},
    {.name = "many rows and more features than a group has lanes",
     .input = "3",
     .layers = "[{dense: {units: 259}}, relu, {dense: {units: 2}}]",
     .batch = 67},
    {.name = "last", .input = "6", .layers = "[{dense: {units: 5}}, relu]", .batch = 4},
    {.name = "twice", .input = "6", .layers = "[{dense: {units: 5}}, relu, relu]", .batch = 4},
    {.name = "not fused",
     .input = "6",
     .layers = "[{dense: {units: 5}}, relu, {dense: {units: 5}}]",
     .batch = 4,
     .no_fuse = true},
};

static const struct op_refusal refusals[] = {
    {{.name = "an image for the loss", .input = "2, 2, 3", .layers = "[relu]", .batch = 2},
     "cross_entropy"},
    {{.name = "an attribute", .input = "3", .layers = "[{relu: {units: 3}}]", .batch = 2}, "units"},
};

#ifndef REAL_IS_DOUBLE
/* What a float can be, and what ReLU makes of it; NaN goes through, so that training sees it. */
static const struct {
    uint32_t x, y;
} edges[] = {
    {0x00000000, 0x00000000}, {0x80000000, 0x00000000}, {0x3f800000, 0x3f800000},
    {0xbf800000, 0x00000000}, {0x00000001, 0x00000001}, {0x80000001, 0x00000000},
    {0x007fffff, 0x007fffff}, {0x7f7fffff, 0x7f7fffff}, {0xff7fffff, 0x00000000},
    {0x7f800000, 0x7f800000}, {0xff800000, 0x00000000}, {0x7fc00000, 0x7fc00000},
};
enum { EDGES = sizeof edges / sizeof *edges };

static void check_edges(const struct op_target *target) {
    static const struct op_case row = {
        .name = "edges", .input = "12", .layers = "[relu, {dense: {units: 2}}]", .batch = 1};
    struct op_world world;
    struct op_machine machine;
    op_world_open(&world, &row);
    op_machine_open(&machine, &world, target);
    int step = op_world_step(&world, "pointwise", 0);
    uint32_t x[EDGES];
    for (int i = 0; i < EDGES; i++) x[i] = edges[i].x;
    op_machine_put(&machine, world.plan->steps[step].in[0], x);
    op_machine_run(&machine, step, step + 1, 0);
    uint32_t *y = op_machine_value(&machine, world.plan->steps[step].out[0]);
    for (int i = 0; i < EDGES; i++)
        ck_assert_msg(y[i] == edges[i].y, "relu of bits %08x has bits %08x", x[i], y[i]);
    free(y);
    op_machine_close(&machine);
    op_world_close(&world);
}

START_TEST(edges_of_float_are_as_specified) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_edges(&cpu);
    for (int t = 0; t < n; t++) check_edges(&targets[t]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, edges_of_float_are_as_specified);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "relu",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
