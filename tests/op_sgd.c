/* SGD: plain, momentum, Nesterov, weight decay, against the formulas in double. */
#include "harness/op_optimizer.h"

#define NET                                                                                        \
    .input = "7", .layers = "[{dense: {units: 19, activation: relu}}, {dense: {units: 5}}]",       \
    .batch = 3

static const struct op_case cases[] = {
    {.name = "plain", NET, .train = "  optimizer: {sgd: {lr: 0.1}}\n", .steps = 2},
    {.name = "momentum",
     NET,
     .train = "  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}\n",
     .steps = 3},
    {.name = "everything",
     NET,
     .train = "  optimizer: {sgd: {lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.01}}\n",
     .steps = 3},
    {.name = "one weight",
     .input = "1",
     .layers = "[{dense: {units: 1, bias: false}}]",
     .batch = 1,
     .train = "  optimizer: {sgd: {lr: 0.1, weight_decay: 0.5}}\n"},
    {.name = "more work than groups",
     .input = "65",
     .layers = "[{dense: {units: 67}}]",
     .batch = 2,
     .train = "  optimizer: {sgd: {lr: 0.1, momentum: 0.5}}\n",
     .steps = 2},
};

static const struct op_refusal refusals[] = {
    {{.name = "no rate", NET, .train = "  optimizer: sgd\n"}, "lr"},
    {{.name = "rate 0", NET, .train = "  optimizer: {sgd: {lr: 0}}\n"}, "lr"},
    {{.name = "momentum 1", NET, .train = "  optimizer: {sgd: {lr: 1, momentum: 1}}\n"},
     "momentum"},
};

#ifndef REAL_IS_DOUBLE
static void plain(struct op_weight *p, double g, int step) {
    (void)step;
    p->w -= 0.1 * g;
}

static void momentum(struct op_weight *p, double g, int step) {
    (void)step;
    p->state[0] = 0.9 * p->state[0] + g;
    p->w -= 0.05 * p->state[0];
}

static void decay(struct op_weight *p, double g, int step) {
    (void)step;
    if (p->decays) g += 0.02 * p->w;
    p->state[0] = 0.8 * p->state[0] + g;
    p->w -= 0.05 * p->state[0];
}

static void nesterov(struct op_weight *p, double g, int step) {
    (void)step;
    if (p->decays) g += 0.02 * p->w;
    p->state[0] = 0.8 * p->state[0] + g;
    p->w -= 0.05 * (g + 0.8 * p->state[0]);
}

static const struct op_optimizer_case formulas[] = {
    {"  optimizer: {sgd: {lr: 0.1}}\n", plain, 3},
    {"  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}\n", momentum, 6},
    {"  optimizer: {sgd: {lr: 0.05, momentum: 0.8, weight_decay: 0.02}}\n", decay, 6},
    {"  optimizer: {sgd: {lr: 0.05, momentum: 0.8, weight_decay: 0.02, nesterov: true}}\n",
     nesterov, 6},
};

START_TEST(steps_follow_the_formula) {
    op_optimizer_check(&formulas[_i]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, steps_follow_the_formula, 0, sizeof formulas / sizeof *formulas);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "sgd",
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
