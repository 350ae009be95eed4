/* Concrete dropout (Gal, Hron, Kendall 2017): dropout whose rate p = 1 / (1 + e^-l) is trained. A
 * gate is relaxed to z = sigmoid((logit p + logit u) / t) near 0 (kept) or 1, so that p has a
 * gradient; with the paper's t = 1/10 that needs no logarithm: r = e^-l (1 - u) / u,   z = 1 / (1 +
 * r^10),   y = x k,   k = (1 - z) / (1 - p), dx = dy k,   dl = sum of dy x k (p - 10 z). Only + * /
 * fma and the portable exp: the same bits everywhere. u = (word >> 8) + 1/2 over 2^24, one word of
 * the domain NOISE for each element. Without z at evaluation. x, y: any shape [N][...]; l [1].
 *
 * Once an optimizer step, before it, the regularisers add their gradients (section 3, equations 3
 * and 4): of weights |W|^2 / (1 - p), W those of the next layer that has any, and of dropout D (p
 * ln p + (1 - p) ln (1 - p)), D the features of x (the channels of an image). */
#include "base/text.h"
#include "ops/draws.h"
#include "ops/real_math.h"
#include <math.h>

enum { LANES = 16, LEAST_CHUNK = 256, CHUNKS = 1024 };

struct concrete_attr {
    struct draw_attr draw; /* rate: at the start */
    double weights, dropout;
};

static const struct attr concrete_attrs[] = {
    {.name = "rate",
     .type = ATTR_REAL,
     .offset = offsetof(struct concrete_attr, draw.rate),
     .max = 1,
     .above_min = true,
     .below_max = true,
     .fallback = "0.1",
     .doc = "the probability to drop that training starts with"},
    {.name = "weight_regularizer",
     .type = ATTR_REAL,
     .offset = offsetof(struct concrete_attr, weights),
     .max = 1e6,
     .fallback = "1e-6",
     .doc = "of |W|^2 / (1 - p), the weights of the next layer that has any"},
    {.name = "dropout_regularizer",
     .type = ATTR_REAL,
     .offset = offsetof(struct concrete_attr, dropout),
     .max = 1e6,
     .fallback = "1e-5",
     .doc =
         "of the negative entropy of p, for each feature (of an image: channel): pulls p to 1/2"},
    {0}};

/* ---- the reference ---- */

/* What all elements share: e = e^-l, l held where p and 1 - p are ordinary floats. */
struct rate {
    real e, p, inverse; /* inverse: 1 / (1 - p) */
};

static struct rate rate_at(real l) {
    real held = l < -20 ? -20 : l > 20 ? 20 : l, e = REAL_EXP(-held);
    return (struct rate){e, 1 / (1 + e), (1 + e) / e};
}

static real factor_of(const struct rate *rate, uint32_t word, real *z) {
    real r = rate->e * (((real)(~word >> 8) + (real)0.5) / ((real)(word >> 8) + (real)0.5));
    r = r > 4096 ? 4096 : r;
    real r2 = r * r, r4 = r2 * r2, r10 = r4 * r4 * r2;
    *z = 1 / (1 + r10);
    return r10 * *z * rate->inverse;
}

/* concrete_dropout: in x, l; out y. concrete_dropout_dx: in dy, l; out dx. */
static void concrete_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    size_t features = (size_t)shape_features(shape), n = shape_elements(shape);
    const real *x = run->data[s->in[0]], *l = run->data[s->in[1]];
    struct rate rate = rate_at(l[0]);
    real *y = run->data[s->out[0]], z;
    for (size_t i = 0; i < n; i++) {
        uint32_t word =
            draws_random(run, s->draw, (uint32_t)(i / features), (uint32_t)(i % features));
        y[i] = x[i] * factor_of(&rate, word, &z);
    }
}

/* A sample's sum: 16 chains of fma, element i in chain i mod 16, added in order. */
static real sum_of(const struct cpu_run *run, const struct step *s, const struct rate *rate,
                   size_t sample, size_t features) {
    const real *x = (const real *)run->data[s->in[0]] + sample * features;
    const real *dy = (const real *)run->data[s->in[1]] + sample * features;
    real lane[LANES] = {0}, z;
    for (size_t i = 0; i < features; i++) {
        uint32_t word = draws_random(run, s->draw, (uint32_t)sample, (uint32_t)i);
        real k = factor_of(rate, word, &z);
        real slope = k * (rate->p - 10 * z);
        lane[i % LANES] = REAL_FMA(dy[i] * x[i], slope, lane[i % LANES]);
    }
    for (int i = 1; i < LANES; i++) lane[0] += lane[i];
    return lane[0];
}

/* concrete_dropout_dl: in x, dy, l; out dl. Samples are added in order. */
static void slope_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->in[0]].shape;
    const real *l = run->data[s->in[2]];
    struct rate rate = rate_at(l[0]);
    real total = 0;
    for (size_t n = 0; n < (size_t)shape->dim[0]; n++) {
        real sum = sum_of(run, s, &rate, n, (size_t)shape_features(shape));
        total = n ? total + sum : sum;
    }
    *(real *)run->data[s->out[0]] = total;
}

/* ---- launches ---- */

static struct launch *start(const struct plan *p, const struct step *s, struct launch_list *list,
                            const char *kernel) {
    const struct shape *shape = &p->values[s->in[0]].shape;
    struct launch *l = launch_new(list, "concrete_dropout", kernel);
    uint32_t words[STAGE_WORDS];
    draws_words(p, s->attr, s->draw, words);
    launch_piece(l, "dropout");
    launch_define(l, "-DROWS=%d -DFEATURES=%d -DROW=%d -DCOUNTER3=%uu", shape->dim[0],
                  shape_features(shape), control_row_words(p), words[1]);
    return l;
}

static void concrete_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                            struct launch_list *list) {
    const struct shape *shape = &p->values[s->in[0]].shape;
    struct launch *l = start(p, s, list, "concrete_dropout");
    size_t rows = (size_t)shape->dim[0], features = (size_t)shape_features(shape);
    launch_value(l, s->in[0]);
    launch_value(l, s->in[1]);
    launch_value(l, s->out[0]);
    launch_value(l, p->control);
    launch_cursor(l);
    if (caps->cpu_family)
        launch_size(l, 2, (size_t[]){1, rows}, (size_t[]){1, 1});
    else
        launch_size(l, 2, (size_t[]){divide_up(features, lanes(caps)), rows}, (size_t[]){64, 1});
}

static void slope_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                         struct launch_list *list) {
    size_t rows = (size_t)p->values[s->in[0]].shape.dim[0];
    list->scratch = rows * sizeof(float);
    struct launch *l = start(p, s, list, "concrete_sums");
    for (int i = 0; i < 3; i++) launch_value(l, s->in[i]);
    launch_scratch(l);
    launch_value(l, p->control);
    launch_cursor(l);
    launch_size(l, 1, &rows, (size_t[]){caps->cpu_family ? 1 : 64});
    l = start(p, s, list, "concrete_total");
    launch_scratch(l);
    launch_value(l, s->out[0]);
    launch_size(l, 1, (size_t[]){1}, (size_t[]){1});
}

static const struct op op_concrete_dx = {
    .name = "concrete_dropout_dx", .cpu = concrete_cpu, .launch = concrete_launch};
static const struct op op_concrete_dl = {
    .name = "concrete_dropout_dl", .cpu = slope_cpu, .launch = slope_launch};

static void concrete_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    int dy = plan_grad_of(p, s.out[0]);
    int dl = plan_step_new(p, &op_concrete_dl, s.attr, s.name, s.line);
    const int in[] = {s.in[0], dy, s.in[1]};
    for (int k = 0; k < 3; k++) plan_in(p, dl, in[k]);
    plan_out(p, dl, plan_grad_of(p, s.in[1]));
    p->steps[dl].draw = s.draw;
    if (!plan_needs_grad(p, s.in[0])) return;
    int step = plan_step_new(p, &op_concrete_dx, s.attr, s.name, s.line);
    struct shape shape = p->values[s.in[0]].shape;
    plan_in(p, step, dy);
    plan_in(p, step, s.in[1]);
    int dx = plan_value_new(p, plan_text(p, "%s.dx", s.name), &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, step, dx);
    p->steps[step].draw = s.draw;
    plan_grad_give(p, s.in[0], dx);
}

static const struct op op_concrete = {.name = "concrete_dropout",
                                      .cpu = concrete_cpu,
                                      .launch = concrete_launch,
                                      .grad = concrete_grad};

/* ---- the regularisers: in l, dl and, where there are weights, W, dW; out dl, dW ---- */

struct penalty {
    double weights, dropout; /* dropout: times D */
};

/* |W|^2: chunks of elements, each one chain of fma from 0, added in order. */
static size_t chunk_of(size_t n) {
    size_t chunk = divide_up(n, CHUNKS);
    return chunk < LEAST_CHUNK ? LEAST_CHUNK : chunk;
}

static real square_of(const real *w, size_t n) {
    size_t chunk = chunk_of(n);
    real total = 0;
    for (size_t first = 0; first < n; first += chunk) {
        real sum = 0;
        for (size_t i = first; i < first + chunk && i < n; i++) sum = REAL_FMA(w[i], w[i], sum);
        total = first ? total + sum : sum;
    }
    return total;
}

static void penalty_cpu(const struct cpu_run *run, const struct step *s) {
    const struct penalty *c = s->attr;
    const real *l = run->data[s->in[0]];
    real *dl = run->data[s->in[1]], weights = (real)(float)c->weights;
    struct rate rate = rate_at(l[0]);
    dl[0] = REAL_FMA((real)(float)c->dropout * l[0], rate.p / rate.inverse, dl[0]);
    if (s->nin < 4) return;
    size_t n = shape_elements(&run->plan->values[s->in[2]].shape);
    const real *w = run->data[s->in[2]];
    real *dw = run->data[s->in[3]], twice = 2 * weights * rate.inverse;
    dl[0] = REAL_FMA(weights * square_of(w, n), 1 / rate.e, dl[0]);
    for (size_t i = 0; i < n; i++) dw[i] = REAL_FMA(twice, w[i], dw[i]);
}

static void penalty_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    const struct penalty *c = s->attr;
    size_t n = s->nin < 4 ? 0 : shape_elements(&p->values[s->in[2]].shape);
    size_t chunk = chunk_of(n), chunks = divide_up(n, chunk), vectors = divide_up(n, lanes(caps));
    const char *const kernels[] = {"concrete_squares", "concrete_penalty", "concrete_decay"};
    const size_t sizes[] = {chunks, 1, caps->cpu_family ? cpu_groups(vectors) : vectors};
    list->scratch = (chunks + 1) * sizeof(float);
    for (int k = n ? 0 : 1; k < (n ? 3 : 2); k++) {
        struct launch *l = launch_new(list, "concrete_penalty", kernels[k]);
        launch_define(l, "-DCHUNK=%zu -DCHUNKS=%zu -DLENGTH=%zu", chunk, chunks, n);
        if (k == 0) launch_value(l, s->in[2]);
        if (k == 0) launch_scratch(l);
        if (k == 1) launch_scratch(l);
        if (k > 0) launch_value(l, s->in[0]);
        if (k == 1) launch_value(l, s->in[1]);
        if (k == 1) launch_float(l, (float)c->dropout);
        if (k == 2) launch_value(l, s->in[2]);
        if (k == 2) launch_value(l, s->in[3]);
        if (k > 0) launch_float(l, (float)c->weights);
        launch_size(l, 1, &sizes[k], (size_t[]){k == 2 && !caps->cpu_family ? 64 : 1});
    }
}

static const struct op op_concrete_penalty = {
    .name = "concrete_penalty", .cpu = penalty_cpu, .launch = penalty_launch};

/* ---- the layer ---- */

static struct decision concrete_decide(const struct draw *draw, double rate) {
    (void)draw, (void)rate;
    return (struct decision){.active = 1, .scale = 1};
}

static void concrete_describe(const struct draw *draw, struct text *out) {
    (void)draw;
    text_add(out, "at the start, then trained");
}

static int concrete_build(struct plan *p, const struct layer *layer, int in) {
    const struct concrete_attr *attr = layer->attr;
    const struct shape shape = p->values[in].shape;
    struct penalty *penalty = plan_alloc(p, sizeof *penalty);
    int features = shape.rank == 4 ? shape.dim[3] : shape_features(&shape);
    *penalty = (struct penalty){attr->weights, attr->dropout * features};
    plan_draw(p, layer, in);
    int l = plan_param_new(p, layer->name, "rate_logit", &(struct shape){1, {1}},
                           &(struct param){.law = PARAM_LAW_VALUE,
                                           .start = log(attr->draw.rate / (1 - attr->draw.rate)),
                                           .line = layer->line,
                                           .penalty = &op_concrete_penalty,
                                           .penalty_attr = penalty,
                                           .penalised = -1});
    p->penalty = p->nparams;
    if (p->options.mode == PLAN_EVAL) return in;
    plan_mask(p, layer, shape_elements(&shape) * sizeof(float));
    int s = plan_step_new(p, &op_concrete, attr, layer->name, layer->line);
    p->steps[s].draw = layer->draw;
    plan_in(p, s, in);
    plan_in(p, s, l);
    int y = plan_value_new(p, layer->name, &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, y);
    return y;
}

extern const struct layer_type layer_concrete_dropout;
const struct layer_type layer_concrete_dropout = {
    .schema = {.name = "concrete_dropout",
               .doc = "dropout whose rate is trained, with gates between kept and dropped",
               .size = sizeof(struct concrete_attr),
               .attrs = concrete_attrs,
               .stochastic = true},
    .build = concrete_build,
    .draw = {.domain = DOMAIN_NOISE,
             .noise = true,
             .decide = concrete_decide,
             .describe = concrete_describe},
};
