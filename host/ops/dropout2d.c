/* Spatial dropout: whole channels are dropped, one decision for each channel of a sample.
 * Neighbours in space (or time) are alike, so dropping them one by one would hardly hide anything.
 * Tompson et al. 2015. dropout2d: x, y [N][H][W][C]; dropout1d: x, y [N][T][C]. y = x * scale where
 * channel c = e % C of element e is kept, else +0; the contract's element is c. */
#include "ops/draws.h"

struct channels_attr {
    struct draw_attr draw;
};

static const struct attr channels_attrs[] = {
    DRAW_ATTRS(struct channels_attr, draw, "the probability to drop a channel"), {0}};

static real channels_point(const struct point *at, real x, real extra) {
    (void)extra;
    uint32_t channels = (uint32_t)draws_channels(&at->run->plan->draws[at->draw]);
    if (draws_drop(at->run, at->draw, at->sample, at->element % channels)) return 0;
    return x * (real)draws_scale(at->run, at->draw);
}

static void channels_mask(const struct cpu_run *run, int draw, uint32_t sample, uint8_t *kept) {
    const struct draw *d = &run->plan->draws[draw];
    uint32_t n = (uint32_t)shape_features(&d->shape), channels = (uint32_t)draws_channels(d);
    for (uint32_t e = 0; e < n; e++)
        kept[e] = e < channels ? !draws_drop(run, draw, sample, e) : kept[e - channels];
}

static void channels_words(const struct plan *p, const void *attr, int draw,
                           uint32_t out[STAGE_WORDS]) {
    draws_words(p, attr, draw, out);
    out[2] = (uint32_t)draws_channels(&p->draws[draw]);
}

static const struct op op_channels_grad = {.name = "dropout2d_grad",
                                           .point = channels_point,
                                           .words = channels_words,
                                           .mask = channels_mask,
                                           .piece = "dropout"};

static void channels_grad(struct plan *p, int i) {
    draws_grad(p, i, &op_channels_grad);
}

static const struct op op_channels = {.name = "dropout2d",
                                      .point = channels_point,
                                      .words = channels_words,
                                      .mask = channels_mask,
                                      .grad = channels_grad,
                                      .piece = "dropout"};

int dropout2d_append(struct plan *p, const struct layer *layer, int in) {
    const struct draw *d = &p->draws[layer->draw];
    plan_mask(p, layer, (size_t)d->shape.dim[0] * (size_t)draws_channels(d));
    return plan_point(p, &op_channels, layer->attr, layer->name, layer->line, layer->draw, in, -1);
}

/* Whether a value of another rank was meant is never guessed. */
static int channels_build(struct plan *p, const struct layer *layer, int in, int rank,
                          const char *wanted) {
    const struct shape *shape = &p->values[in].shape;
    plan_draw(p, layer, in);
    if (shape->rank != rank) {
        char text[64];
        plan_fault(p, layer->line, layer->column, "%s drops channels of %s, its input is %s",
                   layer->schema->name, wanted, shape_text(shape, text));
        return in;
    }
    if (p->options.mode == PLAN_EVAL || draw_never(layer)) return in;
    return dropout2d_append(p, layer, in);
}

static int dropout1d_build(struct plan *p, const struct layer *layer, int in) {
    return channels_build(p, layer, in, 3, "sequences [batch,time,channels]");
}

static int dropout2d_build(struct plan *p, const struct layer *layer, int in) {
    return channels_build(p, layer, in, 4, "images [batch,height,width,channels]");
}

extern const struct layer_type layer_dropout1d, layer_dropout2d;
const struct layer_type layer_dropout1d = {
    .schema = {.name = "dropout1d",
               .doc = "drops whole channels of a sequence [time, channels] while training",
               .size = sizeof(struct channels_attr),
               .attrs = channels_attrs,
               .stochastic = true},
    .build = dropout1d_build,
};
const struct layer_type layer_dropout2d = {
    .schema = {.name = "dropout2d",
               .doc = "drops whole channels of an image [height, width, channels] while training",
               .size = sizeof(struct channels_attr),
               .attrs = channels_attrs,
               .stochastic = true},
    .build = dropout2d_build,
};
