/* SELU: y = l x where x > 0, else l a (e^x - 1), with the l and a for which mean 0 and variance 1
 * are a fixed point of dense layers; dx = l dy where y > 0, else dy (y + l a). x, y: any shape.
 * Wants `init: lecun`. Klambauer, Unterthiner, Mayr, Hochreiter 2017. */
#include "ops/activation.h"
#include "ops/real_math.h"

static const real SCALE = (real)1.05070098735548049342;        /* l   */
static const real SCALED_ALPHA = (real)1.75809934084737685994; /* l a */

static real selu_point(const struct point *at, real x, real extra) {
    (void)at, (void)extra;
    return x > 0 ? SCALE * x : SCALED_ALPHA * REAL_EXPM1(x);
}

static real selu_grad_point(const struct point *at, real dy, real y) {
    (void)at;
    return y > 0 ? SCALE * dy : dy * (y + SCALED_ALPHA);
}

ACTIVATION_OPERATIONS(selu, READS_OUTPUT, .words = NULL);
const struct layer_type layer_selu = {
    .schema = {.name = "selu", .doc = "elu scaled so that mean 0 and variance 1 are kept"},
    .build = selu_build,
};
