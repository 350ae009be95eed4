/* Average pooling: y = the mean of each window, channel by channel, over the pixels of the map: a
 * border does not count. x [N][H][W][C], y [N][oh][ow][C]; globalavgpool: one window over the map,
 * y [N][C].
 *
 * Order of summation: each row of a window is one ascending chain of additions from 0; the sums of
 * rows are added in order, from 0; their sum is multiplied by 1 / pixels. Backward, dx of a pixel
 * is the sum, in ascending order from 0, of dy * (1 / pixels) of the windows that cover it. */
#include "ops/pool.h"

/* 1 / pixels of a window. */
static real share(struct pool_window w) {
    return 1 / (real)((w.last[0] - w.first[0]) * (w.last[1] - w.first[1]));
}

static real mean(const struct pool *g, const real *x, int n, struct pool_window w, int c) {
    real total = 0;
    for (int y = w.first[0]; y < w.last[0]; y++) {
        real sum = 0;
        size_t row = ((size_t)n * (size_t)g->at[0].in + (size_t)y) * (size_t)g->at[1].in;
        for (int column = w.first[1]; column < w.last[1]; column++)
            sum += x[(row + (size_t)column) * (size_t)g->c + (size_t)c];
        total += sum;
    }
    return total * share(w);
}

static void avgpool_cpu(const struct cpu_run *run, const struct step *s) {
    const struct pool *g = s->attr;
    const real *x = run->data[s->in[0]];
    real *y = run->data[s->out[0]];
    for (int n = 0; n < g->n; n++)
        for (int oy = 0; oy < g->at[0].out; oy++)
            for (int ox = 0; ox < g->at[1].out; ox++)
                for (int c = 0; c < g->c; c++) *y++ = mean(g, x, n, pool_window(g, oy, ox), c);
}

static real gradient(const struct pool *g, const real *dy, int n, struct pool_window w, int c) {
    real sum = 0;
    for (int oy = w.first[0]; oy < w.last[0]; oy++)
        for (int ox = w.first[1]; ox < w.last[1]; ox++) {
            size_t at = ((size_t)n * (size_t)g->at[0].out + (size_t)oy) * (size_t)g->at[1].out;
            real part = dy[(at + (size_t)ox) * (size_t)g->c + (size_t)c];
            sum += part * share(pool_window(g, oy, ox));
        }
    return sum;
}

/* in: dy; out: dx. */
static void avgpool_grad_cpu(const struct cpu_run *run, const struct step *s) {
    const struct pool *g = s->attr;
    const real *dy = run->data[s->in[0]];
    real *dx = run->data[s->out[0]];
    for (int n = 0; n < g->n; n++)
        for (int y = 0; y < g->at[0].in; y++)
            for (int x = 0; x < g->at[1].in; x++)
                for (int c = 0; c < g->c; c++)
                    *dx++ = gradient(g, dy, n, pool_windows_of(g, y, x), c);
}

static void avgpool_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    pool_launch(p, s, caps, list, "avgpool", "avgpool", 1, POOL_OUTPUTS);
}

static void avgpool_grad_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                                struct launch_list *list) {
    pool_launch(p, s, caps, list, "avgpool", "avgpool_grad", 1, POOL_INPUTS);
}

static void avgpool_grad(struct plan *p, int i);

#define FORWARD(stages)                                                                            \
    {                                                                                              \
        .name = "avgpool", .producer = stages, .cpu = avgpool_cpu, .launch = avgpool_launch,       \
        .grad = avgpool_grad                                                                       \
    }
#define BACKWARD(stages)                                                                           \
    {                                                                                              \
        .name = "avgpool_grad", .producer = stages, .cpu = avgpool_grad_cpu,                       \
        .launch = avgpool_grad_launch                                                              \
    }
static const struct op forward[2] = {FORWARD(false), FORWARD(true)};
static const struct op backward[2] = {BACKWARD(false), BACKWARD(true)};
static const struct pool_kind kind = {{&forward[0], &forward[1]}, {&backward[0], &backward[1]}};

static void avgpool_grad(struct plan *p, int i) {
    pool_grad(p, i, &kind, false);
}

static int avgpool_build(struct plan *p, const struct layer *layer, int in) {
    const struct pool *g = pool_of_layer(p, layer, in, layer->attr);
    if (!g) return in;
    struct shape y = {4, {g->n, g->at[0].out, g->at[1].out, g->c}};
    return pool_append(p, layer, &kind, g, in, &y);
}

static int globalavgpool_build(struct plan *p, const struct layer *layer, int in) {
    const struct pool *g = pool_of_map(p, layer, in);
    if (!g) return in;
    return pool_append(p, layer, &kind, g, in, &(struct shape){2, {g->n, g->c}});
}

extern const struct layer_type layer_avgpool, layer_globalavgpool;
const struct layer_type layer_avgpool = {
    .schema = {.name = "avgpool",
               .doc = "the mean of each window",
               .size = sizeof(struct pool_attr),
               .attrs = pool_attrs},
    .build = avgpool_build,
};
const struct layer_type layer_globalavgpool = {
    .schema = {.name = "globalavgpool", .doc = "the mean of each channel: [channels] remain"},
    .build = globalavgpool_build,
};
