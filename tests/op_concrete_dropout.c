/* Concrete dropout: gates and the gradient of their rate, the regularisers, what the rate means. */
#include "control_words.h"
#include "harness/op.h"
#include "harness/op_statistics.h"
#include "philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONCRETE(attributes) "{concrete_dropout: {" attributes "}}"
#define AFTER(layer)         "[{dense: {units: 21}}, " layer ", {dense: {units: 4}}]"

static const struct op_case cases[] = {
    {.name = "between layers", .input = "9", .layers = AFTER("concrete_dropout"), .batch = 5},
    {.name = "behind an activation, several steps",
     .input = "9",
     .layers = AFTER("tanh, " CONCRETE("rate: 0.4, weight_regularizer: 0.01, dropout_regularizer: "
                                       "0.01")),
     .batch = 5,
     .steps = 3},
    {.name = "on the input, an image: whole vectors",
     .input = "4, 4, 2",
     .layers = "[" CONCRETE("rate: 0.2") ", {dense: {units: 6}}]",
     .batch = 67,
     .seed = 0xfedcba9876543210u},
    {.name = "a vector + 1, more weights than a chunk",
     .input = "17",
     .layers = "[{dense: {units: 33, activation: relu}}, " CONCRETE(
         "weight_regularizer: 0.1") ", {dense: {units: 17}}]",
     .batch = 3},
    {.name = "no weights behind it",
     .input = "9",
     .layers = "[{dense: {units: 6}}, " CONCRETE("dropout_regularizer: 0.1") "]",
     .batch = 5},
    {.name = "twice, with one number",
     .input = "9",
     .layers = AFTER(CONCRETE("id: 5, share: true") ", relu, {dense: {units: 8}}, " CONCRETE(
         "id: 5, share: true")),
     .batch = 4},
    {.name = "micro-batches",
     .input = "9",
     .layers = AFTER(CONCRETE("weight_regularizer: 0.1")),
     .batch = 4,
     .train = "  micro_batch: 2\n  optimizer: adam\n"},
    {.name = "passes of a Monte-Carlo evaluation",
     .input = "9",
     .layers = AFTER("concrete_dropout"),
     .batch = 5,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation",
     .input = "9",
     .layers = AFTER("concrete_dropout"),
     .batch = 5,
     .mode = PLAN_EVAL},
};

#define REFUSED(text, message_)                                                                    \
    { {.name = text, .input = "3", .layers = "[" CONCRETE(text) "]", .batch = 2}, message_ }
static const struct op_refusal refusals[] = {REFUSED("rate: 0", "concrete_dropout.rate"),
                                             REFUSED("rate: 1", "concrete_dropout.rate"),
                                             REFUSED("schedule: constant", "schedule")};

#ifndef REAL_IS_DOUBLE
static void on_every_target(void (*check)(const struct op_target *)) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check(&cpu);
    for (int t = 0; t < n; t++) check(&targets[t]);
}

/* ---- gates ---- */

enum { SAMPLES = 64, FEATURES = 512, NUMBERS = SAMPLES * FEATURES };

/* The paper's own formula in double: z = sigmoid((logit p + logit u) / t). The program's r^10
 * magnifies the few roundings of r, each 2^-24, ten times. */
static void check_gate(double l, uint32_t word, double k, uint32_t *kept) {
    double u = ((double)(word >> 8) + 0.5) * 0x1p-24, p = 1 / (1 + exp(-l));
    double z = 1 / (1 + exp(-10 * (l + log(u / (1 - u)))));
    *kept += z < 0.5;
    ck_assert_msg(fabs(k - (1 - z) / (1 - p)) < 1e-5, "word %08x: %.9g, want %.9g", word, k,
                  (1 - z) / (1 - p));
}

/* A gate is more open than shut exactly when u < 1 - p. */
static void check_gates_in(const struct op_target *target, enum plan_mode mode) {
    const struct op_case row = {.name = "gates",
                                .input = "512",
                                .layers = "[" CONCRETE("id: 9") ", {dense: {units: 2}}]",
                                .batch = SAMPLES,
                                .seed = 47,
                                .mode = mode};
    struct op_world world;
    struct op_machine m;
    if (target->slow) return;
    op_world_open(&world, &row);
    int i = op_world_step(&world, "concrete_dropout", 0);
    const struct step *s = &world.plan->steps[i];
    world.plan->nsteps = i + 1;
    op_machine_open(&m, &world, target);
    float *ones = malloc(NUMBERS * sizeof *ones), l = -0.9f;
    for (int k = 0; k < NUMBERS; k++) ones[k] = 1;
    op_machine_put(&m, s->in[0], ones);
    op_machine_put(&m, s->in[1], &l);
    op_machine_run(&m, i, i + 1, 0);
    float *y = op_machine_value(&m, s->out[0]);
    uint32_t domain = mode == PLAN_MC ? DOMAIN_MC_NOISE : DOMAIN_NOISE, kept = 0;
    for (uint32_t k = 0; k < NUMBERS; k++)
        check_gate((double)l,
                   philox_word(47, k % FEATURES, k / FEATURES, 0, domain << 28 | 9u << 16),
                   (double)y[k], &kept);
    double q = 1 - 1 / (1 + exp(0.9)), off = kept - NUMBERS * q;
    ck_assert_double_lt(fabs(off), OP_ALARM * sqrt(NUMBERS * q * (1 - q)));
    free(ones);
    free(y);
    op_machine_close(&m);
    op_world_close(&world);
}

static void check_gates(const struct op_target *target) {
    check_gates_in(target, PLAN_TRAIN);
    check_gates_in(target, PLAN_MC);
}

START_TEST(gates_are_the_papers_and_open_at_the_rate) {
    on_every_target(check_gates);
}
END_TEST

/* ---- regularisers, against central differences of what they penalise ---- */

enum { OUT = 21, WEIGHTS = OUT * 4 };
static const double OF_WEIGHTS = 0.03, OF_DROPOUT = 0.02;

static double penalty(double l, const float *w, int moved, double by) {
    double p = 1 / (1 + exp(-l)), square = 0;
    for (int i = 0; i < WEIGHTS; i++) square += pow((double)w[i] + (i == moved ? by : 0), 2);
    return OF_WEIGHTS * square / (1 - p) + OF_DROPOUT * OUT * (p * log(p) + (1 - p) * log(1 - p));
}

static void check_penalty(const struct op_target *target) {
    const struct op_case row = {
        .name = "penalty",
        .input = "9",
        .layers = AFTER(CONCRETE("weight_regularizer: 0.03, dropout_regularizer: 0.02")),
        .batch = 2};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_machine_open(&m, &world, target);
    int i = op_world_step(&world, "concrete_penalty", 0);
    const struct step *s = &world.plan->steps[i];
    float zero[WEIGHTS] = {0};
    ck_assert_int_eq(s->nin, 4);
    ck_assert_int_ge(i, world.plan->update);
    op_machine_put(&m, s->in[1], zero);
    op_machine_put(&m, s->in[3], zero);
    op_machine_run(&m, i, i + 1, 0);
    float *l = op_machine_value(&m, s->in[0]), *w = op_machine_value(&m, s->in[2]);
    float *dl = op_machine_value(&m, s->in[1]), *dw = op_machine_value(&m, s->in[3]);
    const double h = 1e-5; /* differences are good to 1e-9, floats to 1e-6 */
    double want = (penalty((double)*l + h, w, -1, 0) - penalty((double)*l - h, w, -1, 0)) / (2 * h);
    ck_assert_double_eq_tol((double)*dl, want, 2e-6 * (1 + fabs(want)));
    for (int k = 0; k < WEIGHTS; k++) {
        want = (penalty((double)*l, w, k, h) - penalty((double)*l, w, k, -h)) / (2 * h);
        ck_assert_double_eq_tol((double)dw[k], want, 2e-6 * (1 + fabs(want)));
    }
    free(l);
    free(w);
    free(dl);
    free(dw);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(regularisers_are_the_gradients_of_what_they_say) {
    on_every_target(check_penalty);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, gates_are_the_papers_and_open_at_the_rate);
    tcase_add_test(tests, regularisers_are_the_gradients_of_what_they_say);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "concrete_dropout",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
