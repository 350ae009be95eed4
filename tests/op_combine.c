/* The micro-batch tree: gradient = partial + gradient, partial = gradient. */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

#define NET(micro, whole)                                                                          \
    .input = "19", .layers = "[{dense: {units: 17}}, {dense: {units: 3}}]", .batch = whole,        \
    .train = "  micro_batch: " #micro "\n  optimizer: {sgd: {lr: 0.1}}\n"

static const struct op_case cases[] = {
    {.name = "one level", NET(3, 6)},
    {.name = "three levels", NET(1, 8)},
    {.name = "more work than groups",
     .input = "65",
     .layers = "[{dense: {units: 67}}]",
     .batch = 4,
     .train = "  micro_batch: 2\n  optimizer: {sgd: {lr: 0.1}}\n"},
};

static const struct op_refusal refusals[] = {
    {{.name = "micro-batches that do not fill the batch", NET(4, 6)}, "micro_batch"},
};

#ifndef REAL_IS_DOUBLE
/* One addition an element is rounded once: equality. Padding is added too, and harms nobody. */
static void check_step(struct op_machine *m, int i) {
    const struct plan *p = m->world->plan;
    const struct step *s = &p->steps[i];
    bool fold = !strcmp(s->op->name, "fold");
    op_machine_load(m);
    float *gradient = op_machine_buffer(m, BUFFER_GRAD);
    for (size_t k = 0; k < p->flat; k++) gradient[k] = (float)op_random_real(60, (uint32_t)k);
    op_machine_put(m, p->flat_grad, gradient);
    float *before = op_machine_value(m, s->in[0]);
    op_machine_run(m, i, i + 1, 0);
    float *after = op_machine_value(m, s->out[0]);
    for (size_t k = 0; k < p->flat; k++) {
        float want = fold ? before[k] + gradient[k] : gradient[k];
        if (memcmp(&want, &after[k], sizeof want))
            ck_abort_msg("step %d, %s, element %zu: %a, want %a", i, s->op->name, k, after[k],
                         want);
    }
    free(gradient);
    free(before);
    free(after);
}

static void check_target(const struct op_case *row, const struct op_target *target) {
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, row);
    op_machine_open(&m, &world, target);
    const struct plan *p = world.plan;
    ck_assert_int_eq(p->update - p->combine, 2 * p->partial_levels);
    for (int i = p->combine; i < p->update; i++) check_step(&m, i);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(folding_adds_and_keeping_copies) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_target(&cases[_i], &cpu);
    for (int t = 0; t < n; t++) check_target(&cases[_i], &targets[t]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, folding_adds_and_keeping_copies, 0, sizeof cases / sizeof *cases);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "combine",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
