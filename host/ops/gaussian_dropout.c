/* Gaussian dropout (Srivastava et al. 2014, section 10): y = x (1 + sigma n), n normal, with the
 * mean and the variance of dropout at this rate, sigma^2 = rate / (1 - rate); dx = dy (1 + sigma
 * n). Nothing is dropped, and nothing at evaluation. Kingma, Salimans, Welling 2015 call it
 * variational dropout. x, y: any shape [N][...]. n comes from one word of the domain NOISE for each
 * element (kernels/inverse_normal.h, docs/masks.md), and is never stored. */
#include "base/text.h"
#include "inverse_normal.h"
#include "ops/draws.h"
#include <math.h>
#include <string.h>

struct gaussian_attr {
    struct draw_attr draw;
};

static const struct attr gaussian_attrs[] = {
    DRAW_RATE(struct gaussian_attr, draw,
              "of the dropout whose variance the noise has: rate / (1 - rate)", .below_max = true,
              .names = draws_usual, .fallback = "usual"),
    DRAW_SCHEDULE(struct gaussian_attr, draw),
    {0}};

static real gaussian_point(const struct point *at, real x, real extra) {
    (void)extra;
    if (!draws_word(at->run, at->draw, LAYER_ACTIVE)) return x;
    real n = (real)inverse_normal(draws_random(at->run, at->draw, at->sample, at->element));
    return x * REAL_FMA((real)draws_scale(at->run, at->draw), n, 1);
}

static const struct op op_gaussian_grad = {.name = "gaussian_dropout_grad",
                                           .point = gaussian_point,
                                           .words = draws_words,
                                           .needs = {"dropout", "inverse_normal.h"},
                                           .piece = "gaussian_dropout"};

static void gaussian_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    int dy = plan_grad_of(p, s.out[0]);
    plan_grad_give(p, s.in[0],
                   plan_point(p, &op_gaussian_grad, s.attr, s.name, s.line, s.draw, dy, -1));
}

static const struct op op_gaussian = {.name = "gaussian_dropout",
                                      .point = gaussian_point,
                                      .words = draws_words,
                                      .grad = gaussian_grad,
                                      .needs = {"dropout", "inverse_normal.h"},
                                      .piece = "gaussian_dropout"};

static struct decision gaussian_decide(const struct draw *draw, double rate) {
    (void)draw;
    return (struct decision){.active = rate > 0, .scale = (float)sqrt(rate / (1 - rate))};
}

static void gaussian_describe(const struct draw *draw, struct text *out) {
    double rate = draw_attr_of(draw->layer)->rate;
    text_add(out, "factors N(1, %g)", rate / (1 - rate));
}

/* A schedule has a range of its own, which includes 1. */
static bool starts_at_1(const struct choice *schedule) {
    if (!schedule->schema) return false;
    for (const struct attr *a = schedule->schema->attrs; a && a->name; a++)
        if (!strcmp(a->name, "from"))
            return *(const double *)(const void *)((const char *)schedule->attr + a->offset) >= 1;
    return false;
}

static int gaussian_build(struct plan *p, const struct layer *layer, int in) {
    plan_draw(p, layer, in);
    if (starts_at_1(&draw_attr_of(layer)->schedule))
        plan_fault(p, layer->line, layer->column,
                   "%s: at rate 1 the noise has no finite variance: from must be below 1",
                   layer->name);
    if (p->options.mode == PLAN_EVAL || draw_never(layer)) return in;
    plan_mask(p, layer, shape_elements(&p->values[in].shape) * sizeof(float));
    return plan_point(p, &op_gaussian, layer->attr, layer->name, layer->line, layer->draw, in, -1);
}

extern const struct layer_type layer_gaussian_dropout;
const struct layer_type layer_gaussian_dropout = {
    .schema = {.name = "gaussian_dropout",
               .doc = "multiplies single activations by normal noise of mean 1 while training",
               .size = sizeof(struct gaussian_attr),
               .attrs = gaussian_attrs,
               .stochastic = true},
    .build = gaussian_build,
    .draw = {.domain = DOMAIN_NOISE,
             .noise = true,
             .decide = gaussian_decide,
             .describe = gaussian_describe},
};
