/* The logistic function: y = 1 / (1 + e^-x), dx = dy y (1 - y). x, y: any shape. */
#include "ops/activation.h"
#include "ops/real_math.h"

static real sigmoid_point(const struct point *at, real x, real extra) {
    (void)at, (void)extra;
    return REAL_SIGMOID(x);
}

static real sigmoid_grad_point(const struct point *at, real dy, real y) {
    (void)at;
    return dy * (y * (1 - y));
}

ACTIVATION_OPERATIONS(sigmoid, READS_OUTPUT, .words = NULL);
const struct layer_type layer_sigmoid = {
    .schema = {.name = "sigmoid", .doc = "1 / (1 + e^-x)"},
    .build = sigmoid_build,
};
