/* Leaky ReLU: y = x where x > 0, else slope x; dx = dy where y > 0, else slope dy (slope >= 0, so
 * the output has the sign of the input). x, y: any shape. Maas, Hannun, Ng 2013. */
#include "ops/activation.h"

struct leaky_relu_attr {
    double slope;
};

static const struct attr leaky_relu_attrs[] = {{.name = "slope",
                                                .type = ATTR_REAL,
                                                .offset = offsetof(struct leaky_relu_attr, slope),
                                                .max = 1,
                                                .fallback = "0.01",
                                                .doc = "of the part below 0"},
                                               {0}};

/* attr NULL: from `activation:`, the default. */
static float slope_of(const void *attr) {
    return attr ? (float)((const struct leaky_relu_attr *)attr)->slope : 0.01f;
}

static void words(const struct plan *p, const void *attr, int draw, uint32_t out[STAGE_WORDS]) {
    (void)p, (void)draw;
    activation_words(slope_of(attr), out);
}

static real leaky_relu_point(const struct point *at, real x, real extra) {
    (void)extra;
    return x > 0 ? x : x * (real)slope_of(at->attr);
}

static real leaky_relu_grad_point(const struct point *at, real dy, real y) {
    return y > 0 ? dy : dy * (real)slope_of(at->attr);
}

ACTIVATION_OPERATIONS(leaky_relu, READS_OUTPUT, .words = words);
const struct layer_type layer_leaky_relu = {
    .schema = {.name = "leaky_relu",
               .doc = "x above 0, slope x below",
               .size = sizeof(struct leaky_relu_attr),
               .attrs = leaky_relu_attrs},
    .build = leaky_relu_build,
};
