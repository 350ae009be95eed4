/* Under `gemm: any` a library computes products, in an order of summation of its own. */
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>

static const struct op_case library = {
    .name = "library",
    .input = "9",
    .layers = "[{dense: {units: 21, activation: relu}}, {dense: {units: 4}}]",
    .batch = 5,
    .train = "  gemm: any\n  optimizer: {sgd: {lr: 0.1}}\n"};

/* Sums of at most 21 products of values near 1, in any order: 21 * 2^-23 is 2.5e-6. */
static const double NEAR = 1e-5;

static bool near(struct op_machine *a, struct op_machine *b, int value) {
    float *x = op_machine_value(a, value), *y = op_machine_value(b, value);
    size_t n = shape_elements(&a->world->plan->values[value].shape);
    bool all = true;
    for (size_t k = 0; k < n; k++) all = all && fabs((double)x[k] - (double)y[k]) < NEAR;
    free(x);
    free(y);
    return all;
}

bool op_library_is_near(const struct op_target *target) {
    struct op_world world;
    struct op_machine reference, device;
    struct op_target cpu = op_reference(), with = *target;
    with.library = true;
    op_world_open(&world, &library);
    op_machine_open(&reference, &world, &cpu);
    op_machine_open(&device, &world, &with);
    op_machine_run_all(&reference);
    op_machine_run_all(&device);
    bool all = true;
    for (int i = 0; i < world.plan->nparams; i++)
        all =
            all && near(&reference, &device, world.plan->values[world.plan->params[i].value].grad);
    op_machine_close(&device);
    op_machine_close(&reference);
    op_world_close(&world);
    return all;
}
