/* Max pooling: y = the largest of each window, channel by channel. x [N][H][W][C], y
 * [N][oh][ow][C].
 *
 * Of equal values the first in row-major order counts, as in PyTorch; a NaN beats everything.
 * Nothing is kept of where the largest was: dx of a pixel is the sum, in ascending order, of dy of
 * the windows in which it beats every pixel before it and is beaten by none behind it. So backward
 * needs x alone, and y may vanish in the stages behind it. */
#include "ops/pool.h"

static const real *pixel_of(const struct pool *g, const real *x, int n, int y, int column) {
    size_t at = ((size_t)n * (size_t)g->at[0].in + (size_t)y) * (size_t)g->at[1].in;
    return x + (at + (size_t)column) * (size_t)g->c;
}

static real largest(const struct pool *g, const real *x, int n, struct pool_window w, int c) {
    real best = pixel_of(g, x, n, w.first[0], w.first[1])[c];
    for (int y = w.first[0]; y < w.last[0]; y++)
        for (int column = w.first[1]; column < w.last[1]; column++) {
            real v = pixel_of(g, x, n, y, column)[c];
            if (v > best || v != v) best = v;
        }
    return best;
}

static void maxpool_cpu(const struct cpu_run *run, const struct step *s) {
    const struct pool *g = s->attr;
    const real *x = run->data[s->in[0]];
    real *y = run->data[s->out[0]];
    for (int n = 0; n < g->n; n++)
        for (int oy = 0; oy < g->at[0].out; oy++)
            for (int ox = 0; ox < g->at[1].out; ox++)
                for (int c = 0; c < g->c; c++) *y++ = largest(g, x, n, pool_window(g, oy, ox), c);
}

/* Whether pixel (y, column) is the largest of its window w. */
static bool wins(const struct pool *g, const real *x, int n, struct pool_window w, int y,
                 int column, int c) {
    real own = pixel_of(g, x, n, y, column)[c];
    for (int i = w.first[0]; i < w.last[0]; i++)
        for (int j = w.first[1]; j < w.last[1]; j++) {
            real v = pixel_of(g, x, n, i, j)[c];
            bool before = i < y || (i == y && j < column);
            if (!(before ? v < own : v <= own)) return false;
        }
    return true;
}

static real gradient(const struct pool *g, const real *dy, const real *x, int n, int y, int column,
                     int c) {
    struct pool_window w = pool_windows_of(g, y, column);
    real sum = 0;
    for (int oy = w.first[0]; oy < w.last[0]; oy++)
        for (int ox = w.first[1]; ox < w.last[1]; ox++) {
            size_t at = ((size_t)n * (size_t)g->at[0].out + (size_t)oy) * (size_t)g->at[1].out;
            if (wins(g, x, n, pool_window(g, oy, ox), y, column, c))
                sum += dy[(at + (size_t)ox) * (size_t)g->c + (size_t)c];
        }
    return sum;
}

/* in: dy, x; out: dx. */
static void maxpool_grad_cpu(const struct cpu_run *run, const struct step *s) {
    const struct pool *g = s->attr;
    const real *dy = run->data[s->in[0]], *x = run->data[s->in[1]];
    real *dx = run->data[s->out[0]];
    for (int n = 0; n < g->n; n++)
        for (int y = 0; y < g->at[0].in; y++)
            for (int column = 0; column < g->at[1].in; column++)
                for (int c = 0; c < g->c; c++) *dx++ = gradient(g, dy, x, n, y, column, c);
}

static void maxpool_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    pool_launch(p, s, caps, list, "maxpool", "maxpool", 1, POOL_OUTPUTS);
}

static void maxpool_grad_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                                struct launch_list *list) {
    pool_launch(p, s, caps, list, "maxpool", "maxpool_grad", 2, POOL_WINDOWS);
}

static void maxpool_grad(struct plan *p, int i);

#define FORWARD(stages)                                                                            \
    {                                                                                              \
        .name = "maxpool", .producer = stages, .cpu = maxpool_cpu, .launch = maxpool_launch,       \
        .grad = maxpool_grad                                                                       \
    }
#define BACKWARD(stages)                                                                           \
    {                                                                                              \
        .name = "maxpool_grad", .producer = stages, .cpu = maxpool_grad_cpu,                       \
        .launch = maxpool_grad_launch                                                              \
    }
static const struct op forward[2] = {FORWARD(false), FORWARD(true)};
static const struct op backward[2] = {BACKWARD(false), BACKWARD(true)};
static const struct pool_kind kind = {{&forward[0], &forward[1]}, {&backward[0], &backward[1]}};

static void maxpool_grad(struct plan *p, int i) {
    pool_grad(p, i, &kind, true);
}

static int maxpool_build(struct plan *p, const struct layer *layer, int in) {
    const struct pool *g = pool_of_layer(p, layer, in, layer->attr);
    if (!g) return in;
    struct shape y = {4, {g->n, g->at[0].out, g->at[1].out, g->c}};
    return pool_append(p, layer, &kind, g, in, &y);
}

extern const struct layer_type layer_maxpool;
const struct layer_type layer_maxpool = {
    .schema = {.name = "maxpool",
               .doc = "the largest of each window; of equal ones the first gets the gradient",
               .size = sizeof(struct pool_attr),
               .attrs = pool_attrs},
    .build = maxpool_build,
};
