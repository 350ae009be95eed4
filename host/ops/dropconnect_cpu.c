/* DropConnect's reference: the three sums, in clear loops over blocks of 128 outputs. */
#include "ops/clones.h"
#include "ops/dropconnect.h"

enum { BLOCK = 128 };

static int blocks_of(const struct dropconnect_shape *g) {
    return (g->out + BLOCK - 1) / BLOCK;
}

/* sum[o] = fma(v, p[o], sum[o]) where kept. */
FMA_CLONES static void add_kept(real *restrict sum, real v, const real *restrict p,
                                const uint8_t *restrict kept, int count) {
    for (int o = 0; o < count; o++) {
        real more = REAL_FMA(v, p[o], sum[o]);
        sum[o] = kept[o] ? more : sum[o];
    }
}

static void end_chunk(real *total, real *sum, bool first) {
    for (int o = 0; o < BLOCK; o++) {
        total[o] = first ? sum[o] : total[o] + sum[o];
        sum[o] = 0;
    }
}

static real scale_of(const struct cpu_run *run, const struct step *s) {
    return (real)draws_scale(run, s->draw);
}

/* ---- y ---- */

static void forward_block(const struct cpu_run *run, const struct step *s, int n, int block) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    const real *x = (const real *)run->data[s->in[0]] + (size_t)n * (size_t)g.in;
    const real *w = (const real *)run->data[s->in[1]] + BLOCK * block;
    real *y = (real *)run->data[s->out[0]] + (size_t)n * (size_t)g.out + BLOCK * block;
    real total[BLOCK] = {0}, sum[BLOCK] = {0}, scale = scale_of(run, s);
    uint8_t kept[BLOCK];
    for (int i = 0; i < g.in; i++) {
        int count = dropconnect_kept(run, s, n, i, block, kept);
        add_kept(sum, x[i], w + (size_t)i * (size_t)g.out, kept, count);
        if ((i + 1) % DROPCONNECT_IN == 0 || i + 1 == g.in)
            end_chunk(total, sum, i < DROPCONNECT_IN);
    }
    int count = dropconnect_kept(run, s, n, g.in, block, kept);
    for (int o = 0; o < count; o++) {
        if (g.bias && kept[o]) total[o] += ((const real *)run->data[s->in[2]])[BLOCK * block + o];
        y[o] = total[o] * scale;
    }
}

void dropconnect_cpu(const struct cpu_run *run, const struct step *s) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    for (int n = 0; n < g.batch; n++)
        for (int block = 0; block < blocks_of(&g); block++) forward_block(run, s, n, block);
}

/* ---- dW, db; dx ---- */

/* Row i of dW; row In is db. */
static void weights_block(const struct cpu_run *run, const struct step *s, int i, int block) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    bool bias = i == g.in;
    const real *x = run->data[s->in[0]], *dy = run->data[s->in[1]];
    real *gradient = run->data[s->out[g.dx + bias]];
    real total[BLOCK] = {0}, sum[BLOCK] = {0}, scale = scale_of(run, s);
    uint8_t kept[BLOCK];
    int count = 0;
    for (int n = 0; n < g.batch; n++) {
        real v = bias ? 1 : x[(size_t)n * (size_t)g.in + (size_t)i];
        count = dropconnect_kept(run, s, n, i, block, kept);
        add_kept(sum, v, dy + (size_t)n * (size_t)g.out + BLOCK * block, kept, count);
        if ((n + 1) % DROPCONNECT_BATCH == 0 || n + 1 == g.batch)
            end_chunk(total, sum, n < DROPCONNECT_BATCH);
    }
    if (!bias) gradient += (size_t)i * (size_t)g.out;
    for (int o = 0; o < count; o++) gradient[BLOCK * block + o] = total[o] * scale;
}

static real tree(real chain[DROPCONNECT_LANES]) {
    for (int half = DROPCONNECT_LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) chain[l] += chain[l + half];
    return chain[0];
}

static real input_gradient(const struct cpu_run *run, const struct step *s, int n, int i) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    const real *dy = (const real *)run->data[s->in[1]] + (size_t)n * (size_t)g.out;
    const real *w = (const real *)run->data[s->in[2]] + (size_t)i * (size_t)g.out;
    real chain[DROPCONNECT_LANES] = {0};
    uint8_t kept[BLOCK];
    for (int block = 0; block < blocks_of(&g); block++) {
        int count = dropconnect_kept(run, s, n, i, block, kept);
        for (int o = 0; o < count; o++) {
            int at = BLOCK * block + o, l = o % DROPCONNECT_LANES;
            if (kept[o]) chain[l] = REAL_FMA(w[at], dy[at], chain[l]);
        }
    }
    return tree(chain) * scale_of(run, s);
}

void dropconnect_grad_cpu(const struct cpu_run *run, const struct step *s) {
    struct dropconnect_shape g = dropconnect_shape_of(run->plan, s);
    for (int i = 0; i < g.in + g.bias; i++)
        for (int block = 0; block < blocks_of(&g); block++) weights_block(run, s, i, block);
    real *dx = run->data[s->out[0]];
    for (int n = 0; n < g.batch && g.dx; n++)
        for (int i = 0; i < g.in; i++)
            dx[(size_t)n * (size_t)g.in + (size_t)i] = input_gradient(run, s, n, i);
}
