/* DropPath: whole branches, at every place where the mask is implied, regenerated or fused away. */
#include "control_words.h"
#include "harness/op.h"
#include "harness/op_statistics.h"
#include "philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK(attributes)                                                                          \
    "{residual: {body: [{dense: {units: 21, activation: relu}}, {dense: {units: 21}}, {droppath: " \
    "{" attributes "}}]}}"
#define NET(block) "[{dense: {units: 21}}, " block ", {dense: {units: 4}}]"
#define THREE                                                                                       \
    "[{dense: {units: 17}}, {residual: {activation: relu, body: [{dense: {units: 17}}, {droppath: " \
    "{rate: 0.6, depth: linear}}]}}, {residual: {body: [{dense: {units: 17}}, {residual: {body: "   \
    "[relu, {droppath: {rate: 0.9}}]}}, {droppath: {rate: 0.6, depth: linear}}], shortcut: "        \
    "[{dense: {units: 17}}, {droppath: {rate: 0.6, depth: linear}}]}}, {dense: {units: 3}}]"

static const struct op_case cases[] = {
    {.name = "rate 0", .input = "9", .layers = NET(BLOCK("rate: 0")), .batch = 5},
    {.name = "rate 0.2", .input = "9", .layers = NET(BLOCK("rate: 0.2")), .batch = 9},
    {.name = "rate 0.5", .input = "9", .layers = NET(BLOCK("rate: 0.5")), .batch = 5, .steps = 3},
    {.name = "rate 1", .input = "9", .layers = NET(BLOCK("rate: 1")), .batch = 5},
    {.name = "nothing fused",
     .input = "9",
     .layers = NET(BLOCK("rate: 0.5")),
     .batch = 5,
     .no_fuse = true},
    {.name = "the last layer of the branch is a ReLU",
     .input = "9",
     .layers = NET("{residual: {body: [{dense: {units: 21, activation: relu}}, {droppath: {rate: "
                   "0.4}}]}}"),
     .batch = 7,
     .seed = 12345678901234567u},
    {.name = "rates by depth, blocks in blocks and shortcuts",
     .input = "7",
     .layers = THREE,
     .batch = 11,
     .steps = 2},
    {.name = "behind dropout, on an image",
     .input = "3, 5, 2",
     .layers = "[{residual: {activation: relu, body: [relu, {dropout: {rate: 0.3}}, {droppath: "
               "{rate: 0.5}}]}}, {dense: {units: 3}}]",
     .batch = 6},
    {.name = "two branches that live and die together",
     .input = "9",
     .layers =
         NET(BLOCK("rate: 0.5, id: 7, share: true") ", " BLOCK("rate: 0.5, id: 7, share: true")),
     .batch = 8},
    {.name = "passes of a Monte-Carlo evaluation",
     .input = "9",
     .layers = NET(BLOCK("rate: 0.5")),
     .batch = 6,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation",
     .input = "9",
     .layers = NET(BLOCK("rate: 0.5")),
     .batch = 5,
     .mode = PLAN_EVAL},
};

static const struct op_refusal refusals[] = {
    {{.name = "rate above 1", .input = "3", .layers = "[{droppath: {rate: 1.5}}]", .batch = 2},
     "the probability to drop"},
    {{.name = "another depth",
      .input = "3",
      .layers = "[{droppath: {rate: 0.5, depth: square}}]",
      .batch = 2},
     "unknown value 'square'"},
};

/* ---- the gates, from the contract ---- */

#ifndef REAL_IS_DOUBLE
/* y = 4 x in the samples kept at rate 3/4, else +0, wherever a stage of this name is alone. */
static int check_gates(struct op_machine *m, const char *op, uint32_t domain, uint32_t layer) {
    const struct plan *p = m->world->plan;
    int found = 0;
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        if (!s->nstages || strcmp(s->stage[0].op->name, op) != 0) continue;
        const struct value *v = &p->values[s->out[0]];
        float *x = op_machine_value(m, s->in[0]), *y = op_machine_value(m, s->out[0]);
        uint32_t features = (uint32_t)shape_features(&v->shape);
        for (uint32_t k = 0; k < shape_elements(&v->shape); k++) {
            uint32_t word =
                philox_word(m->world->row->seed, 0, k / features, 0, domain << 28 | layer << 16);
            float want = word >= 0xc0000000u ? x[k] * 4 : 0.0f;
            ck_assert_msg(!memcmp(&want, &y[k], sizeof want), "%s, element %u: %a from %a, want %a",
                          op, k, (double)y[k], (double)x[k], (double)want);
        }
        free(x);
        free(y);
        found++;
    }
    return found;
}

static void check_contract(const struct op_target *target, enum plan_mode mode) {
    const struct op_case row = {.name = "gates",
                                .input = "9",
                                .layers = NET(BLOCK("rate: 0.75, id: 77")),
                                .batch = 41,
                                .seed = 0xfedcba9876543210u,
                                .no_fuse = true,
                                .mode = mode};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_world_guard(&world);
    op_machine_open(&m, &world, target);
    op_machine_run_all(&m);
    uint32_t domain = mode == PLAN_MC ? DOMAIN_MC_PATH : DOMAIN_PATH;
    ck_assert_int_eq(check_gates(&m, "droppath", domain, 77), 1);
    ck_assert_int_eq(check_gates(&m, "droppath_grad", domain, 77), mode == PLAN_TRAIN);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(gates_are_those_of_the_contract_in_training_and_monte_carlo) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    for (int t = -1; t < n; t++) {
        check_contract(t < 0 ? &cpu : &targets[t], PLAN_TRAIN);
        check_contract(t < 0 ? &cpu : &targets[t], PLAN_MC);
    }
}
END_TEST
#endif

/* ---- depth ---- */

START_TEST(rates_rise_with_the_depth_in_the_order_of_the_text) {
    static const struct op_case row = {.name = "depth", .input = "7", .layers = THREE, .batch = 2};
    /* of four layers number 1, 3 and 4 ask for it; number 2 has its own rate */
    static const double want[] = {0.6 * 1 / 4, 0.9, 0.6 * 3 / 4, 0.6 * 4 / 4};
    struct op_world w;
    op_world_open(&w, &row);
    for (int i = 0; i < 4; i++) {
        const struct draw *d = &w.plan->draws[i];
        struct decision decision = draw_decide(d, draw_attr_of(d->layer)->rate);
        ck_assert_uint_eq(decision.limit, (uint32_t)nearbyint(want[i] * 0x1p32) - 1);
    }
    op_world_close(&w);
}
END_TEST

/* ---- statistics: gates of 64 steps of 256 samples in 4 layers ---- */

START_TEST(gates_are_independent_of_samples_steps_layers_and_activation_masks) {
    enum { STEPS = 64, SAMPLES = 256, LAYERS = 4 };
    struct op_bits b;
    op_statistics_new(&b, STEPS, SAMPLES, LAYERS, 0.7);
    struct op_bits masks;
    op_statistics_new(&masks, STEPS, SAMPLES, LAYERS, 0.7);
    for (uint32_t i = 0; i < STEPS * SAMPLES * LAYERS; i++) {
        uint32_t step = i / (SAMPLES * LAYERS), sample = i / LAYERS % SAMPLES, layer = i % LAYERS;
        double limit = 0.3 * 0x1p32;
        b.kept[i] = philox_word(5, 0, sample, step, DOMAIN_PATH << 28 | layer << 16) >= limit;
        masks.kept[i] = philox_word(5, 0, sample, step, DOMAIN_MASK << 28 | layer << 16) >= limit;
    }
    ck_assert_double_lt(fabs(op_statistics_rate(&b)), OP_ALARM);
    ck_assert_double_lt(fabs(op_statistics_pair(&b, &masks)), OP_ALARM);
    for (int axis = OP_STEP; axis <= OP_ELEMENT; axis++) {
        ck_assert_double_lt(fabs(op_statistics_units(&b, axis)), OP_ALARM);
        for (int shift = 1; shift < LAYERS; shift++)
            ck_assert_double_lt(fabs(op_statistics_shift(&b, axis, shift)), OP_ALARM);
    }
    op_statistics_free(&b);
    op_statistics_free(&masks);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, rates_rise_with_the_depth_in_the_order_of_the_text);
    tcase_add_test(tests, gates_are_independent_of_samples_steps_layers_and_activation_masks);
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, gates_are_those_of_the_contract_in_training_and_monte_carlo);
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "droppath",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
