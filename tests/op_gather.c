/* The first step of every plan: picking rows, normalising them. */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

#define NET(size) .input = size, .layers = "[{dense: {units: 3}}]"

static const struct op_case cases[] = {
    {.name = "one byte", NET("1"), .batch = 1},
    {.name = "less than a vector", NET("7"), .batch = 3, .steps = 2},
    {.name = "a vector", NET("16"), .batch = 2},
    {.name = "a vector + 1", NET("17"), .batch = 5},
    {.name = "many vectors", NET("28, 28, 1"), .batch = 4, .steps = 2},
    {.name = "three channels", NET("5, 3, 3"), .batch = 3},
    {.name = "two channels, a full vector", NET("2, 4, 2"), .batch = 3},
    {.name = "more rows than groups", NET("3"), .batch = 131},
};

static const struct op_refusal refusals[] = {
    {{.name = "a negative axis", .input = "-3", .layers = "[{dense: {units: 3}}]", .batch = 1},
     "input"},
};

#ifndef REAL_IS_DOUBLE
/* Row n of the batch at cursor r is dataset row order[r * batch + n]; byte to float is exact, so
 * one fma is the whole computation and equality can be asked for. */
static void check_batch(struct op_machine *m, uint32_t r) {
    const struct plan *p = m->world->plan;
    const struct value *input = &p->values[p->input];
    const uint8_t *images = m->world->content[BUFFER_IMAGES],
                  *labels = m->world->content[BUFFER_LABELS];
    const uint32_t *order = m->world->content[BUFFER_ORDER];
    const float *norm = m->world->content[BUFFER_NORM];
    uint32_t batch = (uint32_t)input->shape.dim[0],
             features = (uint32_t)shape_features(&input->shape);
    uint32_t channels = (uint32_t)input->shape.dim[input->shape.rank - 1];
    op_machine_run(m, 0, 1, r);
    float *x = op_machine_value(m, p->input);
    uint32_t *label = op_machine_value(m, p->label);
    for (uint32_t n = 0; n < batch; n++) {
        uint32_t row = order[r * batch + n];
        ck_assert_uint_eq(label[n], labels[row]);
        for (uint32_t i = 0; i < features; i++) {
            float byte = images[row * features + i];
            float want = __builtin_fmaf(byte, norm[i % channels], norm[channels + i % channels]);
            if (memcmp(&want, &x[n * features + i], sizeof want))
                ck_abort_msg("row %u, element %u is %a, want %a", n, i, x[n * features + i], want);
        }
    }
    free(x);
    free(label);
}

static void check_target(const struct op_case *row, const struct op_target *target) {
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, row);
    op_machine_open(&m, &world, target);
    for (uint32_t r = 0; r < (uint32_t)world.plan->options.control_rows; r++) check_batch(&m, r);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(rows_are_picked_by_order_and_normalised) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_target(&cases[_i], &cpu);
    for (int t = 0; t < n; t++) check_target(&cases[_i], &targets[t]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, rows_are_picked_by_order_and_normalised, 0,
                        sizeof cases / sizeof *cases);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "gather",
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
