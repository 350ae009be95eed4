/* A fully connected layer: y = x W + b. x [N][In] (an image is read as H*W*C features), W
 * [In][Out], b [Out], y [N][Out]. Backward: dW = x^T dy, db = column sums of dy, dx = dy W^T. */
#include "ops/dense.h"
#include "ops/gemm.h"
#include "ops/internal.h"
#include "ops/table.h"

enum { IN_X, IN_WEIGHT, IN_BIAS };

const char *const dense_laws[] = {"he", "glorot", "lecun", NULL};
static const int law_of[] = {PARAM_LAW_HE, PARAM_LAW_GLOROT, PARAM_LAW_LECUN};

static const struct attr dense_attrs[] = {DENSE_ATTRS(0), {0}};

/* A step as a matrix product. */
struct product {
    struct gemm g;
    struct gemm_values v;
};

/* Whether in[2] is the bias: it may also be a stage's operand. */
static int bias_value(const struct step *s) {
    const struct dense_attr *attr = s->attr;
    return attr->bias ? s->in[IN_BIAS] : -1;
}

static int extent(const struct plan *p, int value, int axis) {
    return p->values[value].shape.dim[axis];
}

/* dense: in x [N][In], W [In][Out], b [Out]; out y [N][Out]. */
static struct product forward(const struct plan *p, const struct step *s) {
    int w = s->in[IN_WEIGHT];
    return (struct product){
        .g = {.m = extent(p, s->in[IN_X], 0), .n = extent(p, w, 1), .k = extent(p, w, 0)},
        .v = {.a = s->in[IN_X], .b = w, .bias = bias_value(s), .c = s->out[0], .columns = -1}};
}

/* dense_dw: in x [N][In], dy [N][Out]; out dW [In][Out], db [Out] where there is a bias. */
static struct product backward_w(const struct plan *p, const struct step *s) {
    int dw = s->out[0], db = s->nout > 1 ? s->out[1] : -1;
    return (struct product){
        .g = {.m = extent(p, dw, 0),
              .n = extent(p, dw, 1),
              .k = extent(p, s->in[0], 0),
              .a_transposed = true},
        .v = {.a = s->in[0], .b = s->in[1], .bias = -1, .c = dw, .columns = db}};
}

/* dense_dx: in dy [N][Out], W [In][Out]; out dx [N][In]. */
static struct product backward_x(const struct plan *p, const struct step *s) {
    int w = s->in[1];
    return (struct product){
        .g = {.m = extent(p, s->in[0], 0),
              .n = extent(p, w, 0),
              .k = extent(p, w, 1),
              .b_transposed = true},
        .v = {.a = s->in[0], .b = w, .bias = -1, .c = s->out[0], .columns = -1}};
}

static void product_cpu(const struct cpu_run *run, const struct product *x) {
    void *const *data = run->data;
    gemm_cpu(&x->g, data[x->v.a], data[x->v.b], x->v.bias >= 0 ? data[x->v.bias] : NULL,
             data[x->v.c]);
    if (x->v.columns >= 0) gemm_cpu_columns(&x->g, data[x->v.b], data[x->v.columns]);
}

/* One of the sums of gemm_cpu_columns. */
static real column_sample(const struct gemm *g, const real *b, size_t column) {
    int chunk = gemm_chunk_length(g);
    real total = 0;
    for (int first = 0; first < g->k; first += chunk) {
        real sum = 0;
        for (int k = first; k < first + chunk && k < g->k; k++)
            sum += b[(size_t)k * (size_t)g->n + column];
        total = first ? total + sum : sum;
    }
    return total;
}

static real product_sample(const struct cpu_run *run, const struct product *x, int output,
                           size_t index) {
    void *const *data = run->data;
    size_t n = (size_t)x->g.n;
    if (output > 0) return column_sample(&x->g, data[x->v.b], index);
    const real *bias = x->v.bias >= 0 ? data[x->v.bias] : NULL;
    return gemm_cpu_at(&x->g, data[x->v.a], data[x->v.b], bias, index / n, index % n);
}

/* The functions of one of the three operations. */
#define PRODUCT_FUNCTIONS(name, describe)                                                          \
    static void name##_cpu(const struct cpu_run *run, const struct step *s) {                      \
        struct product x = describe(run->plan, s);                                                 \
        product_cpu(run, &x);                                                                      \
    }                                                                                              \
    static void name##_launch(const struct plan *p, const struct step *s, const struct caps *caps, \
                              struct launch_list *list) {                                          \
        struct product x = describe(p, s);                                                         \
        gemm_launch(p, s, caps, &x.g, &x.v, list);                                                 \
    }                                                                                              \
    static real name##_sample(const struct cpu_run *run, const struct step *s, int output,         \
                              size_t index) {                                                      \
        struct product x = describe(run->plan, s);                                                 \
        return product_sample(run, &x, output, index);                                             \
    }                                                                                              \
    static int name##_ways(const struct plan *p, const struct step *s, const struct caps *caps,    \
                           struct step_ways *out) {                                                \
        struct product x = describe(p, s);                                                         \
        return gemm_step_ways(s, caps, &x.g, &x.v, out);                                           \
    }                                                                                              \
    static void name##_cost(const struct plan *p, const struct step *s, struct cost *c) {          \
        struct product x = describe(p, s);                                                         \
        gemm_cost(&x.g, c);                                                                        \
    }

PRODUCT_FUNCTIONS(dense, forward)
PRODUCT_FUNCTIONS(dw, backward_w)
PRODUCT_FUNCTIONS(dx, backward_x)

static const struct op op_dense_dw = {.name = "dense_dw",
                                      .any_order = true,
                                      .cpu = dw_cpu,
                                      .launch = dw_launch,
                                      .ways = dw_ways,
                                      .sample = dw_sample,
                                      .cost = dw_cost};
static const struct op op_dense_dx = {.name = "dense_dx",
                                      .any_order = true,
                                      .producer = true,
                                      .cpu = dx_cpu,
                                      .launch = dx_launch,
                                      .ways = dx_ways,
                                      .sample = dx_sample,
                                      .cost = dx_cost};

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

static const void *dense_biased(struct plan *p, const void *attr) {
    struct dense_attr *copy = plan_alloc(p, sizeof *copy);
    *copy = *(const struct dense_attr *)attr;
    copy->bias = true;
    return copy;
}

const struct op op_dense = {.name = "dense",
                            .any_order = true,
                            .producer = true,
                            .cpu = dense_cpu,
                            .grad = dense_grad,
                            .launch = dense_launch,
                            .ways = dense_ways,
                            .sample = dense_sample,
                            .cost = dense_cost,
                            .biased = dense_biased};

bool dense_params_new(struct plan *p, const struct layer *layer, const struct dense_attr *attr,
                      int in, struct dense_params *out) {
    struct shape x = p->values[in].shape;
    int features = shape_features(&x);
    int64_t weights_count = (int64_t)features * attr->units,
            outputs = (int64_t)x.dim[0] * attr->units;
    if (weights_count > INT32_MAX || outputs > INT32_MAX) {
        plan_fault(
            p, layer->line, layer->column,
            "%s has %lld weights and %lld outputs a batch; neither may be more than 2^31 - 1",
            layer->name, (long long)weights_count, (long long)outputs);
        return false;
    }
    struct param law = {.law = law_of[attr->init],
                        .fan_in = features,
                        .fan_out = attr->units,
                        .decay = true,
                        .max_norm = attr->max_norm,
                        .line = layer->line};
    if (x.rank == 4) law.rows_h = x.dim[1], law.rows_w = x.dim[2], law.rows_c = x.dim[3];
    struct shape weights = {2, {features, attr->units}}, bias = {1, {attr->units}};
    *out = (struct dense_params){plan_param_new(p, layer->name, "weight", &weights, &law), -1};
    if (attr->bias)
        out->b =
            plan_param_new(p, layer->name, "bias", &bias, &(struct param){.law = PARAM_LAW_ZERO});
    return true;
}

int dense_step_new(struct plan *p, const struct op *op, const void *attr, const struct layer *layer,
                   int in, const struct dense_params *params) {
    int s = plan_step_new(p, op, attr, layer->name, layer->line);
    plan_in(p, s, in);
    plan_in(p, s, params->w);
    if (params->b >= 0) plan_in(p, s, params->b);
    struct shape y = {2, {p->values[in].shape.dim[0], p->values[params->w].shape.dim[1]}};
    plan_out(p, s, plan_value_new(p, layer->name, &y, DTYPE_F32, ROLE_ACTIVATION));
    return s;
}

static int dense_build(struct plan *p, const struct layer *layer, int in) {
    const struct dense_attr *attr = layer->attr;
    struct dense_params params;
    if (!dense_params_new(p, layer, attr, in, &params)) return in;
    int s = dense_step_new(p, &op_dense, attr, layer, in, &params);
    return activation_build(p, attr->activation, layer, p->steps[s].out[0]);
}

extern const struct layer_type layer_dense;
const struct layer_type layer_dense = {
    .schema = {.name = "dense",
               .doc = "fully connected layer",
               .size = sizeof(struct dense_attr),
               .attrs = dense_attrs},
    .build = dense_build,
};
