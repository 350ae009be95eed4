/* Adam (Kingma, Ba 2015, algorithm 1) and AdamW (Loshchilov, Hutter 2019, algorithm 2). With t the
 * steps done, this one included: m = m + (1 - b1)(g - m),  v = b2 v + (1 - b2) g^2, w = w - lr / (1
 * - b1^t) m / (sqrt v / sqrt(1 - b2^t) + eps). Adam adds decay w to g; AdamW multiplies w by 1 - lr
 * decay first. The corrections are computed in double on the host and travel in CONTROL. */
#include "ops/optimizer.h"
#include <math.h>

enum {
    WORD_STEP,
    WORD_ONE_LESS_B1,
    WORD_B2,
    WORD_ONE_LESS_B2,
    WORD_ROOT,
    WORD_EPS,
    WORD_DECAY,
    WORD_SHRINK
};

struct adam_attr {
    double lr, beta1, beta2, eps, weight_decay;
};

static const struct attr adam_attrs[] = {
    {.name = "lr",
     .type = ATTR_REAL,
     .offset = offsetof(struct adam_attr, lr),
     .max = 1e38,
     .above_min = true,
     .fallback = "0.001",
     .doc = "learning rate"},
    {.name = "beta1",
     .type = ATTR_REAL,
     .offset = offsetof(struct adam_attr, beta1),
     .max = 1,
     .below_max = true,
     .fallback = "0.9",
     .doc = "decay of the mean gradient"},
    {.name = "beta2",
     .type = ATTR_REAL,
     .offset = offsetof(struct adam_attr, beta2),
     .max = 1,
     .below_max = true,
     .fallback = "0.999",
     .doc = "decay of the mean squared gradient"},
    {.name = "eps",
     .type = ATTR_REAL,
     .offset = offsetof(struct adam_attr, eps),
     .max = 1,
     .above_min = true,
     .fallback = "1e-8",
     .doc = "added to the root of the mean square"},
    {.name = "weight_decay",
     .type = ATTR_REAL,
     .offset = offsetof(struct adam_attr, weight_decay),
     .max = 1e6,
     .fallback = "0",
     .doc = "of weights; biases are not decayed. adam: added to the gradient; adamw: decoupled"},
    {0}};

static void adam_cpu(const struct cpu_run *run, const struct step *s) {
    if (optimizer_stopped(run, s)) return;
    size_t flat = run->plan->flat;
    real *w = run->data[s->in[0]], *m = run->data[s->in[2]], *v = m + flat, word[8];
    const real *g = run->data[s->in[1]];
    for (int i = 0; i < 8; i++) word[i] = optimizer_word(run, i);
    for (size_t i = 0; i < flat; i++) {
        bool decays = i < run->plan->decayed;
        real x = decays ? w[i] * word[WORD_SHRINK] : w[i];
        real gradient = decays ? REAL_FMA(word[WORD_DECAY], w[i], g[i]) : g[i];
        m[i] = REAL_FMA(word[WORD_ONE_LESS_B1], gradient - m[i], m[i]);
        v[i] = REAL_FMA(word[WORD_ONE_LESS_B2] * gradient, gradient, word[WORD_B2] * v[i]);
        w[i] = REAL_FMA(-word[WORD_STEP],
                        m[i] / REAL_FMA(REAL_SQRT(v[i]), word[WORD_ROOT], word[WORD_EPS]), x);
    }
}

static void adam_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    optimizer_launch(p, s, caps, "adam", list);
}

static const struct op op_adam = {.name = "adam", .cpu = adam_cpu, .launch = adam_launch};

static void adam_build(struct plan *p, const void *attr) {
    optimizer_build(p, &op_adam, attr);
}

static double adam_rate(const void *attr) {
    return ((const struct adam_attr *)attr)->lr;
}

static void fill_words(const struct adam_attr *a, double lr, uint64_t step, float *words) {
    double t = (double)step + 1;
    words[WORD_STEP] = (float)(lr / (1 - pow(a->beta1, t)));
    words[WORD_ONE_LESS_B1] = (float)(1 - a->beta1);
    words[WORD_B2] = (float)a->beta2;
    words[WORD_ONE_LESS_B2] = (float)(1 - a->beta2);
    words[WORD_ROOT] = (float)(1 / sqrt(1 - pow(a->beta2, t)));
    words[WORD_EPS] = (float)a->eps;
}

static void adam_control(const void *attr, double lr, uint64_t step, float *words) {
    const struct adam_attr *a = attr;
    fill_words(a, lr, step, words);
    words[WORD_DECAY] = (float)a->weight_decay;
    words[WORD_SHRINK] = 1;
}

static void adamw_control(const void *attr, double lr, uint64_t step, float *words) {
    const struct adam_attr *a = attr;
    fill_words(a, lr, step, words);
    words[WORD_DECAY] = 0;
    words[WORD_SHRINK] = (float)(1 - lr * a->weight_decay);
}

#define ADAM(title, text)                                                                          \
    {                                                                                              \
        .schema = {.name = #title,                                                                 \
                   .doc = text,                                                                    \
                   .size = sizeof(struct adam_attr),                                               \
                   .attrs = adam_attrs},                                                           \
        .state_tensors = 2, .rate = adam_rate, .build = adam_build, .control = title##_control     \
    }

extern const struct optimizer_type optimizer_adam, optimizer_adamw;
const struct optimizer_type optimizer_adam = ADAM(adam, "adaptive moments");
const struct optimizer_type optimizer_adamw =
    ADAM(adamw, "adaptive moments, decoupled weight decay");
