/* Dropout at every place where its mask is implied, regenerated or fused away, by rates 0 to 1. */
#include "control_words.h"
#include "harness/op.h"
#include "philox.h"
#include <stdlib.h>
#include <string.h>

/* ---- cases ---- */

#define HEAD                "{dense: {units: 21}}, "
#define TAIL                ", {dense: {units: 4}}]"
#define AFTER_RELU(rate)    "[" HEAD "relu, {dropout: {rate: " rate "}}" TAIL
#define AFTER_NOTHING(rate) "[" HEAD "{dropout: {rate: " rate "}}" TAIL

#define EVERY_RATE(text)                                                                           \
    {.name = "rate 0, " #text, .input = "9", .layers = text("0"), .batch = 5},                     \
        {.name = "rate 0.1, " #text, .input = "9", .layers = text("0.1"), .batch = 5},             \
        {.name = "rate 0.5, " #text, .input = "9", .layers = text("0.5"), .batch = 5, .steps = 3}, \
        {.name = "rate 0.9, " #text, .input = "9", .layers = text("0.9"), .batch = 5}, {           \
        .name = "rate 1, " #text, .input = "9", .layers = text("1"), .batch = 5                    \
    }

static const struct op_case cases[] = {
    EVERY_RATE(AFTER_RELU),
    EVERY_RATE(AFTER_NOTHING),
    {.name = "on the input",
     .input = "5, 3, 1",
     .layers = "[{dropout: {rate: 0.2}}, {dense: {units: 6}}]",
     .batch = 4,
     .seed = 12345678901234567u},
    {.name = "twice in a row",
     .input = "9",
     .layers = "[" HEAD "relu, {dropout: {rate: 0.3}}, {dropout: {rate: 0.4}}" TAIL,
     .batch = 5},
    {.name = "on a ReLU that another step reads too",
     .input = "9",
     .layers = "[" HEAD "relu, {fork: {rate: 0.5}}" TAIL,
     .batch = 5},
    {.name = "its own output read twice",
     .input = "9",
     .layers = "[" HEAD "relu, {dropout: {rate: 0.5}}, {fork: {rate: 0.25}}" TAIL,
     .batch = 5},
    {.name = "before the ReLU",
     .input = "9",
     .layers = "[" HEAD "{dropout: {rate: 0.5}}, relu" TAIL,
     .batch = 5},
    {.name = "last",
     .input = "9",
     .layers = "[{dense: {units: 6}}, {dropout: {rate: 0.5}}]",
     .batch = 5},
    {.name = "several layers, many rows",
     .input = "17",
     .layers =
         "[{dropout: {rate: 0.1}}, {dense: {units: 65, activation: relu}}, {dropout: {rate: 0.5}}, "
         "{dense: {units: 33, activation: relu}}, {dropout: {rate: 0.5}}, {dense: {units: 10}}]",
     .batch = 37,
     .steps = 2},
    {.name = "passes of a Monte-Carlo evaluation",
     .input = "9",
     .layers = AFTER_RELU("0.5"),
     .batch = 5,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation",
     .input = "9",
     .layers = AFTER_RELU("0.5"),
     .batch = 5,
     .mode = PLAN_EVAL},
};

static const struct op_refusal refusals[] = {
    {{.name = "rate above 1", .input = "3", .layers = "[{dropout: {rate: 1.5}}]", .batch = 2},
     "rate"},
    {{.name = "negative rate", .input = "3", .layers = "[{dropout: {rate: -0.5}}]", .batch = 2},
     "rate"},
    {{.name = "no number", .input = "3", .layers = "[{dropout: {rate: nan}}]", .batch = 2}, "rate"},
    {{.name = "a rate in words", .input = "3", .layers = "[{dropout: {rate: half}}]", .batch = 2},
     "dropout.rate must be a finite number or usual, got 'half'"},
};

/* ---- fused and unfused plans ---- */

#ifndef REAL_IS_DOUBLE
struct outcome {
    void *param, *gradient, *metric;
    size_t flat, metrics;
};

static struct outcome run(const struct op_case *row, const struct op_target *target) {
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, row);
    op_machine_open(&m, &world, target);
    op_machine_run_all(&m);
    struct outcome o = {.param = op_machine_buffer(&m, BUFFER_PARAM),
                        .gradient = op_machine_buffer(&m, BUFFER_GRAD),
                        .metric = op_machine_buffer(&m, BUFFER_METRIC),
                        .flat = world.plan->buffer_bytes[BUFFER_PARAM],
                        .metrics = world.plan->buffer_bytes[BUFFER_METRIC]};
    op_machine_close(&m);
    op_world_close(&world);
    return o;
}

static void free_outcome(struct outcome *o) {
    free(o->param);
    free(o->gradient);
    free(o->metric);
}

static void compare_fusion(const struct op_case *row, const struct op_target *target) {
    struct op_case apart = *row;
    apart.no_fuse = true;
    struct outcome fused = run(row, target), unfused = run(&apart, target);
    ck_assert_msg(!memcmp(fused.gradient, unfused.gradient, fused.flat), "%s: gradients",
                  row->name);
    ck_assert_msg(!memcmp(fused.param, unfused.param, fused.flat), "%s: parameters", row->name);
    ck_assert_msg(!memcmp(fused.metric, unfused.metric, fused.metrics), "%s: losses", row->name);
    free_outcome(&fused);
    free_outcome(&unfused);
}

START_TEST(fusion_changes_no_bit) {
    if (cases[_i].mode != PLAN_TRAIN) return; /* the others have no gradients to compare */
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    compare_fusion(&cases[_i], &cpu);
    for (int t = 0; t < n; t++) compare_fusion(&cases[_i], &targets[t]);
}
END_TEST

/* ---- the mask itself, element by element, from the contract ---- */

static bool kept_by_contract(const struct op_world *w, uint32_t sample, uint32_t element,
                             double rate) {
    uint32_t counter3 = DOMAIN_MASK << 28; /* layer 0, aux 0 */
    uint32_t word = philox_word(w->row->seed, element, sample, 0, counter3);
    return word >= rate * 0x1p32;
}

/* The pointwise step that runs this operation. */
static const struct step *find(const struct op_world *w, const char *op) {
    for (int i = 0; i < w->plan->nsteps; i++) {
        const struct step *s = &w->plan->steps[i];
        if (s->nstages == 1 && !strcmp(s->stage[0].op->name, op)) return s;
    }
    ck_abort_msg("%s: no step %s", w->row->name, op);
}

/* y = x scale where kept, else exactly +0. */
static void check_masked(struct op_machine *m, const struct step *s, double rate) {
    const struct value *v = &m->world->plan->values[s->out[0]];
    float *x = op_machine_value(m, s->in[0]), *y = op_machine_value(m, s->out[0]);
    uint32_t features = (uint32_t)shape_features(&v->shape);
    float scale = (float)(1 / (1 - rate));
    for (uint32_t i = 0; i < shape_elements(&v->shape); i++) {
        bool kept = kept_by_contract(m->world, i / features, i % features, rate);
        float want = kept ? x[i] * scale : 0.0f;
        ck_assert_msg(!memcmp(&want, &y[i], sizeof want), "%s, element %u: %a from %a, want %a",
                      s->name, i, y[i], x[i], want);
    }
    free(x);
    free(y);
}

static void check_masks(const struct op_target *target) {
    static const struct op_case row = {.name = "masks",
                                       .input = "9",
                                       .layers = AFTER_NOTHING("0.75"),
                                       .batch = 7,
                                       .seed = 0xfedcba9876543210u,
                                       .no_fuse = true};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_world_guard(&world);
    op_machine_open(&m, &world, target);
    op_machine_run_all(&m);
    check_masked(&m, find(&world, "dropout"), 0.75); /* 3/4 and its scale 4 are exact in float */
    check_masked(&m, find(&world, "dropout_grad"), 0.75);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(forward_and_backward_use_the_mask_of_the_contract) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_masks(&cpu);
    for (int t = 0; t < n; t++) check_masks(&targets[t]);
}
END_TEST
#endif

static int stochastic_steps(const struct op_case *row) {
    struct op_world world;
    op_world_open(&world, row);
    int n = 0;
    for (int i = 0; i < world.plan->nsteps; i++) {
        const struct step *s = &world.plan->steps[i];
        for (int k = 0; k < s->nstages; k++) n += s->stage[k].draw >= 0;
    }
    op_world_close(&world);
    return n;
}

START_TEST(rate_0_and_evaluation_plan_no_dropout_at_all) {
    struct op_case row = {.name = "none", .input = "9", .layers = AFTER_NOTHING("0.5"), .batch = 2};
    ck_assert_int_eq(stochastic_steps(&row), 2); /* forward and backward */
    row.mode = PLAN_EVAL;
    ck_assert_int_eq(stochastic_steps(&row), 0);
    row.mode = PLAN_MC;
    ck_assert_int_eq(stochastic_steps(&row), 1);
    row = (struct op_case){.name = "none", .input = "9", .layers = AFTER_NOTHING("0"), .batch = 2};
    ck_assert_int_eq(stochastic_steps(&row), 0);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, rate_0_and_evaluation_plan_no_dropout_at_all);
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, fusion_changes_no_bit, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, forward_and_backward_use_the_mask_of_the_contract);
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "dropout",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
