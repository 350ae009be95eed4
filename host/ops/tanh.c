/* The hyperbolic tangent: y = tanh x, dx = dy (1 - y^2). x, y: any shape. */
#include "ops/activation.h"
#include "ops/real_math.h"

static real tanh_point(const struct point *at, real x, real extra) {
    (void)at, (void)extra;
    return REAL_TANH(x);
}

static real tanh_grad_point(const struct point *at, real dy, real y) {
    (void)at;
    return dy * REAL_FMA(-y, y, 1);
}

ACTIVATION_OPERATIONS(tanh, READS_OUTPUT, .words = NULL);
const struct layer_type layer_tanh = {
    .schema = {.name = "tanh", .doc = "the hyperbolic tangent"},
    .build = tanh_build,
};
