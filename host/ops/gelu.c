/* GELU in its exact form: y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2, the normal distribution; dx
 * = dy (P(x) + x p(x)), p its density. x, y: any shape. Hendrycks, Gimpel 2016. Not monotonic: the
 * gradient needs the input. */
#include "ops/activation.h"
#include "ops/real_math.h"

static const real ROOT_HALF = (real)0.70710678118654752440;
static const real DENSITY_AT_0 = (real)0.39894228040143267794; /* 1 / sqrt(2 pi) */

static real normal(real x) {
    return (1 + REAL_ERF(x * ROOT_HALF)) * (real)0.5;
}

static real gelu_point(const struct point *at, real x, real extra) {
    (void)at, (void)extra;
    return x * normal(x);
}

static real gelu_grad_point(const struct point *at, real dy, real x) {
    (void)at;
    real density = REAL_EXPV(x * x * (real)-0.5) * DENSITY_AT_0;
    return dy * (normal(x) + x * density);
}

ACTIVATION_OPERATIONS(gelu, READS_INPUT, .words = NULL);
const struct layer_type layer_gelu = {
    .schema = {.name = "gelu", .doc = "x times the normal distribution of x, by erf"},
    .build = gelu_build,
};
