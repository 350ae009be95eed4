/* Dropout, inverted: y = x * scale where kept, +0 where dropped; nothing at evaluation.
 * Srivastava et al. 2014; masks by docs/masks.md: element e of sample n is dropped iff its Philox
 * word is below T, T = round(rate 2^32); scale = 2^32 / (2^32 - T). T and scale come with CONTROL.
 * x, y: [N][...]. The mask is never stored: backward draws it again, or needs none (ops/draws.h).
 */
#include "ops/draws.h"

struct dropout_attr {
    struct draw_attr draw;
};

static const struct attr dropout_attrs[] = {
    DRAW_ATTRS(struct dropout_attr, draw, "the probability to drop an element"), {0}};

static real dropout_point(const struct point *at, real x, real extra) {
    (void)extra;
    if (draws_drop(at->run, at->draw, at->sample, at->element)) return 0;
    return x * (real)draws_scale(at->run, at->draw);
}

static void dropout_mask(const struct cpu_run *run, int draw, uint32_t sample, uint8_t *kept) {
    uint32_t n = (uint32_t)shape_features(&run->plan->draws[draw].shape);
    for (uint32_t e = 0; e < n; e++) kept[e] = !draws_drop(run, draw, sample, e);
}

static const struct op op_dropout_grad = {.name = "dropout_grad",
                                          .point = dropout_point,
                                          .words = draws_words,
                                          .mask = dropout_mask,
                                          .piece = "dropout"};

static void dropout_grad(struct plan *p, int i) {
    draws_grad(p, i, &op_dropout_grad);
}

static const struct op op_dropout = {.name = "dropout",
                                     .point = dropout_point,
                                     .words = draws_words,
                                     .mask = dropout_mask,
                                     .grad = dropout_grad,
                                     .piece = "dropout"};

int dropout_append(struct plan *p, const struct layer *layer, int in) {
    plan_mask(p, layer, shape_elements(&p->values[in].shape));
    return plan_point(p, &op_dropout, layer->attr, layer->name, layer->line, layer->draw, in, -1);
}

static int dropout_build(struct plan *p, const struct layer *layer, int in) {
    plan_draw(p, layer, in);
    if (p->options.mode == PLAN_EVAL || draw_never(layer)) return in;
    return dropout_append(p, layer, in);
}

extern const struct layer_type layer_dropout;
const struct layer_type layer_dropout = {
    .schema = {.name = "dropout",
               .doc = "drops single activations while training",
               .size = sizeof(struct dropout_attr),
               .attrs = dropout_attrs,
               .stochastic = true},
    .build = dropout_build,
};
