/* The DropConnect layer. In training and Monte-Carlo evaluation its weights are dropped by masks
 * that are drawn where they are needed, once forward and once backward. An evaluation has the
 * expected network: inverted scaling makes that y = x W + b, the dense layer itself, or the
 * activations expected by its moments (dropconnect_gaussian.c, dropconnect_sampling.c). */
#include "ops/dropconnect.h"
#include "ops/table.h"
#include <string.h>

static const char *const inferences[] = {"mean", "gaussian", "sampling", NULL};

static const struct attr dropconnect_attrs[] = {
    DENSE_ATTRS(offsetof(struct dropconnect_attr, dense)),
    DRAW_RATE(struct dropconnect_attr, draw,
              "the probability to drop a weight or a bias, for each sample anew; rounded to 1/256",
              .fallback = NULL),
    DRAW_SCHEDULE(struct dropconnect_attr, draw),
    {.name = "inference",
     .type = ATTR_ENUM,
     .offset = offsetof(struct dropconnect_attr, inference),
     .names = inferences,
     .fallback = "mean",
     .doc = "what an evaluation computes: mean: the activation of the mean, xW + b; gaussian: the "
            "mean of the activation, the sum before it being normal with the mean and variance of "
            "its masks (activation linear or relu); sampling: that mean over a fixed sample of the "
            "normal distribution (every activation). `eval --mc` draws the masks themselves"},
    {.name = "samples",
     .type = ATTR_INT,
     .offset = offsetof(struct dropconnect_attr, samples),
     .min = 1,
     .max = DROPCONNECT_SAMPLES_MAX,
     .fallback = "",
     .doc = "size of the sample of inference: sampling; without it 64. 1 is the mean"},
    {0}};

static void forward_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct dropconnect_shape g = dropconnect_shape_of(p, s);
    c->flops = 2.0 * g.batch * g.in * g.out;
    c->chunks = (g.in + DROPCONNECT_IN - 1) / DROPCONNECT_IN;
}

static void backward_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct dropconnect_shape g = dropconnect_shape_of(p, s);
    c->flops = (2.0 + 2.0 * g.dx) * g.batch * g.in * g.out;
    c->chunks = (g.batch + DROPCONNECT_BATCH - 1) / DROPCONNECT_BATCH;
}

static const struct op op_dropconnect_grad = {.name = "dropconnect_grad",
                                              .producer = true,
                                              .cpu = dropconnect_grad_cpu,
                                              .reveal = dropconnect_reveal,
                                              .revealed = dropconnect_revealed,
                                              .launch = dropconnect_grad_launch,
                                              .cost = backward_cost};

static void dropconnect_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    const struct dropconnect_attr *attr = s.attr;
    bool wanted = plan_needs_grad(p, s.in[0]);
    int step = plan_step_new(p, &op_dropconnect_grad, s.attr, s.name, s.line), dx = -1;
    p->steps[step].draw = s.draw;
    plan_in(p, step, s.in[0]);
    plan_in(p, step, plan_grad_of(p, s.out[0]));
    if (wanted) {
        struct shape shape = p->values[s.in[0]].shape;
        plan_in(p, step, s.in[1]);
        dx = plan_value_new(p, plan_text(p, "%s.dx", s.name), &shape, DTYPE_F32, ROLE_ACTIVATION);
        plan_out(p, step, dx);
    }
    plan_out(p, step, plan_grad_of(p, s.in[1]));
    if (attr->dense.bias) plan_out(p, step, plan_grad_of(p, s.in[2]));
    if (wanted) plan_grad_give(p, s.in[0], dx);
}

static const struct op op_dropconnect = {.name = "dropconnect",
                                         .producer = true,
                                         .cpu = dropconnect_cpu,
                                         .grad = dropconnect_grad,
                                         .reveal = dropconnect_reveal,
                                         .revealed = dropconnect_revealed,
                                         .launch = dropconnect_launch,
                                         .cost = forward_cost};

/* Of the activations only the ReLU's mean has a closed form; the mean of the identity is the mean.
 */
static bool check_inference(struct plan *p, const struct layer *layer) {
    const struct dropconnect_attr *attr = layer->attr;
    const char *activation = activation_names[attr->dense.activation];
    if (attr->samples && attr->inference != INFERENCE_SAMPLING) {
        plan_fault(p, layer->line, layer->column,
                   "%s: samples are those of inference sampling, not of %s", layer->name,
                   inferences[attr->inference]);
        return false;
    }
    if (attr->inference != INFERENCE_GAUSSIAN || !strcmp(activation, "linear") ||
        !strcmp(activation, "relu"))
        return true;
    plan_fault(p, layer->line, layer->column,
               "%s: inference gaussian has a closed form for activation linear and relu, not for "
               "%s; use inference sampling or mean, or eval --mc for the mean over masks",
               layer->name, activation);
    return false;
}

/* The operation of an evaluation; NULL: the dense layer. A linear layer's expectation is its mean.
 */
static const struct op *evaluation_of(const struct plan *p, const struct layer *layer) {
    static const struct op *const ops[] = {[INFERENCE_GAUSSIAN] = &op_dropconnect_gaussian,
                                           [INFERENCE_SAMPLING] = &op_dropconnect_sampling};
    const struct dropconnect_attr *attr = layer->attr;
    bool varies = p->options.mode == PLAN_EVAL && !draw_never(layer);
    return varies && activation_op(attr->dense.activation) ? ops[attr->inference] : NULL;
}

static int dropconnect_build(struct plan *p, const struct layer *layer, int in) {
    const struct dropconnect_attr *attr = layer->attr;
    struct dense_params params;
    plan_draw(p, layer, in);
    if (!check_inference(p, layer) || !dense_params_new(p, layer, &attr->dense, in, &params))
        return in;
    bool draws = p->options.mode != PLAN_EVAL && !draw_never(layer);
    const struct op *evaluation = evaluation_of(p, layer);
    if (evaluation) return dropconnect_moments_append(p, evaluation, layer, in, &params);
    const void *own = draws ? (const void *)attr : &attr->dense;
    int s = dense_step_new(p, draws ? &op_dropconnect : &op_dense, own, layer, in, &params);
    if (draws) {
        const struct shape *x = &p->values[in].shape;
        size_t weights = ((size_t)shape_features(x) + attr->dense.bias) * (size_t)attr->dense.units;
        p->steps[s].draw = layer->draw;
        plan_mask(p, layer, (size_t)x->dim[0] * weights);
    }
    return activation_build(p, attr->dense.activation, layer, p->steps[s].out[0]);
}

extern const struct layer_type layer_dropconnect;
const struct layer_type layer_dropconnect = {
    .schema = {.name = "dropconnect",
               .doc = "fully connected layer that drops single weights while training",
               .size = sizeof(struct dropconnect_attr),
               .attrs = dropconnect_attrs,
               .stochastic = true},
    .build = dropconnect_build,
    .draw = {.decide = dropconnect_decide,
             .describe = dropconnect_describe,
             .domain = DOMAIN_WEIGHTS},
};
