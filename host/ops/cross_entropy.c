/* Softmax and cross-entropy of integer labels, in the stable form: with m = max_j z_j, e_j =
 * exp(z_j - m) and s = sum_j e_j (ascending j), loss = log s - (z_label - m) and dz_j = (e_j / s -
 * [j = label]) / B, B the rows of the global batch. logits [N][C], label u32 [N], rows [N][2]: loss
 * and hit of each row (0 for padding), dz [N][C]. Then METRIC gets their sums, by a fixed tree (see
 * `metric`). */
#include "ops/internal.h"
#include "ops/real_math.h"
#include <string.h>

struct cross_entropy_attr {
    double smoothing;
};

/* Label smoothing (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, section 7), in training only: the
 * target of class j is share + keep [j = label], so that loss = log s - (keep (z_label - m) + share
 * sum_j (z_j - m)). */
struct smoothing {
    bool on;
    float keep, share, label; /* 1 - a, a / C, the label's target */
};

static struct smoothing smoothing_of(const struct plan *p, const struct step *s) {
    const struct cross_entropy_attr *attr = s->attr;
    double a = p->options.mode == PLAN_TRAIN ? attr->smoothing : 0;
    double share = a / p->values[s->in[0]].shape.dim[1];
    return (struct smoothing){a > 0, (float)(1 - a), (float)share, (float)(1 - a + share)};
}

/* e_j into e (may be NULL); the sum, the maximum and the first index that reaches it. NaN never
 * wins. */
static real exponentials(const real *z, int classes, real *e, real *max, int *best) {
    *best = 0;
    for (int j = 1; j < classes; j++)
        if (z[j] > z[*best]) *best = j;
    *max = z[*best];
    real sum = 0;
    for (int j = 0; j < classes; j++) {
        real x = REAL_EXP(z[j] - *max);
        if (e) e[j] = x;
        sum += x;
    }
    return sum;
}

/* What the loss takes from log s. */
static real agreement(const struct smoothing *t, const real *z, int classes, int label, real max) {
    real own = z[label] - max, all = 0;
    if (!t->on) return own;
    for (int j = 0; j < classes; j++) all += z[j] - max;
    return REAL_FMA((real)t->share, all, (real)t->keep * own);
}

static void cross_entropy_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->in[0]].shape;
    int classes = shape->dim[1];
    const real *z = run->data[s->in[0]];
    const uint32_t *label = run->data[s->in[1]];
    real *rows = run->data[s->out[0]], *dz = s->nout > 1 ? run->data[s->out[1]] : NULL;
    real mean = (real)control_float(run->control, CONTROL_MEAN);
    const struct smoothing t = smoothing_of(run->plan, s);
    for (uint32_t n = 0; n < (uint32_t)shape->dim[0]; n++, z += classes) {
        bool valid = n < run->control[CONTROL_VALID];
        int best;
        real max, sum = exponentials(z, classes, dz, &max, &best);
        int target = (int)label[n];
        rows[2 * n] = valid ? REAL_LOG(sum) - agreement(&t, z, classes, target, max) : 0;
        rows[2 * n + 1] = valid && best == target ? 1 : 0;
        if (!dz) continue;
        for (int j = 0; j < classes; j++)
            dz[j] = valid ? (dz[j] / sum - (real)(j == target ? t.label : t.share)) * mean : 0;
        dz += classes;
    }
}

static void row_sizes(struct launch *l, const struct caps *caps, int rows) {
    launch_define(l, "-DROWS=%d", rows);
    sizes_shares(l, caps, (size_t)rows);
}

static void cross_entropy_launch(const struct plan *p, const struct step *s,
                                 const struct caps *caps, struct launch_list *list) {
    const struct shape *shape = &p->values[s->in[0]].shape;
    bool gradient = p->options.mode == PLAN_TRAIN;
    const struct smoothing t = smoothing_of(p, s);
    struct launch *l = launch_new(list, "cross_entropy", "cross_entropy");
    launch_define(l, "-DROW=%d -DCLASSES=%d -DGRADIENT=%d", control_row_words(p), shape->dim[1],
                  gradient);
    launch_value(l, s->in[0]);
    launch_value(l, s->in[1]);
    launch_value(l, s->out[0]);
    if (gradient) launch_value(l, s->out[1]);
    if (t.on) {
        launch_define(l, "-DSMOOTHING=1");
        launch_float(l, t.keep);
        launch_float(l, t.share);
        launch_float(l, t.label);
    }
    launch_value(l, p->control);
    launch_cursor(l);
    row_sizes(l, caps, shape->dim[0]);
}

static const struct op op_cross_entropy = {
    .name = "cross_entropy", .cpu = cross_entropy_cpu, .launch = cross_entropy_launch};

/* metric: sums of rows [N][2] into METRIC at the cursor. Lane l of 64 adds rows l, l + 64, ... in
 * order; then lanes are added pairwise, 32 with 32, 16 with 16, ... The first non-finite loss sum
 * is latched. */
enum { LANES = 64 };

static void metric_cpu(const struct cpu_run *run, const struct step *s) {
    const real *rows = run->data[s->in[0]];
    uint32_t *metric = run->data[s->out[0]];
    int n = run->plan->values[s->in[0]].shape.dim[0];
    real loss[LANES] = {0}, hits = 0;
    for (int i = 0; i < n; i++) {
        loss[i % LANES] += rows[2 * i];
        hits += rows[2 * i + 1];
    }
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) loss[l] += loss[l + half];
    float sum = (float)loss[0];
    memcpy(&metric[METRIC_FIRST + 2 * run->cursor], &sum, sizeof sum);
    metric[METRIC_FIRST + 2 * run->cursor + 1] = (uint32_t)hits;
    if (!isfinite(sum) && !metric[METRIC_LATCH]) metric[METRIC_LATCH] = run->cursor + 1;
}

static void metric_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                          struct launch_list *list) {
    struct launch *l = launch_new(list, "metric", "metric");
    launch_define(l, "-DROWS=%d", p->values[s->in[0]].shape.dim[0]);
    launch_value(l, s->in[0]);
    launch_value(l, s->out[0]);
    launch_cursor(l);
    size_t items = caps->cpu_family ? 1 : LANES;
    launch_size(l, 1, (size_t[]){items}, (size_t[]){items});
}

static const struct op op_metric = {.name = "metric", .cpu = metric_cpu, .launch = metric_launch};

static void cross_entropy_build(struct plan *p, const void *attr, int logits, int label) {
    struct shape shape = p->values[logits].shape;
    const struct layers *layers = &p->recipe->model.layers;
    const struct layer *last = &layers->at[layers->count - 1];
    if (shape.rank != 2) {
        char text[64];
        plan_fault(p, last->line, last->column,
                   "the last layer gives %s; cross_entropy wants one number per class",
                   shape_text(&shape, text));
        return;
    }
    int s = plan_step_new(p, &op_cross_entropy, attr, "loss", 0);
    plan_in(p, s, logits);
    plan_in(p, s, label);
    int rows = plan_value_new(p, "loss.rows", &(struct shape){2, {shape.dim[0], 2}}, DTYPE_F32,
                              ROLE_ACTIVATION);
    plan_out(p, s, rows);
    if (p->options.mode == PLAN_TRAIN) {
        int dz = plan_value_new(p, "logits.grad", &shape, DTYPE_F32, ROLE_ACTIVATION);
        plan_out(p, s, dz);
        plan_grad_give(p, logits, dz);
    }
    int m = plan_step_new(p, &op_metric, NULL, "loss", 0);
    plan_in(p, m, rows);
    plan_in(p, m, p->metric);
    plan_out(p, m, p->metric);
}

static const struct attr cross_entropy_attrs[] = {
    {.name = "smoothing",
     .type = ATTR_REAL,
     .offset = offsetof(struct cross_entropy_attr, smoothing),
     .min = 0,
     .max = 1,
     .below_max = true,
     .fallback = "0",
     .doc = "share of the label that is spread evenly over all classes while training; scores are "
            "plain cross-entropies"},
    {0}};

extern const struct loss_type loss_cross_entropy;
const struct loss_type loss_cross_entropy = {
    .schema = {.name = "cross_entropy",
               .doc = "softmax and cross-entropy of class labels, mean over the batch",
               .size = sizeof(struct cross_entropy_attr),
               .attrs = cross_entropy_attrs},
    .build = cross_entropy_build,
};

/* softmax: the probabilities of an evaluation plan, p_j = e_j / s. logits, p: [N][C]. */
static void softmax_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->in[0]].shape;
    int classes = shape->dim[1], best;
    const real *z = run->data[s->in[0]];
    real *y = run->data[s->out[0]], max;
    for (int n = 0; n < shape->dim[0]; n++, z += classes, y += classes) {
        real sum = exponentials(z, classes, y, &max, &best);
        for (int j = 0; j < classes; j++) y[j] /= sum;
    }
}

static void softmax_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    const struct shape *shape = &p->values[s->in[0]].shape;
    struct launch *l = launch_new(list, "softmax", "softmax");
    launch_define(l, "-DCLASSES=%d", shape->dim[1]);
    launch_value(l, s->in[0]);
    launch_value(l, s->out[0]);
    row_sizes(l, caps, shape->dim[0]);
}

const struct op op_softmax = {.name = "softmax", .cpu = softmax_cpu, .launch = softmax_launch};
