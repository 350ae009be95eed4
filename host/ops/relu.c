/* ReLU, y = max(x, 0); NaN stays NaN. dx = dy where y > 0, else 0. x, y: any shape.
 * Nair, Hinton 2010. */
#include "ops/internal.h"

static real relu_point(const struct point *at, real x, real extra) {
    (void)at, (void)extra;
    return x <= 0 ? 0 : x;
}

static real relu_grad_point(const struct point *at, real dy, real y) {
    (void)at;
    return y > 0 ? dy : 0;
}

static const struct op op_relu_grad = {
    .name = "relu_grad", .point = relu_grad_point, .piece = "relu"};

/* Reads the output, or what is positive exactly where the output is (a dropout's output, when only
 * that dropout reads ours): then our own output never needs to exist in memory. */
static void relu_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    int y = s.out[0];
    while (p->values[y].positive >= 0) y = p->values[y].positive;
    int dx = plan_point(p, &op_relu_grad, NULL, s.name, s.line, -1, plan_grad_of(p, s.out[0]), y);
    plan_grad_give(p, s.in[0], dx);
}

const struct op op_relu = {.name = "relu", .point = relu_point, .grad = relu_grad, .piece = "relu"};

static int relu_build(struct plan *p, const struct layer *layer, int in) {
    return plan_point(p, &op_relu, NULL, layer->name, layer->line, -1, in, -1);
}

extern const struct layer_type layer_relu;
const struct layer_type layer_relu = {
    .schema = {.name = "relu", .doc = "max(x, 0)"},
    .build = relu_build,
};
