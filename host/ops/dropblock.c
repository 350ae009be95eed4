/* DropBlock (Ghiasi, Lin, Le 2018): drops squares of a feature map, for each channel on its own.
 * x, y [N][H][W][C]. Each corner of the grid of blocks that lie in the map drops its block with
 * probability gamma; y is +0 in dropped blocks, else x * scale. rate is the expected dropped
 * fraction, and gamma is solved for it (dropblock_rate.c). The scale does not couple samples: one
 * over the expected kept fraction, or over the sample's own.
 *
 * A step of its own and not a stage: a stage would draw for every element all the corners that
 * reach it, block^2 of them; the step draws each corner once (kernels/dropblock.cl). It takes
 * stages itself. Blocks of 1 are dropout, and one block over the whole map is dropout2d. */
#include "ops/dropblock.h"
#include <string.h>

static const char *const gammas[] = {"exact", "paper", NULL};
static const char *const normalizers[] = {"expected", "sample", NULL};

static const struct attr dropblock_attrs[] = {
    DRAW_ATTRS(struct dropblock_attr, draw, "the fraction of the map that is dropped on average"),
    {.name = "size",
     .type = ATTR_INT,
     .offset = offsetof(struct dropblock_attr, size),
     .min = 1,
     .max = 65536,
     .doc = "side of the blocks; no longer than the map's sides"},
    {.name = "gamma",
     .type = ATTR_ENUM,
     .offset = offsetof(struct dropblock_attr, gamma),
     .names = gammas,
     .fallback = "exact",
     .doc = "exact: blocks as frequent as it takes to drop `rate`; paper: the first-order formula, "
            "which drops less"},
    {.name = "normalize",
     .type = ATTR_ENUM,
     .offset = offsetof(struct dropblock_attr, normalize),
     .names = normalizers,
     .fallback = "expected",
     .doc = "what is kept is divided by the kept fraction: expected, or the sample's own"},
    {0}};

/* ---- the reference ---- */

/* Ones move `times` - 1 places on, `stride` elements apart, along an axis of `length`. From the end
 * on, so that what is read has not been spread yet. */
static void spread(uint8_t *dropped, size_t n, size_t stride, size_t length, size_t times) {
    for (size_t e = n; e-- > 0;) {
        size_t at = e / stride % length;
        for (size_t d = 1; d < times && d <= at; d++) dropped[e] |= dropped[e - d * stride];
    }
}

static void dropblock_mask(const struct cpu_run *run, int draw, uint32_t sample, uint8_t *kept) {
    const struct dropblock_grid g = dropblock_grid_of(&run->plan->draws[draw]);
    size_t c = (size_t)g.channels, row = (size_t)g.width * c, n = (size_t)g.height * row;
    for (size_t e = 0; e < n; e++) {
        size_t i = e / row, j = e % row / c;
        uint32_t corner = (uint32_t)((i * (size_t)g.grid_w + j) * c + e % c);
        bool inside = i < (size_t)g.grid_h && j < (size_t)g.grid_w;
        kept[e] = inside && draws_drop(run, draw, sample, corner);
    }
    spread(kept, n, c, (size_t)g.width, (size_t)g.block_w);
    spread(kept, n, row, (size_t)g.height, (size_t)g.block_h);
    for (size_t e = 0; e < n; e++) kept[e] = !kept[e];
}

static real scale_of(const struct cpu_run *run, const struct step *s, const uint8_t *kept,
                     size_t n) {
    const struct dropblock_attr *attr = s->attr;
    if (attr->normalize == NORMALIZE_EXPECTED) return (real)draws_scale(run, s->draw);
    size_t count = 0;
    for (size_t e = 0; e < n; e++) count += kept[e];
    return count ? (real)n / (real)count : 0;
}

/* The mask of a sample is made in the memory of its output, a byte an element, and replaced by the
 * numbers from the end on: those take more room, so no byte is overwritten before it is read. */
static void dropblock_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    size_t n = (size_t)shape_features(shape);
    for (size_t sample = 0; sample < (size_t)shape->dim[0]; sample++) {
        const real *x = (const real *)run->data[s->in[0]] + sample * n;
        real *y = (real *)run->data[s->out[0]] + sample * n;
        uint8_t *kept = (uint8_t *)y;
        dropblock_mask(run, s->draw, (uint32_t)sample, kept);
        real scale = scale_of(run, s, kept, n);
        for (size_t e = n; e-- > 0;) y[e] = kept[e] ? x[e] * scale : 0;
    }
}

/* Asks the corners that reach one element; by the sample's own count, all elements of the sample.
 */
static bool is_dropped(const struct cpu_run *run, int draw, size_t sample, size_t element) {
    const struct dropblock_grid g = dropblock_grid_of(&run->plan->draws[draw]);
    int c = (int)(element % (size_t)g.channels), pixel = (int)(element / (size_t)g.channels);
    int i = pixel / g.width, j = pixel % g.width;
    for (int p = i < g.block_h ? 0 : i - g.block_h + 1; p <= i && p < g.grid_h; p++)
        for (int q = j < g.block_w ? 0 : j - g.block_w + 1; q <= j && q < g.grid_w; q++)
            if (draws_drop(run, draw, (uint32_t)sample,
                           (uint32_t)((p * g.grid_w + q) * g.channels + c)))
                return true;
    return false;
}

static real dropblock_sample(const struct cpu_run *run, const struct step *s, int output,
                             size_t index) {
    (void)output;
    const struct dropblock_attr *attr = s->attr;
    size_t n = (size_t)shape_features(&run->plan->values[s->out[0]].shape), count = 0;
    size_t sample = index / n;
    if (is_dropped(run, s->draw, sample, index % n)) return 0;
    real x = ((const real *)run->data[s->in[0]])[index];
    if (attr->normalize == NORMALIZE_EXPECTED) return x * (real)draws_scale(run, s->draw);
    for (size_t e = 0; e < n; e++) count += !is_dropped(run, s->draw, sample, e);
    return x * ((real)n / (real)count);
}

static void dropblock_cost(const struct plan *p, const struct step *s, struct cost *c) {
    (void)p, (void)s, (void)c; /* no floating-point arithmetic worth counting; bytes as they are */
}

/* ---- the step, and backward ---- */

static int append(struct plan *p, const struct op *op, const struct step *like, int in) {
    int s = plan_step_new(p, op, like->attr, like->name, like->line);
    p->steps[s].draw = like->draw;
    plan_in(p, s, in);
    struct shape shape = p->values[in].shape;
    int out = plan_value_new(p, plan_text(p, "%s.%s", like->name, op->name), &shape, DTYPE_F32,
                             ROLE_ACTIVATION);
    plan_out(p, s, out);
    return out;
}

static const struct op op_dropblock_grad = {.name = "dropblock_grad",
                                            .producer = true,
                                            .cpu = dropblock_cpu,
                                            .mask = dropblock_mask,
                                            .launch = dropblock_launch,
                                            .ways = dropblock_ways,
                                            .sample = dropblock_sample,
                                            .cost = dropblock_cost};

/* Behind a ReLU the mask is implied, as for dropout, where the scale is CONTROL's. */
static void dropblock_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    const struct dropblock_attr *attr = s.attr;
    int dy = plan_grad_of(p, s.out[0]);
    if (attr->normalize == NORMALIZE_EXPECTED && draws_implied(p, i))
        plan_grad_give(p, s.in[0], draws_scale_step(p, i, dy));
    else
        plan_grad_give(p, s.in[0], append(p, &op_dropblock_grad, &s, dy));
}

static const struct op op_dropblock = {.name = "dropblock",
                                       .producer = true,
                                       .cpu = dropblock_cpu,
                                       .mask = dropblock_mask,
                                       .launch = dropblock_launch,
                                       .ways = dropblock_ways,
                                       .sample = dropblock_sample,
                                       .cost = dropblock_cost,
                                       .grad = dropblock_grad};

static int dropblock_build(struct plan *p, const struct layer *layer, int in) {
    const struct dropblock_attr *attr = layer->attr;
    const struct shape *shape = &p->values[in].shape;
    plan_draw(p, layer, in);
    if (shape->rank != 4) {
        char text[64];
        plan_fault(
            p, layer->line, layer->column,
            "dropblock drops blocks of images [batch,height,width,channels], its input is %s",
            shape_text(shape, text));
        return in;
    }
    if (p->options.mode == PLAN_EVAL || draw_never(layer) || p->failed) return in;
    const struct dropblock_grid g = dropblock_grid_of(&p->draws[layer->draw]);
    if (attr->normalize == NORMALIZE_EXPECTED && g.block_h == 1 && g.block_w == 1)
        return dropout_append(p, layer, in);
    if (attr->normalize == NORMALIZE_EXPECTED && g.grid_h == 1 && g.grid_w == 1)
        return dropout2d_append(p, layer, in);
    plan_mask(p, layer, shape_elements(shape));
    struct step like = {
        .attr = attr, .name = layer->name, .line = layer->line, .draw = layer->draw};
    return append(p, &op_dropblock, &like, in);
}

extern const struct layer_type layer_dropblock;
const struct layer_type layer_dropblock = {
    .schema = {.name = "dropblock",
               .doc = "drops squares of a feature map, in each channel on its own, while training",
               .size = sizeof(struct dropblock_attr),
               .attrs = dropblock_attrs,
               .stochastic = true},
    .build = dropblock_build,
    .draw = {.decide = dropblock_decide, .describe = dropblock_describe},
};
