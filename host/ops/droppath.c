/* DropPath, stochastic depth (Huang, Sun, Liu, Sedra, Weinberger 2016): last in the body of a
 * residual block, it drops the whole branch of a sample, so that the block is its shortcut; y = x *
 * scale where it is kept, else +0. x, y: any shape [N][...]; one decision a sample, element 0 of
 * the domain PATH.
 *
 * `depth: linear` is the paper's rule: block l of the recipe's L has the rate l / L of its own, so
 * that early blocks, which all later ones build on, are seldom dropped. (The paper drops the block
 * of a whole batch at once and scales at evaluation; here samples are independent and evaluation is
 * free.)
 */
#include "base/text.h"
#include "ops/draws.h"
#include <string.h>

enum { DEPTH_CONSTANT, DEPTH_LINEAR };

struct droppath_attr {
    struct draw_attr draw;
    int depth;
};

static const char *const depths[] = {"constant", "linear", NULL};

static const struct attr droppath_attrs[] = {
    DRAW_ATTRS(struct droppath_attr, draw, "the probability to drop the branch of a sample"),
    {.name = "depth",
     .type = ATTR_ENUM,
     .offset = offsetof(struct droppath_attr, depth),
     .names = depths,
     .fallback = "constant",
     .doc = "linear: the droppath number l of the recipe's L, in the order of the text, has "
            "`rate` * l / L; constant: `rate`"},
    {0}};

static real droppath_point(const struct point *at, real x, real extra) {
    (void)extra;
    if (draws_drop(at->run, at->draw, at->sample, 0)) return 0;
    return x * (real)draws_scale(at->run, at->draw);
}

static void droppath_mask(const struct cpu_run *run, int draw, uint32_t sample, uint8_t *kept) {
    size_t n = (size_t)shape_features(&run->plan->draws[draw].shape);
    memset(kept, !draws_drop(run, draw, sample, 0), n);
}

static const struct op op_droppath_grad = {.name = "droppath_grad",
                                           .point = droppath_point,
                                           .words = draws_words,
                                           .mask = droppath_mask,
                                           .piece = "dropout"};

static void droppath_grad(struct plan *p, int i) {
    draws_grad(p, i, &op_droppath_grad);
}

static const struct op op_droppath = {.name = "droppath",
                                      .point = droppath_point,
                                      .words = draws_words,
                                      .mask = droppath_mask,
                                      .grad = droppath_grad,
                                      .piece = "dropout"};

/* ---- depth ---- */

struct count {
    const struct layer *layer;
    int block, blocks;
};

static void count_block(const struct layer *layer, void *user) {
    struct count *c = user;
    c->blocks += layer->schema == c->layer->schema;
    if (layer == c->layer) c->block = c->blocks;
}

static double rate_of(const struct draw *draw, double rate) {
    const struct droppath_attr *attr = draw->layer->attr;
    return attr->depth == DEPTH_LINEAR ? rate * draw->block / draw->blocks : rate;
}

static struct decision droppath_decide(const struct draw *draw, double rate) {
    return decision_of(rate_of(draw, rate));
}

static void droppath_describe(const struct draw *draw, struct text *out) {
    const struct droppath_attr *attr = draw->layer->attr;
    text_add(out, "branch %d of %d drops %g", draw->block, draw->blocks,
             rate_of(draw, attr->draw.rate));
}

static int droppath_build(struct plan *p, const struct layer *layer, int in) {
    struct count count = {.layer = layer};
    recipe_walk(&p->recipe->model.layers, count_block, &count);
    plan_draw(p, layer, in);
    if (p->failed) return in;
    p->draws[layer->draw].block = count.block;
    p->draws[layer->draw].blocks = count.blocks;
    if (p->options.mode == PLAN_EVAL || draw_never(layer)) return in;
    plan_mask(p, layer, (size_t)p->values[in].shape.dim[0]);
    return plan_point(p, &op_droppath, layer->attr, layer->name, layer->line, layer->draw, in, -1);
}

extern const struct layer_type layer_droppath;
const struct layer_type layer_droppath = {
    .schema = {.name = "droppath",
               .doc =
                   "drops the whole branch of a sample while training: the last layer in the body "
                   "of a residual block",
               .size = sizeof(struct droppath_attr),
               .attrs = droppath_attrs,
               .stochastic = true},
    .build = droppath_build,
    .draw = {.domain = DOMAIN_PATH, .decide = droppath_decide, .describe = droppath_describe},
};
