/* ELU: y = x where x > 0, else alpha (e^x - 1); dx = dy where y > 0, else dy (y + alpha). x, y: any
 * shape. Clevert, Unterthiner, Hochreiter 2016. */
#include "ops/activation.h"
#include "ops/real_math.h"

struct elu_attr {
    double alpha;
};

static const struct attr elu_attrs[] = {{.name = "alpha",
                                         .type = ATTR_REAL,
                                         .offset = offsetof(struct elu_attr, alpha),
                                         .max = 100,
                                         .fallback = "1",
                                         .doc = "the output falls towards -alpha"},
                                        {0}};

/* attr NULL: from `activation:`, the default. */
static float alpha_of(const void *attr) {
    return attr ? (float)((const struct elu_attr *)attr)->alpha : 1;
}

static void words(const struct plan *p, const void *attr, int draw, uint32_t out[STAGE_WORDS]) {
    (void)p, (void)draw;
    activation_words(alpha_of(attr), out);
}

static real elu_point(const struct point *at, real x, real extra) {
    (void)extra;
    return x > 0 ? x : (real)alpha_of(at->attr) * REAL_EXPM1(x);
}

static real elu_grad_point(const struct point *at, real dy, real y) {
    return y > 0 ? dy : dy * (y + (real)alpha_of(at->attr));
}

ACTIVATION_OPERATIONS(elu, READS_OUTPUT, .words = words);
const struct layer_type layer_elu = {
    .schema = {.name = "elu",
               .doc = "x above 0, alpha (e^x - 1) below",
               .size = sizeof(struct elu_attr),
               .attrs = elu_attrs},
    .build = elu_build,
};
