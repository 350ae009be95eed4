/* Batch normalisation (Ioffe, Szegedy 2015), per channel of the last axis: y = gamma (x - mean)
 * rstd
 * + beta with rstd = 1 / sqrt(variance + epsilon). Training takes mean and variance from the rows
 * of the micro-batch; evaluation the running ones, which move by `momentum` towards those of every
 * micro-batch (the unbiased variance there, as in PyTorch). x, y [N][..][C]; gamma, beta, running
 * mean and variance [C].
 *
 * Backward, with R rows: dbeta = sum dy, dgamma = sum dy (x - mean) rstd, and dx = gamma rstd (dy -
 * dbeta / R - (x - mean) rstd dgamma / R).
 *
 * In evaluation a convolution or dense layer that nothing but the batch norm reads takes it in:
 * W' = W gamma rstd, b' = (b - mean) gamma rstd + beta, computed by the first steps of the plan. */
#include "ops/batch_norm.h"

enum { IN_X, IN_MOMENTS, IN_GAMMA, IN_BETA, IN_DY = 3, IN_DGAMMA, IN_DBETA };
enum { WEIGHTS, WEIGHTS_MOMENTS, WEIGHTS_GAMMA, WEIGHTS_BETA, WEIGHTS_BIAS };

static const struct attr batch_norm_attrs[] = {
    {.name = "momentum",
     .type = ATTR_REAL,
     .offset = offsetof(struct batch_norm_attr, momentum),
     .max = 1,
     .fallback = "0.1",
     .doc = "how far the running statistics move towards those of each micro-batch"},
    {.name = "epsilon",
     .type = ATTR_REAL,
     .offset = offsetof(struct batch_norm_attr, epsilon),
     .max = 1,
     .above_min = true,
     .fallback = "1e-5",
     .doc = "added to the variance"},
    {0}};

/* ---- with known statistics: forward and dx ---- */

static real per_row(const struct batch_norm_size *z) {
    return (real)(1.0 / (double)z->rows);
}

static void apply_cpu(const struct cpu_run *run, const struct step *s) {
    struct batch_norm_size z = batch_norm_size(run->plan, s->in[IN_X]);
    const real *x = run->data[s->in[IN_X]], *mean = run->data[s->in[IN_MOMENTS]];
    const real *rstd = mean + MOMENT_RSTD * z.channels;
    const real *gamma = run->data[s->in[IN_GAMMA]], *beta = run->data[s->in[IN_BETA]];
    real *y = run->data[s->out[0]];
    for (size_t i = 0; i < z.rows; i++)
        for (size_t c = 0; c < z.channels; c++, x++, y++)
            *y = REAL_FMA(*x - mean[c], rstd[c] * gamma[c], beta[c]);
}

static void dx_cpu(const struct cpu_run *run, const struct step *s) {
    struct batch_norm_size z = batch_norm_size(run->plan, s->in[IN_X]);
    const real *x = run->data[s->in[IN_X]], *dy = run->data[s->in[IN_DY]];
    const real *mean = run->data[s->in[IN_MOMENTS]], *rstd = mean + MOMENT_RSTD * z.channels;
    const real *gamma = run->data[s->in[IN_GAMMA]], *dgamma = run->data[s->in[IN_DGAMMA]];
    const real *dbeta = run->data[s->in[IN_DBETA]];
    real *dx = run->data[s->out[0]], share = per_row(&z);
    for (size_t i = 0; i < z.rows; i++)
        for (size_t c = 0; c < z.channels; c++, x++, dy++, dx++)
            *dx = rstd[c] * gamma[c] *
                  (*dy - REAL_FMA(*x - mean[c], dgamma[c] * rstd[c] * share, dbeta[c] * share));
}

static void apply(const struct plan *p, const struct step *s, const struct caps *caps,
                  struct launch_list *list, bool backward) {
    struct batch_norm_size z = batch_norm_size(p, s->in[IN_X]);
    const struct shape *shape = &p->values[s->out[0]].shape;
    size_t rows = (size_t)shape->dim[0], features = (size_t)shape_features(shape);
    struct launch *l = launch_new(list, "batch_norm", "batch_norm");
    launch_define(l, "-DROWS=%zu -DFEATURES=%zu -DCHANNELS=%zu -DBACKWARD=%d -DPER_ROW=%af", rows,
                  features, z.channels, backward, (double)per_row(&z));
    for (int i = 0; i < (backward ? IN_DBETA : IN_BETA) + 1; i++) launch_value(l, s->in[i]);
    launch_value(l, s->out[0]);
    stages_launch(p, s, l);
    sizes_rows(l, caps, rows, features);
}

static void apply_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                         struct launch_list *list) {
    apply(p, s, caps, list, false);
}

static void dx_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                      struct launch_list *list) {
    apply(p, s, caps, list, true);
}

static const struct op op_batch_norm_dx = {
    .name = "batch_norm_dx", .producer = true, .cpu = dx_cpu, .launch = dx_launch};

static void batch_norm_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    const struct batch_norm_step *attr = s.attr;
    int x = s.in[IN_X], dy = plan_grad_of(p, s.out[0]);
    int dgamma = plan_grad_of(p, s.in[IN_GAMMA]), dbeta = plan_grad_of(p, s.in[IN_BETA]);
    const int reduce_in[] = {dy, x, s.in[IN_MOMENTS], p->metric, attr->mean, attr->variance};
    const int reduce_out[] = {dgamma, dbeta, attr->mean, attr->variance};
    int reduce = plan_step_new(p, &op_batch_norm_reduce, attr, s.name, s.line);
    for (int k = 0; k < 6; k++) plan_in(p, reduce, reduce_in[k]);
    for (int k = 0; k < 4; k++) plan_out(p, reduce, reduce_out[k]);
    if (!plan_needs_grad(p, x)) return;
    const int in[] = {x, s.in[IN_MOMENTS], s.in[IN_GAMMA], dy, dgamma, dbeta};
    int step = plan_step_new(p, &op_batch_norm_dx, attr, s.name, s.line);
    for (int k = 0; k < 6; k++) plan_in(p, step, in[k]);
    struct shape shape = p->values[x].shape;
    int dx = plan_value_new(p, plan_text(p, "%s.dx", s.name), &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, step, dx);
    plan_grad_give(p, x, dx);
}

/* ---- evaluation: on parameters alone ---- */

static void freeze_cpu(const struct cpu_run *run, const struct step *s) {
    const struct batch_norm_step *attr = s->attr;
    size_t channels = (size_t)run->plan->values[s->in[0]].shape.dim[0];
    const real *mean = run->data[s->in[0]], *variance = run->data[s->in[1]];
    real *moments = run->data[s->out[0]];
    for (size_t c = 0; c < channels; c++) {
        moments[c] = mean[c];
        moments[MOMENT_RSTD * channels + c] =
            1 / REAL_SQRT(variance[c] + (real)(float)attr->attr.epsilon);
        moments[MOMENT_VARIANCE * channels + c] = variance[c];
    }
}

static void freeze_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                          struct launch_list *list) {
    const struct batch_norm_step *attr = s->attr;
    size_t channels = (size_t)p->values[s->in[0]].shape.dim[0];
    struct launch *l = launch_new(list, "batch_norm_eval", "freeze");
    launch_define(l, "-DCHANNELS=%zu -DEPSILON=%af", channels, (double)(float)attr->attr.epsilon);
    launch_value(l, s->in[0]);
    launch_value(l, s->in[1]);
    launch_value(l, s->out[0]);
    sizes_grid(l, caps, channels, 1, 1);
}

static const struct op op_batch_norm_freeze = {
    .name = "batch_norm_freeze", .cpu = freeze_cpu, .launch = freeze_launch};

/* Weights as rows of outputs. */
static size_t weight_rows(const struct plan *p, const struct step *s, size_t *channels) {
    const struct shape *shape = &p->values[s->in[WEIGHTS]].shape;
    *channels = (size_t)shape->dim[shape->rank - 1];
    return shape_elements(shape) / *channels;
}

static void fold_cpu(const struct cpu_run *run, const struct step *s) {
    size_t channels, rows = weight_rows(run->plan, s, &channels);
    const real *w = run->data[s->in[WEIGHTS]], *mean = run->data[s->in[WEIGHTS_MOMENTS]];
    const real *rstd = mean + MOMENT_RSTD * channels, *gamma = run->data[s->in[WEIGHTS_GAMMA]];
    const real *beta = run->data[s->in[WEIGHTS_BETA]];
    const real *bias = s->nin > WEIGHTS_BIAS ? run->data[s->in[WEIGHTS_BIAS]] : NULL;
    real *folded = run->data[s->out[0]], *offset = run->data[s->out[1]];
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < channels; c++) *folded++ = *w++ * (rstd[c] * gamma[c]);
    for (size_t c = 0; c < channels; c++)
        offset[c] = REAL_FMA((bias ? bias[c] : 0) - mean[c], rstd[c] * gamma[c], beta[c]);
}

enum { FOLD_BLOCK = 64 };

static void fold_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    size_t channels, rows = weight_rows(p, s, &channels);
    struct launch *l = launch_new(list, "batch_norm_eval", "fold");
    launch_define(l, "-DROWS=%zu -DCHANNELS=%zu -DBLOCK=%d -DBIAS=%d -DFOLD=1", rows, channels,
                  FOLD_BLOCK, s->nin > WEIGHTS_BIAS);
    for (int i = 0; i < s->nin; i++) launch_value(l, s->in[i]);
    for (int i = 0; i < s->nout; i++) launch_value(l, s->out[i]);
    sizes_grid(l, caps, channels, divide_up(rows, FOLD_BLOCK), 1);
}

static const struct op op_batch_norm_fold = {
    .name = "batch_norm_fold", .cpu = fold_cpu, .launch = fold_launch};

static int fold_output(struct plan *p, int step, const char *what, struct shape shape) {
    const char *name = plan_text(p, "%s.folded.%s", p->steps[step].name, what);
    int value = plan_value_new(p, name, &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, step, value);
    return value;
}

/* Gives the layer before batch norm `i` folded weights and a bias, and its output. */
static void fold_into(struct plan *p, int producer, int i) {
    struct step norm = p->steps[i], layer = p->steps[producer];
    const int in[] = {layer.in[1], norm.in[IN_MOMENTS], norm.in[IN_GAMMA], norm.in[IN_BETA]};
    int fold = plan_step_new(p, &op_batch_norm_fold, norm.attr, norm.name, norm.line);
    for (int k = 0; k < 4; k++) plan_in(p, fold, in[k]);
    if (layer.nin > 2) plan_in(p, fold, layer.in[2]);
    int weights = fold_output(p, fold, "weight", p->values[layer.in[1]].shape);
    int bias = fold_output(p, fold, "bias", p->values[norm.in[IN_BETA]].shape);
    struct step *s = &p->steps[producer];
    s->attr = s->op->biased(p, s->attr);
    s->in[1] = weights;
    s->in[2] = bias;
    s->nin = 3;
    s->out[0] = norm.out[0];
    p->values[norm.in[IN_X]].buffer = -1;
}

static bool batch_norm_freeze(struct plan *p, int i) {
    int x = p->steps[i].in[IN_X], producer = plan_writer(p, x);
    if (producer < 0 || !p->steps[producer].op->biased || plan_readers(p, x) != 1) return false;
    fold_into(p, producer, i);
    plan_step_drop(p, i);
    return true;
}

/* ---- the layer ---- */

static const struct op op_batch_norm = {.name = "batch_norm",
                                        .producer = true,
                                        .cpu = apply_cpu,
                                        .launch = apply_launch,
                                        .grad = batch_norm_grad,
                                        .freeze = batch_norm_freeze};

/* MOMENTS of x (training) or of the running statistics (evaluation). */
static int build_moments(struct plan *p, const struct batch_norm_step *attr,
                         const struct layer *layer, int x, int channels) {
    bool training = p->options.mode == PLAN_TRAIN;
    const struct op *op = training ? &op_batch_norm_statistics : &op_batch_norm_freeze;
    int s = plan_step_new(p, op, attr, layer->name, layer->line);
    if (training) plan_in(p, s, x);
    if (!training) plan_in(p, s, attr->mean);
    if (!training) plan_in(p, s, attr->variance);
    int moments =
        plan_value_new(p, plan_text(p, "%s.moments", layer->name),
                       &(struct shape){2, {MOMENTS, channels}}, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, moments);
    return moments;
}

static int batch_norm_build(struct plan *p, const struct layer *layer, int in) {
    struct shape x = p->values[in].shape, c = {1, {x.dim[x.rank - 1]}};
    size_t rows = shape_elements(&x) / (size_t)c.dim[0];
    if (p->options.mode == PLAN_TRAIN && rows < 2) {
        plan_fault(p, layer->line, layer->column,
                   "%s gets 1 value per channel from a micro-batch of 1, and a variance needs at "
                   "least 2",
                   layer->name);
        return in;
    }
    struct batch_norm_step *attr = plan_alloc(p, sizeof *attr);
    attr->attr = *(const struct batch_norm_attr *)layer->attr;
    int gamma = plan_param_new(p, layer->name, "weight", &c, &(struct param){.law = PARAM_LAW_ONE});
    int beta = plan_param_new(p, layer->name, "bias", &c, &(struct param){.law = PARAM_LAW_ZERO});
    attr->mean = plan_running_new(p, layer->name, "running_mean", &c, PARAM_LAW_ZERO);
    attr->variance = plan_running_new(p, layer->name, "running_var", &c, PARAM_LAW_ONE);
    const int inputs[] = {in, build_moments(p, attr, layer, in, c.dim[0]), gamma, beta};
    int s = plan_step_new(p, &op_batch_norm, attr, layer->name, layer->line);
    for (int k = 0; k < 4; k++) plan_in(p, s, inputs[k]);
    int y = plan_value_new(p, layer->name, &x, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, y);
    return y;
}

extern const struct layer_type layer_batchnorm;
const struct layer_type layer_batchnorm = {
    .schema = {.name = "batchnorm",
               .doc = "batch normalisation per channel, the last axis; in training with the "
                      "statistics of the micro-batch",
               .size = sizeof(struct batch_norm_attr),
               .attrs = batch_norm_attrs},
    .build = batch_norm_build,
};
