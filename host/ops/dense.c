/* A fully connected layer: y = x W + b. x [N][In] (an image is read as H*W*C features), W
 * [In][Out], b [Out], y [N][Out]. Backward: dW = x^T dy, db = column sums of dy, dx = dy W^T. */
#include "ops/gemm.h"
#include "ops/internal.h"
#include "ops/table.h"

enum { IN_X, IN_WEIGHT, IN_BIAS };

struct dense_attr {
    int units, activation, init;
    bool bias;
};

static const char *const laws[] = {"he", "glorot", "lecun", NULL};
static const int law_of[] = {PARAM_LAW_HE, PARAM_LAW_GLOROT, PARAM_LAW_LECUN};

static const struct attr dense_attrs[] = {
    {.name = "units",
     .type = ATTR_INT,
     .offset = offsetof(struct dense_attr, units),
     .min = 1,
     .max = 1 << 20,
     .doc = "outputs"},
    {.name = "activation",
     .type = ATTR_ENUM,
     .offset = offsetof(struct dense_attr, activation),
     .names = activation_names,
     .fallback = "linear",
     .doc = "applied to the outputs"},
    {.name = "bias",
     .type = ATTR_BOOL,
     .offset = offsetof(struct dense_attr, bias),
     .fallback = "true",
     .doc = "adds a trained constant to each output"},
    {.name = "init",
     .type = ATTR_ENUM,
     .offset = offsetof(struct dense_attr, init),
     .names = laws,
     .fallback = "he",
     .doc =
         "bound of the uniform initial weights: sqrt(6/in), sqrt(6/(in+out)) or sqrt(3/in); biases start at 0"},
    {0}};

static struct gemm forward_shape(const struct plan *p, const struct step *s) {
    const struct value *w = &p->values[s->in[IN_WEIGHT]];
    return (struct gemm){
        .m = p->values[s->in[IN_X]].shape.dim[0], .n = w->shape.dim[1], .k = w->shape.dim[0]};
}

/* Whether in[2] is the bias: it may also be a stage's operand. */
static int bias_value(const struct step *s) {
    const struct dense_attr *attr = s->attr;
    return attr->bias ? s->in[IN_BIAS] : -1;
}

static void dense_cpu(const struct cpu_run *run, const struct step *s) {
    struct gemm g = forward_shape(run->plan, s);
    int bias = bias_value(s);
    gemm_cpu(&g, run->data[s->in[IN_X]], run->data[s->in[IN_WEIGHT]],
             bias >= 0 ? run->data[bias] : NULL, run->data[s->out[0]]);
}

static void dense_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                         struct launch_list *list) {
    struct gemm g = forward_shape(p, s);
    struct gemm_values v = {s->in[IN_X], s->in[IN_WEIGHT], bias_value(s), s->out[0], -1};
    gemm_launch(p, s, caps, &g, &v, list);
}

static void dense_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct gemm g = forward_shape(p, s);
    gemm_cost(&g, c);
}

/* dense_dw: in x [N][In], dy [N][Out]; out dW [In][Out], db [Out] where there is a bias. */
static struct gemm dw_shape(const struct plan *p, const struct step *s) {
    const struct value *dw = &p->values[s->out[0]];
    return (struct gemm){.m = dw->shape.dim[0],
                         .n = dw->shape.dim[1],
                         .k = p->values[s->in[0]].shape.dim[0],
                         .a_transposed = true};
}

static void dw_cpu(const struct cpu_run *run, const struct step *s) {
    struct gemm g = dw_shape(run->plan, s);
    gemm_cpu(&g, run->data[s->in[0]], run->data[s->in[1]], NULL, run->data[s->out[0]]);
    if (s->nout > 1) gemm_cpu_columns(&g, run->data[s->in[1]], run->data[s->out[1]]);
}

static void dw_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                      struct launch_list *list) {
    struct gemm g = dw_shape(p, s);
    struct gemm_values v = {s->in[0], s->in[1], -1, s->out[0], s->nout > 1 ? s->out[1] : -1};
    gemm_launch(p, s, caps, &g, &v, list);
}

static void dw_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct gemm g = dw_shape(p, s);
    gemm_cost(&g, c);
}

static const struct op op_dense_dw = {
    .name = "dense_dw", .cpu = dw_cpu, .launch = dw_launch, .cost = dw_cost};

/* dense_dx: in dy [N][Out], W [In][Out]; out dx [N][In]. */
static struct gemm dx_shape(const struct plan *p, const struct step *s) {
    const struct value *w = &p->values[s->in[1]];
    return (struct gemm){.m = p->values[s->in[0]].shape.dim[0],
                         .n = w->shape.dim[0],
                         .k = w->shape.dim[1],
                         .b_transposed = true};
}

static void dx_cpu(const struct cpu_run *run, const struct step *s) {
    struct gemm g = dx_shape(run->plan, s);
    gemm_cpu(&g, run->data[s->in[0]], run->data[s->in[1]], NULL, run->data[s->out[0]]);
}

static void dx_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                      struct launch_list *list) {
    struct gemm g = dx_shape(p, s);
    struct gemm_values v = {s->in[0], s->in[1], -1, s->out[0], -1};
    gemm_launch(p, s, caps, &g, &v, list);
}

static void dx_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct gemm g = dx_shape(p, s);
    gemm_cost(&g, c);
}

static const struct op op_dense_dx = {
    .name = "dense_dx", .producer = true, .cpu = dx_cpu, .launch = dx_launch, .cost = dx_cost};

static void dense_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    int dy = plan_grad_of(p, s.out[0]), x = s.in[IN_X], bias = bias_value(&s);
    int dw = plan_step_new(p, &op_dense_dw, s.attr, s.name, s.line);
    plan_in(p, dw, x);
    plan_in(p, dw, dy);
    plan_out(p, dw, plan_grad_of(p, s.in[IN_WEIGHT]));
    if (bias >= 0) plan_out(p, dw, plan_grad_of(p, bias));
    if (!plan_needs_grad(p, x)) return;
    int step = plan_step_new(p, &op_dense_dx, s.attr, s.name, s.line);
    plan_in(p, step, dy);
    plan_in(p, step, s.in[IN_WEIGHT]);
    struct shape shape = p->values[x].shape;
    int dx = plan_value_new(p, plan_text(p, "%s.dx", s.name), &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, step, dx);
    plan_grad_give(p, x, dx);
}

static const struct op op_dense = {.name = "dense",
                                   .producer = true,
                                   .cpu = dense_cpu,
                                   .grad = dense_grad,
                                   .launch = dense_launch,
                                   .cost = dense_cost};

static int dense_build(struct plan *p, const struct layer *layer, int in) {
    const struct dense_attr *attr = layer->attr;
    struct shape x = p->values[in].shape;
    int features = shape_features(&x);
    struct param law = {
        .law = law_of[attr->init], .fan_in = features, .fan_out = attr->units, .decay = true};
    if (x.rank == 4) law.rows_h = x.dim[1], law.rows_w = x.dim[2], law.rows_c = x.dim[3];
    struct shape weights = {2, {features, attr->units}}, bias = {1, {attr->units}};
    int w = plan_param_new(p, layer->name, "weight", &weights, &law);
    int b = -1;
    if (attr->bias)
        b = plan_param_new(p, layer->name, "bias", &bias, &(struct param){.law = PARAM_LAW_ZERO});
    int s = plan_step_new(p, &op_dense, attr, layer->name, layer->line);
    plan_in(p, s, in);
    plan_in(p, s, w);
    if (b >= 0) plan_in(p, s, b);
    int y = plan_value_new(p, layer->name, &(struct shape){2, {x.dim[0], attr->units}}, DTYPE_F32,
                           ROLE_ACTIVATION);
    plan_out(p, s, y);
    return activation_build(p, attr->activation, layer, y);
}

extern const struct layer_type layer_dense;
const struct layer_type layer_dense = {
    .schema = {.name = "dense",
               .doc = "fully connected layer",
               .size = sizeof(struct dense_attr),
               .attrs = dense_attrs},
    .build = dense_build,
};
