/* The check that sgd and adam share: optimizer steps on given gradients, against formulas in
 * double. */
#ifndef DROPCL_TESTS_OP_OPTIMIZER_H
#define DROPCL_TESTS_OP_OPTIMIZER_H

#include "harness/op.h"

/* One parameter in double, and what its optimizer remembers of it. */
struct op_weight {
    double w, state[2];
    bool decays;
};

struct op_optimizer_case {
    const char *train;                                           /* the recipe's optimizer line */
    void (*step)(struct op_weight *, double gradient, int step); /* step counts from 0          */
    int steps;
};

/* On the reference and all devices, state starting at 0 and at random: every parameter follows
 * `step`; the padding between tensors has no effect on them; a latched loss leaves all as it is. */
void op_optimizer_check(const struct op_optimizer_case *);

#endif
