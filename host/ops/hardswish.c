/* Hard swish: y = x min(max(x + 3, 0), 6) / 6; dx = 0 below -3, dy above 3, dy (x / 3 + 1/2) from
 * -3 to
 * 3. x, y: any shape. Howard et al. 2019 (MobileNetV3), equation 3. Not monotonic: the gradient
 * needs the input. */
#include "ops/activation.h"

static const real SIXTH = (real)(1 / 6.0), THIRD = (real)(1 / 3.0);

static real hardswish_point(const struct point *at, real x, real extra) {
    (void)at, (void)extra;
    real shifted = x + 3;
    shifted = shifted < 0 ? 0 : shifted;
    shifted = shifted > 6 ? 6 : shifted; /* 6 * SIXTH rounds to 1 exactly */
    return x * (shifted * SIXTH);
}

static real hardswish_grad_point(const struct point *at, real dy, real x) {
    (void)at;
    real slope = REAL_FMA(x, THIRD, (real)0.5);
    slope = x > 3 ? 1 : slope;
    return x < -3 ? 0 : dy * slope;
}

ACTIVATION_OPERATIONS(hardswish, READS_INPUT, .words = NULL);
const struct layer_type layer_hardswish = {
    .schema = {.name = "hardswish", .doc = "x min(max(x + 3, 0), 6) / 6"},
    .build = hardswish_build,
};
