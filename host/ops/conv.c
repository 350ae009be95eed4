/* The convolution layer: y = conv2d(x, W) + b. x [N][H][W][C], W [kh][kw][C][F] (depthwise
 * [kh][kw][1][C]), b [F], y [N][OH][OW][F]. LeCun et al. 1989; depthwise: Sifre, Mallat 2014. */
#include "ops/conv2d.h"
#include "ops/internal.h"
#include "ops/table.h"
#include <string.h>

enum { IN_X, IN_WEIGHT, IN_BIAS, LARGEST = 64 };

struct conv_attr {
    int filters, stride, pad, activation, init;
    struct ints kernel;
    bool bias, depthwise;
    double max_norm;
};

static const char *const laws[] = {"he", "glorot", "lecun", NULL};
static const int law_of[] = {PARAM_LAW_HE, PARAM_LAW_GLOROT, PARAM_LAW_LECUN};

static const struct attr conv_attrs[] = {
    {.name = "filters",
     .type = ATTR_INT,
     .offset = offsetof(struct conv_attr, filters),
     .min = 1,
     .max = 1 << 16,
     .doc = "output channels; of a depthwise layer as many as its input has"},
    {.name = "kernel",
     .type = ATTR_INTS,
     .offset = offsetof(struct conv_attr, kernel),
     .min = 1,
     .max = LARGEST,
     .doc = "size of the window: [height, width], or one number for both"},
    {.name = "stride",
     .type = ATTR_INT,
     .offset = offsetof(struct conv_attr, stride),
     .min = 1,
     .max = LARGEST,
     .fallback = "1",
     .doc = "pixels from one window to the next, in both directions"},
    {.name = "pad",
     .type = ATTR_INT,
     .offset = offsetof(struct conv_attr, pad),
     .max = LARGEST,
     .names = window_pads,
     .fallback = "valid",
     .doc = "zeros around the map. " WINDOW_PAD_DOC},
    {.name = "depthwise",
     .type = ATTR_BOOL,
     .offset = offsetof(struct conv_attr, depthwise),
     .fallback = "false",
     .doc = "each output channel reads the input channel of its own number alone"},
    {.name = "activation",
     .type = ATTR_ENUM,
     .offset = offsetof(struct conv_attr, activation),
     .names = activation_names,
     .fallback = "linear",
     .doc = "applied to the outputs"},
    {.name = "bias",
     .type = ATTR_BOOL,
     .offset = offsetof(struct conv_attr, bias),
     .fallback = "true",
     .doc = "adds a trained constant to each output channel"},
    {.name = "init",
     .type = ATTR_ENUM,
     .offset = offsetof(struct conv_attr, init),
     .names = laws,
     .fallback = "he",
     .doc = "bound of the uniform initial weights: sqrt(6/in), sqrt(6/(in+out)) or sqrt(3/in), "
            "with in and out counted over the window; biases start at 0"},
    MAX_NORM_ATTR(struct conv_attr),
    {0}};

/* ---- steps: all three have the same attributes, struct conv2d ---- */

/* conv2d: in x, W, b where there is one; out y. */
static struct conv2d_work forward(const struct step *s) {
    const struct conv2d *g = s->attr;
    return (struct conv2d_work){.g = *g,
                                .pass = CONV2D_FORWARD,
                                .a = s->in[IN_X],
                                .b = s->in[IN_WEIGHT],
                                .bias = g->bias ? s->in[IN_BIAS] : -1,
                                .c = s->out[0],
                                .db = -1};
}

/* conv2d_dx: in dy, W; out dx. */
static struct conv2d_work backward_x(const struct step *s) {
    const struct conv2d *g = s->attr;
    return (struct conv2d_work){.g = *g,
                                .pass = CONV2D_DX,
                                .a = s->in[0],
                                .b = s->in[1],
                                .bias = -1,
                                .c = s->out[0],
                                .db = -1};
}

/* conv2d_dw: in x, dy; out dW, db where there is a bias. */
static struct conv2d_work backward_w(const struct step *s) {
    const struct conv2d *g = s->attr;
    return (struct conv2d_work){.g = *g,
                                .pass = CONV2D_DW,
                                .a = s->in[0],
                                .b = s->in[1],
                                .bias = -1,
                                .c = s->out[0],
                                .db = g->bias ? s->out[1] : -1};
}

static void work_cpu(const struct cpu_run *run, const struct conv2d_work *w) {
    void *const *data = run->data;
    const real *a = data[w->a], *b = data[w->b], *bias = w->bias >= 0 ? data[w->bias] : NULL;
    real *db = w->db >= 0 ? data[w->db] : NULL;
    if (w->pass == CONV2D_FORWARD)
        conv2d_cpu(&w->g, a, b, bias, data[w->c]);
    else if (w->pass == CONV2D_DX)
        conv2d_cpu_dx(&w->g, a, b, data[w->c]);
    else
        conv2d_cpu_dw(&w->g, a, b, data[w->c], db);
}

static real work_sample(const struct cpu_run *run, const struct conv2d_work *w, int output,
                        size_t index) {
    void *const *data = run->data;
    if (output > 0) return conv2d_cpu_db_at(&w->g, data[w->b], index);
    const real *a = data[w->a], *b = data[w->b], *bias = w->bias >= 0 ? data[w->bias] : NULL;
    if (w->pass == CONV2D_FORWARD) return conv2d_cpu_at(&w->g, a, b, bias, index);
    if (w->pass == CONV2D_DX) return conv2d_cpu_dx_at(&w->g, a, b, index);
    return conv2d_cpu_dw_at(&w->g, a, b, index);
}

/* The functions of one of the three operations. */
#define WORK_FUNCTIONS(name, describe)                                                             \
    static void name##_cpu(const struct cpu_run *run, const struct step *s) {                      \
        struct conv2d_work w = describe(s);                                                        \
        work_cpu(run, &w);                                                                         \
    }                                                                                              \
    static real name##_sample(const struct cpu_run *run, const struct step *s, int output,         \
                              size_t index) {                                                      \
        struct conv2d_work w = describe(s);                                                        \
        return work_sample(run, &w, output, index);                                                \
    }                                                                                              \
    static void name##_launch(const struct plan *p, const struct step *s, const struct caps *caps, \
                              struct launch_list *list) {                                          \
        struct conv2d_work w = describe(s);                                                        \
        conv2d_launch(p, s, caps, &w, list);                                                       \
    }                                                                                              \
    static int name##_ways(const struct plan *p, const struct step *s, const struct caps *caps,    \
                           struct step_ways *out) {                                                \
        (void)p;                                                                                   \
        struct conv2d_work w = describe(s);                                                        \
        return conv2d_step_ways(s, caps, &w, out);                                                 \
    }                                                                                              \
    static void name##_cost(const struct plan *p, const struct step *s, struct cost *c) {          \
        (void)p;                                                                                   \
        struct conv2d_work w = describe(s);                                                        \
        conv2d_cost(&w, c);                                                                        \
    }

WORK_FUNCTIONS(y, forward)
WORK_FUNCTIONS(dw, backward_w)
WORK_FUNCTIONS(dx, backward_x)

static const struct op op_conv2d_dw = {.name = "conv2d_dw",
                                       .cpu = dw_cpu,
                                       .launch = dw_launch,
                                       .ways = dw_ways,
                                       .sample = dw_sample,
                                       .cost = dw_cost};
static const struct op op_conv2d_dx = {.name = "conv2d_dx",
                                       .producer = true,
                                       .cpu = dx_cpu,
                                       .launch = dx_launch,
                                       .ways = dx_ways,
                                       .sample = dx_sample,
                                       .cost = dx_cost};

static void conv2d_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    const struct conv2d *g = s.attr;
    int dy = plan_grad_of(p, s.out[0]), x = s.in[IN_X];
    int dw = plan_step_new(p, &op_conv2d_dw, g, s.name, s.line);
    plan_in(p, dw, x);
    plan_in(p, dw, dy);
    plan_out(p, dw, plan_grad_of(p, s.in[IN_WEIGHT]));
    if (g->bias) plan_out(p, dw, plan_grad_of(p, s.in[IN_BIAS]));
    if (!plan_needs_grad(p, x)) return;
    int step = plan_step_new(p, &op_conv2d_dx, g, s.name, s.line);
    plan_in(p, step, dy);
    plan_in(p, step, s.in[IN_WEIGHT]);
    struct shape shape = p->values[x].shape;
    int dx = plan_value_new(p, plan_text(p, "%s.dx", s.name), &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, step, dx);
    plan_grad_give(p, x, dx);
}

static const void *conv2d_biased(struct plan *p, const void *attr) {
    struct conv2d *copy = plan_alloc(p, sizeof *copy);
    *copy = *(const struct conv2d *)attr;
    copy->bias = true;
    return copy;
}

static const struct op op_conv2d = {.name = "conv2d",
                                    .producer = true,
                                    .cpu = y_cpu,
                                    .grad = conv2d_grad,
                                    .launch = y_launch,
                                    .ways = y_ways,
                                    .sample = y_sample,
                                    .cost = y_cost,
                                    .biased = conv2d_biased};

/* ---- the layer ---- */

/* The shape, or NULL after plan_fault. */
static const struct conv2d *shape_of(struct plan *p, const struct layer *layer, int in) {
    const struct conv_attr *attr = layer->attr;
    const struct shape x = p->values[in].shape;
    struct conv2d g = {.n = x.dim[0],
                       .c = x.dim[3],
                       .f = attr->filters,
                       .depthwise = attr->depthwise,
                       .bias = attr->bias};
    if (!window_of_layer(p, layer, in, &attr->kernel, attr->stride, attr->pad, g.at)) return NULL;
    if (g.depthwise && g.f != g.c) {
        plan_fault(p, layer->line, layer->column,
                   "%s is depthwise: its filters must be the %d channels of its input, not %d",
                   layer->name, g.c, g.f);
        return NULL;
    }
    double weights = (double)g.at[0].kernel * g.at[1].kernel * conv2d_depth(&g) * g.f;
    double outputs = (double)g.n * g.at[0].out * g.at[1].out * g.f;
    if (weights > INT32_MAX || outputs > INT32_MAX) {
        plan_fault(
            p, layer->line, layer->column,
            "%s has %.0f weights and %.0f outputs a batch; neither may be more than 2^31 - 1",
            layer->name, weights, outputs);
        return NULL;
    }
    struct conv2d *copy = plan_alloc(p, sizeof *copy);
    *copy = g;
    return copy;
}

static int conv_build(struct plan *p, const struct layer *layer, int in) {
    const struct conv_attr *attr = layer->attr;
    const struct conv2d *g = shape_of(p, layer, in);
    if (!g) return in;
    int kh = g->at[0].kernel, kw = g->at[1].kernel, depth = conv2d_depth(g);
    struct param law = {.law = law_of[attr->init],
                        .fan_in = kh * kw * depth,
                        .fan_out = kh * kw * (g->depthwise ? 1 : g->f),
                        .decay = true,
                        .max_norm = attr->max_norm,
                        .line = layer->line};
    struct shape weights = {4, {kh, kw, depth, g->f}}, bias = {1, {g->f}};
    int w = plan_param_new(p, layer->name, "weight", &weights, &law), b = -1;
    if (g->bias)
        b = plan_param_new(p, layer->name, "bias", &bias, &(struct param){.law = PARAM_LAW_ZERO});
    int s = plan_step_new(p, &op_conv2d, g, layer->name, layer->line);
    plan_in(p, s, in);
    plan_in(p, s, w);
    if (b >= 0) plan_in(p, s, b);
    struct shape out = {4, {g->n, g->at[0].out, g->at[1].out, g->f}};
    int y = plan_value_new(p, layer->name, &out, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, y);
    return activation_build(p, attr->activation, layer, y);
}

extern const struct layer_type layer_conv;
const struct layer_type layer_conv = {
    .schema = {.name = "conv",
               .doc = "two-dimensional convolution of images [height, width, channels]",
               .size = sizeof(struct conv_attr),
               .attrs = conv_attrs},
    .build = conv_build,
};
