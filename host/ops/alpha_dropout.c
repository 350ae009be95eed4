/* Alpha dropout (Klambauer, Unterthiner, Mayr, Hochreiter 2017), for networks of selu: a dropped
 * element becomes alpha' = -lambda alpha, what selu gives far below 0, and then all are mapped by y
 * = a x + b so that mean 0 and variance 1 stay so. With the share q that is kept, a = (q + alpha'^2
 * q (1 - q))^(-1/2),   b = -a (1 - q) alpha'; at rate 1 everything is +0. dx = a dy where kept,
 * else +0. Masks are those of dropout, by element or by channel. x, y: any shape [N][...]. a is in
 * the place of the scale, b in LAYER_EXTRA. */
#include "base/text.h"
#include "ops/draws.h"
#include <math.h>

static const double DROPPED = -1.75809934084737685994; /* alpha' */

enum { BY_ELEMENT, BY_CHANNEL };

struct alpha_attr {
    struct draw_attr draw;
    int by;
};

static const char *const units[] = {"element", "channel", NULL};

static const struct attr alpha_attrs[] = {
    DRAW_ATTRS(struct alpha_attr, draw, "the probability to drop an element or a channel"),
    {.name = "by",
     .type = ATTR_ENUM,
     .offset = offsetof(struct alpha_attr, by),
     .names = units,
     .fallback = "element",
     .doc = "what is dropped: single activations, or whole channels (the last axis)"},
    {0}};

static uint32_t decider_of(const struct point *at) {
    const struct alpha_attr *attr = at->attr;
    const struct draw *draw = &at->run->plan->draws[at->draw];
    return attr->by == BY_CHANNEL ? at->element % (uint32_t)draws_channels(draw) : at->element;
}

static real alpha_point(const struct point *at, real x, real extra) {
    (void)extra;
    if (!draws_word(at->run, at->draw, LAYER_ACTIVE)) return x;
    int words = CONTROL_LAYERS + CONTROL_LAYER * at->draw;
    real b = (real)control_float(at->run->control, words + LAYER_EXTRA);
    bool drop = draws_drop(at->run, at->draw, at->sample, decider_of(at));
    return REAL_FMA((real)draws_scale(at->run, at->draw), drop ? (real)DROPPED : x, b);
}

static real alpha_grad_point(const struct point *at, real dy, real extra) {
    (void)extra;
    if (draws_drop(at->run, at->draw, at->sample, decider_of(at))) return 0;
    return dy * (real)draws_scale(at->run, at->draw);
}

static void alpha_words(const struct plan *p, const void *attr, int draw,
                        uint32_t out[STAGE_WORDS]) {
    draws_words(p, attr, draw, out);
    if (((const struct alpha_attr *)attr)->by == BY_CHANNEL)
        out[2] = (uint32_t)draws_channels(&p->draws[draw]);
}

/* The forward operation has no mask to look for: what it drops does not become 0. */
static void alpha_mask(const struct cpu_run *run, int draw, uint32_t sample, uint8_t *kept) {
    const struct draw *d = &run->plan->draws[draw];
    uint32_t n = (uint32_t)shape_features(&d->shape);
    struct point at = {.run = run, .attr = d->layer->attr, .draw = draw, .sample = sample};
    for (; at.element < n; at.element++)
        kept[at.element] = !draws_drop(run, draw, sample, decider_of(&at));
}

static const struct op op_alpha_grad = {.name = "alpha_dropout_grad",
                                        .point = alpha_grad_point,
                                        .words = alpha_words,
                                        .mask = alpha_mask,
                                        .needs = {"dropout"},
                                        .piece = "alpha_dropout"};

static void alpha_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    int dy = plan_grad_of(p, s.out[0]);
    plan_grad_give(p, s.in[0],
                   plan_point(p, &op_alpha_grad, s.attr, s.name, s.line, s.draw, dy, -1));
}

static const struct op op_alpha = {.name = "alpha_dropout",
                                   .point = alpha_point,
                                   .words = alpha_words,
                                   .grad = alpha_grad,
                                   .needs = {"dropout"},
                                   .piece = "alpha_dropout"};

/* From T, like the scale of dropout, and not from the rate. */
static struct decision alpha_decide(const struct draw *draw, double rate) {
    (void)draw;
    struct decision d = decision_of(rate);
    double dropped = (double)d.threshold * 0x1p-32, q = 1 - dropped;
    if (q == 0) return d; /* scale 0, extra 0 */
    double a = 1 / sqrt(q + DROPPED * DROPPED * q * dropped);
    d.scale = (float)a;
    d.extra = d.active ? (float)(-a * dropped * DROPPED) : 0;
    return d;
}

static void alpha_describe(const struct draw *draw, struct text *out) {
    struct decision d = alpha_decide(draw, draw_attr_of(draw->layer)->rate);
    text_add(out, "y = %g x + %g", (double)d.scale, (double)d.extra);
}

static int alpha_build(struct plan *p, const struct layer *layer, int in) {
    const struct alpha_attr *attr = layer->attr;
    plan_draw(p, layer, in);
    if (p->options.mode == PLAN_EVAL || draw_never(layer) || p->failed) return in;
    const struct shape *shape = &p->values[in].shape;
    size_t channels = (size_t)draws_channels(&p->draws[layer->draw]);
    plan_mask(p, layer,
              attr->by == BY_CHANNEL ? (size_t)shape->dim[0] * channels : shape_elements(shape));
    return plan_point(p, &op_alpha, layer->attr, layer->name, layer->line, layer->draw, in, -1);
}

extern const struct layer_type layer_alpha_dropout;
const struct layer_type layer_alpha_dropout = {
    .schema = {.name = "alpha_dropout",
               .doc =
                   "drops activations of selu to its limit below 0 while training, and keeps mean "
                   "and variance",
               .size = sizeof(struct alpha_attr),
               .attrs = alpha_attrs,
               .stochastic = true},
    .build = alpha_build,
    .draw = {.decide = alpha_decide, .describe = alpha_describe},
};
