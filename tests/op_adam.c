/* Adam and AdamW against Kingma and Ba's algorithm 1 and Loshchilov and Hutter's algorithm 2 in
 * double. */
#include "harness/op_optimizer.h"
#include <math.h>

#define NET                                                                                        \
    .input = "7", .layers = "[{dense: {units: 19, activation: relu}}, {dense: {units: 5}}]",       \
    .batch = 3

static const struct op_case cases[] = {
    {.name = "adam", NET, .train = "  optimizer: adam\n", .steps = 3},
    {.name = "adam with decay",
     NET,
     .train = "  optimizer: {adam: {weight_decay: 0.1}}\n",
     .steps = 2},
    {.name = "adamw",
     NET,
     .train = "  optimizer: {adamw: {lr: 0.01, weight_decay: 0.1}}\n",
     .steps = 3},
    {.name = "one weight",
     .input = "1",
     .layers = "[{dense: {units: 1, bias: false}}]",
     .batch = 1,
     .train = "  optimizer: adamw\n"},
    {.name = "more work than groups",
     .input = "65",
     .layers = "[{dense: {units: 67}}]",
     .batch = 2,
     .train = "  optimizer: adam\n",
     .steps = 2},
};

static const struct op_refusal refusals[] = {
    {{.name = "beta1 of 1", NET, .train = "  optimizer: {adam: {beta1: 1}}\n"}, "beta1"},
    {{.name = "eps 0", NET, .train = "  optimizer: {adamw: {eps: 0}}\n"}, "eps"},
};

#ifndef REAL_IS_DOUBLE
struct settings {
    double lr, beta1, beta2, eps;
};

/* Algorithm 1, line by line, with bias-corrected moments. */
static double adam_move(const struct settings *c, struct op_weight *p, double g, int step) {
    int t = step + 1;
    p->state[0] = c->beta1 * p->state[0] + (1 - c->beta1) * g;
    p->state[1] = c->beta2 * p->state[1] + (1 - c->beta2) * g * g;
    double m = p->state[0] / (1 - pow(c->beta1, t)), v = p->state[1] / (1 - pow(c->beta2, t));
    return c->lr * m / (sqrt(v) + c->eps);
}

static void adam(struct op_weight *p, double g, int step) {
    static const struct settings c = {0.001, 0.9, 0.999, 1e-8};
    p->w -= adam_move(&c, p, g, step);
}

static void adam_with_decay(struct op_weight *p, double g, int step) {
    static const struct settings c = {0.02, 0.8, 0.95, 1e-3};
    if (p->decays) g += 0.3 * p->w;
    p->w -= adam_move(&c, p, g, step);
}

static void adamw(struct op_weight *p, double g, int step) {
    static const struct settings c = {0.02, 0.8, 0.95, 1e-3};
    double move = adam_move(&c, p, g, step);
    if (p->decays) p->w -= 0.02 * 0.3 * p->w;
    p->w -= move;
}

static const struct op_optimizer_case formulas[] = {
    {"  optimizer: adam\n", adam, 6},
    {"  optimizer: {adam: {lr: 0.02, beta1: 0.8, beta2: 0.95, eps: 0.001, weight_decay: 0.3}}\n",
     adam_with_decay, 6},
    {"  optimizer: {adamw: {lr: 0.02, beta1: 0.8, beta2: 0.95, eps: 0.001, weight_decay: 0.3}}\n",
     adamw, 6},
};

START_TEST(steps_follow_the_algorithm) {
    op_optimizer_check(&formulas[_i]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, steps_follow_the_algorithm, 0, sizeof formulas / sizeof *formulas);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "adam",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
