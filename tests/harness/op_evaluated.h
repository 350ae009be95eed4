/* A DropConnect layer in an evaluation, between two dense ones: its outputs, and the moments of its
 * sums in double. */
#ifndef DROPCL_TESTS_OP_EVALUATED_H
#define DROPCL_TESTS_OP_EVALUATED_H

#include "harness/op.h"

enum {
    OP_EVALUATED_WIDE = 40, /* inputs, beside the bias */
    OP_EVALUATED_UNITS = 21,
    OP_EVALUATED_ROWS = 6,
    OP_EVALUATED_OUTPUTS = OP_EVALUATED_ROWS * OP_EVALUATED_UNITS
};

struct op_evaluation {
    const char *activation, *inference, *op; /* op: the step that then computes the layer */
    double rate;
    const float *w; /* [WIDE][UNITS], their first row for biases too, ones for inputs; NULL: what
                       the world has */
};

struct op_evaluated {
    float y[OP_EVALUATED_OUTPUTS];
    double mu[OP_EVALUATED_OUTPUTS], s[OP_EVALUATED_OUTPUTS];
    size_t bytes; /* of the plan's activations */
};

struct op_evaluated op_evaluate(const struct op_target *, const struct op_evaluation *);

/* E f(mu + s z), z normal, by Simpson's rule over nine deviations either side: for ReLU good to
 * 1e-9 of s. */
double op_expectation(double (*f)(double), double mu, double s);

#endif
