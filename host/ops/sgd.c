/* Stochastic gradient descent with momentum (Polyak 1964) in the usual form:
 *   g' = g + decay w (weights only),  v = momentum v + g',  w = w - lr (nesterov ? g' + momentum v
 * : v). */
#include "ops/optimizer.h"

enum { WORD_LR, WORD_MOMENTUM, WORD_DECAY, WORD_NESTEROV };

struct sgd_attr {
    double lr, momentum, weight_decay;
    bool nesterov;
};

static const struct attr sgd_attrs[] = {
    {.name = "lr",
     .type = ATTR_REAL,
     .offset = offsetof(struct sgd_attr, lr),
     .max = 1e38,
     .above_min = true,
     .doc = "learning rate"},
    {.name = "momentum",
     .type = ATTR_REAL,
     .offset = offsetof(struct sgd_attr, momentum),
     .max = 1,
     .below_max = true,
     .fallback = "0",
     .doc = "share of the last step kept"},
    {.name = "nesterov",
     .type = ATTR_BOOL,
     .offset = offsetof(struct sgd_attr, nesterov),
     .fallback = "false",
     .doc = "look ahead (Nesterov 1983; Sutskever et al. 2013)"},
    {.name = "weight_decay",
     .type = ATTR_REAL,
     .offset = offsetof(struct sgd_attr, weight_decay),
     .max = 1e6,
     .fallback = "0",
     .doc = "added to the gradient of weights as weight_decay * w; biases are not decayed"},
    {0}};

static void sgd_cpu(const struct cpu_run *run, const struct step *s) {
    if (optimizer_stopped(run, s)) return;
    real *w = run->data[s->in[0]], *v = run->data[s->in[2]];
    const real *g = run->data[s->in[1]];
    real lr = optimizer_word(run, WORD_LR), momentum = optimizer_word(run, WORD_MOMENTUM);
    real decay = optimizer_word(run, WORD_DECAY);
    bool nesterov = optimizer_word(run, WORD_NESTEROV) != 0;
    for (size_t i = 0; i < run->plan->flat; i++) {
        real gradient = i < run->plan->decayed ? REAL_FMA(decay, w[i], g[i]) : g[i];
        v[i] = REAL_FMA(momentum, v[i], gradient);
        w[i] = REAL_FMA(-lr, nesterov ? REAL_FMA(momentum, v[i], gradient) : v[i], w[i]);
    }
}

static void sgd_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                       struct launch_list *list) {
    optimizer_launch(p, s, caps, "sgd", list);
}

static const struct op op_sgd = {.name = "sgd", .cpu = sgd_cpu, .launch = sgd_launch};

static void sgd_build(struct plan *p, const void *attr) {
    optimizer_build(p, &op_sgd, attr);
}

static double sgd_rate(const void *attr) {
    return ((const struct sgd_attr *)attr)->lr;
}

static void sgd_control(const void *attr, double lr, uint64_t step, float *words) {
    const struct sgd_attr *a = attr;
    (void)step;
    words[WORD_LR] = (float)lr;
    words[WORD_MOMENTUM] = (float)a->momentum;
    words[WORD_DECAY] = (float)a->weight_decay;
    words[WORD_NESTEROV] = a->nesterov ? 1 : 0;
}

extern const struct optimizer_type optimizer_sgd;
const struct optimizer_type optimizer_sgd = {
    .schema = {.name = "sgd",
               .doc = "gradient descent with momentum",
               .size = sizeof(struct sgd_attr),
               .attrs = sgd_attrs},
    .state_tensors = 1,
    .rate = sgd_rate,
    .build = sgd_build,
    .control = sgd_control,
};
