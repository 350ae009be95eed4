/* Dropout, inverted: y = x * scale where kept, +0 where dropped; nothing at evaluation.
 * Srivastava et al. 2014; masks by docs/masks.md: element e of sample n is dropped iff its Philox
 * word is below T, T = round(rate 2^32); scale = 2^32 / (2^32 - T). T and scale come with CONTROL.
 * x, y: [N][...].
 *
 * The mask is never stored. Backward, dx = dy * scale where kept, regenerates it - except behind a
 * ReLU whose output only this dropout reads: there y > 0 exactly where an element was kept and
 * active (scale
 * >= 1 cannot underflow), so dx = dy * scale followed by ReLU's own test on y says it all. */
#include "ops/internal.h"
#include "philox.h"
#include <string.h>

struct dropout_attr {
    double rate;
};

static const struct attr dropout_attrs[] = {{.name = "rate",
                                             .type = ATTR_REAL,
                                             .offset = offsetof(struct dropout_attr, rate),
                                             .max = 1,
                                             .doc = "the probability to drop an element"},
                                            {0}};

static uint32_t layer_word(const struct cpu_run *run, int stochastic, int word) {
    return run->control[CONTROL_LAYERS + CONTROL_LAYER * stochastic + word];
}

static real layer_scale(const struct point *at) {
    return (real)control_float(at->run->control,
                               CONTROL_LAYERS + CONTROL_LAYER * at->stochastic + LAYER_SCALE);
}

/* Counter word 3 without aux. */
static uint32_t mask_counter(const struct plan *p, int stochastic) {
    uint32_t domain = p->options.mode == PLAN_MC ? DOMAIN_MC_MASK : DOMAIN_MASK;
    return domain << 28 | (uint32_t)stochastic << 16;
}

static bool dropped(const struct point *at) {
    const uint32_t *row = at->run->control;
    if (!layer_word(at->run, at->stochastic, LAYER_ACTIVE)) return false;
    uint64_t seed = (uint64_t)row[CONTROL_SEED_HIGH] << 32 | row[CONTROL_SEED_LOW];
    uint32_t counter3 = mask_counter(at->run->plan, at->stochastic) | row[CONTROL_AUX];
    uint32_t word = philox_word(seed, at->element, row[CONTROL_SAMPLE] + at->sample,
                                row[CONTROL_STEP], counter3);
    return word <= layer_word(at->run, at->stochastic, LAYER_LIMIT);
}

static real dropout_point(const struct point *at, real x, real extra) {
    (void)extra;
    return dropped(at) ? 0 : x * layer_scale(at);
}

static real dropout_scale_point(const struct point *at, real x, real extra) {
    (void)extra;
    return x * layer_scale(at);
}

static void dropout_words(const struct plan *p, const void *attr, int stochastic, uint32_t out[2]) {
    (void)attr;
    out[0] = CONTROL_LAYERS + CONTROL_LAYER * (uint32_t)stochastic;
    out[1] = mask_counter(p, stochastic);
}

extern const struct op op_relu;
static const struct op op_dropout_grad = {
    .name = "dropout_grad", .point = dropout_point, .words = dropout_words, .piece = "dropout"};
static const struct op op_dropout_scale = {.name = "dropout_scale",
                                           .point = dropout_scale_point,
                                           .words = dropout_words,
                                           .piece = "dropout"};

static void dropout_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    int x = s.in[0], y = s.out[0], writer = plan_writer(p, x);
    bool implied = writer >= 0 && p->steps[writer].op == &op_relu && plan_readers(p, x) == 1;
    if (implied) p->values[x].positive = y;
    const struct op *op = implied ? &op_dropout_scale : &op_dropout_grad;
    int dx = plan_point(p, op, s.attr, s.name, s.line, s.stochastic, plan_grad_of(p, y), -1);
    plan_grad_give(p, x, dx);
}

static const struct op op_dropout = {.name = "dropout",
                                     .point = dropout_point,
                                     .words = dropout_words,
                                     .grad = dropout_grad,
                                     .piece = "dropout"};

static int dropout_build(struct plan *p, const struct layer *layer, int in) {
    const struct dropout_attr *attr = layer->attr;
    if (p->options.mode == PLAN_EVAL || attr->rate == 0) return in;
    p->mask_bytes_saved += shape_elements(&p->values[in].shape);
    return plan_point(p, &op_dropout, attr, layer->name, layer->line, layer->stochastic, in, -1);
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
