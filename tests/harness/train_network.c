#include "harness/train_network.h"
#include "philox.h"
#include <check.h>
#include <math.h>
#include <string.h>

static const float *tensor(const struct model *m, const char *name) {
    for (int i = 0; i < m->plan->nparams; i++) {
        const struct value *v = &m->plan->values[m->plan->params[i].value];
        if (!strcmp(v->name, name)) return m->flat + v->offset;
    }
    ck_abort_msg("no tensor %s", name);
}

static void layer(const double *x, int in, const float *w, const float *b, int out, double *y) {
    for (int j = 0; j < out; j++) {
        y[j] = (double)b[j];
        for (int i = 0; i < in; i++) y[j] += x[i] * (double)w[i * out + j];
    }
}

/* ReLU, then dropout by docs/masks.md: domain 9 (Monte-Carlo mask), the split in the top bits of
 * aux. */
static void relu_dropout(double *x, int n, uint32_t stochastic, const struct network_masks *m) {
    for (int i = 0; i < n; i++) {
        if (x[i] < 0) x[i] = 0;
        if (!m->on) continue;
        uint32_t word = philox_word(m->seed, (uint32_t)i, m->row, m->pass,
                                    9u << 28 | stochastic << 16 | m->split << 14);
        double rate = m->rate[stochastic];
        x[i] = (double)word < rate * 4294967296.0 ? 0 : x[i] / (1 - rate);
    }
}

static void softmax(double *p) {
    double max = p[0], sum = 0;
    for (int i = 1; i < 10; i++) max = fmax(max, p[i]);
    for (int i = 0; i < 10; i++) sum += p[i] = exp(p[i] - max);
    for (int i = 0; i < 10; i++) p[i] /= sum;
}

void network_run(const struct model *m, const uint8_t *image, const struct network_masks *masks,
                 double p[10]) {
    double x[784], a[16], b[12];
    for (int i = 0; i < 784; i++) x[i] = image[i] * (double)m->norm[0] + (double)m->norm[1];
    layer(x, 784, tensor(m, "fc1.weight"), tensor(m, "fc1.bias"), 16, a);
    relu_dropout(a, 16, 0, masks);
    layer(a, 16, tensor(m, "fc2.weight"), tensor(m, "fc2.bias"), 12, b);
    relu_dropout(b, 12, 1, masks);
    layer(b, 12, tensor(m, "fc3.weight"), tensor(m, "fc3.bias"), 10, p);
    softmax(p);
}
