/* Convolution: order of summation and C reference. */
#include "ops/conv2d.h"
#include "ops/clones.h"
#include "ops/internal.h"
#include <string.h>

enum { TILE = 32, ROW = 0, COLUMN = 1 };

/* ---- the order of summation ---- */

int conv2d_chunk_rows(const struct conv2d *g) {
    const struct window_axis *y = &g->at[ROW], *x = &g->at[COLUMN];
    size_t rows = (size_t)g->n * (size_t)y->out;
    size_t sums = (size_t)y->kernel * (size_t)x->kernel * (size_t)conv2d_depth(g) * (size_t)g->f;
    size_t chunks = CONV2D_CHUNK_SUMS / sums;
    if (chunks > CONV2D_CHUNKS) chunks = CONV2D_CHUNKS;
    if (chunks < 1) chunks = 1;
    size_t length = divide_up(rows, chunks), least = divide_up(CONV2D_CHUNK_PIXELS, (size_t)x->out);
    if (length < least) length = least;
    return (int)(length < rows ? length : rows);
}

int conv2d_chunks(const struct conv2d *g) {
    size_t rows = (size_t)g->n * (size_t)g->at[ROW].out;
    return (int)divide_up(rows, (size_t)conv2d_chunk_rows(g));
}

/* ---- forward and dx ---- */

/* sum[j] = chain over k in [0, length) of a[k] B[k][j]. */
FMA_CLONES static void chain(real *restrict sum, const real *a, int length, const real *b,
                             size_t b_row, size_t b_column, int columns) {
    real lane[TILE] = {0};
    memcpy(lane, sum, (size_t)columns * sizeof *sum);
    for (int k = 0; k < length; k++) {
        const real *row = b + (size_t)k * b_row;
        if (columns == TILE && b_column == 1)
            for (int j = 0; j < TILE; j++) lane[j] = REAL_FMA(a[k], row[j], lane[j]);
        else
            for (int j = 0; j < columns; j++)
                lane[j] = REAL_FMA(a[k], row[(size_t)j * b_column], lane[j]);
    }
    memcpy(sum, lane, (size_t)columns * sizeof *sum);
}

/* The same where each output channel has an input channel of its own: one link of each chain. */
static void link(real *sum, const real *a, const real *b, int columns) {
    for (int j = 0; j < columns; j++) sum[j] = REAL_FMA(a[j], b[j], sum[j]);
}

/* A place of a map and the channel from which on `columns` sums are wanted. */
struct place {
    int n, y, x, channel, columns;
};

static bool inside(int at, int size) {
    return at >= 0 && at < size;
}

static const real *pixel(const real *map, int n, int y, int x, int h, int w, int channels) {
    if (!inside(y, h) || !inside(x, w)) return NULL;
    return map + (((size_t)n * (size_t)h + (size_t)y) * (size_t)w + (size_t)x) * (size_t)channels;
}

static const real *tap(const struct conv2d *g, const real *w, int ky, int kx) {
    size_t size = (size_t)conv2d_depth(g) * (size_t)g->f;
    return w + ((size_t)ky * (size_t)g->at[COLUMN].kernel + (size_t)kx) * size;
}

/* -0 becomes +0. */
static void add_zero(real sum[TILE]) {
    for (int j = 0; j < TILE; j++) sum[j] += (real)0;
}

static void forward(const struct conv2d *g, const real *x, const real *w, struct place p,
                    real sum[TILE]) {
    const struct window_axis *v = &g->at[ROW], *h = &g->at[COLUMN];
    memset(sum, 0, TILE * sizeof *sum);
    for (int ky = 0; ky < v->kernel; ky++)
        for (int kx = 0; kx < h->kernel; kx++) {
            int iy = p.y * v->stride - v->before + ky, ix = p.x * h->stride - h->before + kx;
            const real *from = pixel(x, p.n, iy, ix, v->in, h->in, g->c);
            if (!from) continue;
            const real *weights = tap(g, w, ky, kx) + p.channel;
            if (g->depthwise)
                link(sum, from + p.channel, weights, p.columns);
            else
                chain(sum, from, g->c, weights, (size_t)g->f, 1, p.columns);
        }
    add_zero(sum);
}

static void backward(const struct conv2d *g, const real *dy, const real *w, struct place p,
                     real sum[TILE]) {
    const struct window_axis *v = &g->at[ROW], *h = &g->at[COLUMN];
    memset(sum, 0, TILE * sizeof *sum);
    for (int ky = 0; ky < v->kernel; ky++)
        for (int kx = 0; kx < h->kernel; kx++) {
            int oy = p.y + v->before - ky, ox = p.x + h->before - kx;
            if (oy % v->stride || ox % h->stride) continue;
            const real *from = pixel(dy, p.n, oy / v->stride, ox / h->stride, v->out, h->out, g->f);
            if (!from) continue;
            const real *weights = tap(g, w, ky, kx);
            if (g->depthwise)
                link(sum, from + p.channel, weights + p.channel, p.columns);
            else
                chain(sum, from, g->f, weights + (size_t)p.channel * (size_t)g->f, 1, (size_t)g->f,
                      p.columns);
        }
    add_zero(sum);
}

/* The place of element `index` of a map [n][h][w][channels], alone. */
static struct place place_of(size_t index, int h, int w, int channels) {
    size_t c = (size_t)channels, pixels = index / c;
    return (struct place){.n = (int)(pixels / (size_t)w / (size_t)h),
                          .y = (int)(pixels / (size_t)w % (size_t)h),
                          .x = (int)(pixels % (size_t)w),
                          .channel = (int)(index % c),
                          .columns = 1};
}

void conv2d_cpu(const struct conv2d *g, const real *x, const real *w, const real *bias, real *y) {
    int h = g->at[ROW].out, width = g->at[COLUMN].out;
    size_t f = (size_t)g->f, size = (size_t)g->n * (size_t)h * (size_t)width * f;
    real sum[TILE];
    for (size_t row = 0; row < size; row += f)
        for (size_t j = 0; j < f; j += TILE) {
            struct place p = place_of(row + j, h, width, g->f);
            p.columns = f - j < TILE ? (int)(f - j) : TILE;
            forward(g, x, w, p, sum);
            for (size_t t = 0; t < (size_t)p.columns; t++)
                y[row + j + t] = bias ? sum[t] + bias[j + t] : sum[t];
        }
}

real conv2d_cpu_at(const struct conv2d *g, const real *x, const real *w, const real *bias,
                   size_t index) {
    real sum[TILE];
    forward(g, x, w, place_of(index, g->at[ROW].out, g->at[COLUMN].out, g->f), sum);
    return bias ? sum[0] + bias[index % (size_t)g->f] : sum[0];
}

void conv2d_cpu_dx(const struct conv2d *g, const real *dy, const real *w, real *dx) {
    int h = g->at[ROW].in, width = g->at[COLUMN].in;
    size_t c = (size_t)g->c, size = (size_t)g->n * (size_t)h * (size_t)width * c;
    real sum[TILE];
    for (size_t row = 0; row < size; row += c)
        for (size_t j = 0; j < c; j += TILE) {
            struct place p = place_of(row + j, h, width, g->c);
            p.columns = c - j < TILE ? (int)(c - j) : TILE;
            backward(g, dy, w, p, sum);
            memcpy(dx + row + j, sum, (size_t)p.columns * sizeof *sum);
        }
}

real conv2d_cpu_dx_at(const struct conv2d *g, const real *dy, const real *w, size_t index) {
    real sum[TILE];
    backward(g, dy, w, place_of(index, g->at[ROW].in, g->at[COLUMN].in, g->c), sum);
    return sum[0];
}

/* ---- dW and db ---- */

/* An element of W and its right neighbours. */
struct weight {
    int ky, kx, c, f, columns;
};

static struct weight weight_of(const struct conv2d *g, size_t row, size_t f) {
    size_t depth = (size_t)conv2d_depth(g), kw = (size_t)g->at[COLUMN].kernel;
    size_t left = (size_t)g->f - f;
    return (struct weight){.ky = (int)(row / depth / kw),
                           .kx = (int)(row / depth % kw),
                           .c = (int)(row % depth),
                           .f = (int)f,
                           .columns = left < TILE ? (int)left : TILE};
}

/* The chunk of rows [first, last). */
FMA_CLONES static void chunk_dw(const struct conv2d *g, const real *x, const real *dy, int first,
                                int last, struct weight k, real *restrict sum) {
    const struct window_axis *v = &g->at[ROW], *h = &g->at[COLUMN];
    real lane[TILE] = {0};
    for (int row = first; row < last; row++) {
        int n = row / v->out, iy = row % v->out * v->stride - v->before + k.ky;
        for (int ox = 0; ox < h->out; ox++) {
            int ix = ox * h->stride - h->before + k.kx;
            const real *from = pixel(x, n, iy, ix, v->in, h->in, g->c);
            if (!from) continue;
            const real *d =
                dy + ((size_t)row * (size_t)h->out + (size_t)ox) * (size_t)g->f + (size_t)k.f;
            if (g->depthwise)
                for (int j = 0; j < k.columns; j++)
                    lane[j] = REAL_FMA(from[k.f + j], d[j], lane[j]);
            else
                for (int j = 0; j < k.columns; j++) lane[j] = REAL_FMA(from[k.c], d[j], lane[j]);
        }
    }
    add_zero(lane);
    memcpy(sum, lane, sizeof lane);
}

static void sum_dw(const struct conv2d *g, const real *x, const real *dy, struct weight k,
                   real total[TILE]) {
    int rows = g->n * g->at[ROW].out, length = conv2d_chunk_rows(g);
    for (int first = 0; first < rows; first += length) {
        real sum[TILE];
        int last = rows - first < length ? rows : first + length;
        chunk_dw(g, x, dy, first, last, k, sum);
        for (int j = 0; j < k.columns; j++) total[j] = first ? total[j] + sum[j] : sum[j];
    }
}

real conv2d_cpu_db_at(const struct conv2d *g, const real *dy, size_t f) {
    size_t out = (size_t)g->at[COLUMN].out, size = (size_t)g->n * (size_t)g->at[ROW].out * out;
    size_t length = (size_t)conv2d_chunk_rows(g) * out;
    real total = 0;
    for (size_t first = 0; first < size; first += length) {
        real sum = 0;
        for (size_t i = first; i < size && i < first + length; i++) sum += dy[i * (size_t)g->f + f];
        total = first ? total + sum : sum;
    }
    return total;
}

void conv2d_cpu_dw(const struct conv2d *g, const real *x, const real *dy, real *dw, real *db) {
    size_t f = (size_t)g->f, rows = (size_t)g->at[ROW].kernel * (size_t)g->at[COLUMN].kernel *
                                    (size_t)conv2d_depth(g);
    for (size_t row = 0; row < rows; row++)
        for (size_t j = 0; j < f; j += TILE) {
            struct weight k = weight_of(g, row, j);
            real total[TILE];
            sum_dw(g, x, dy, k, total);
            memcpy(dw + row * f + j, total, (size_t)k.columns * sizeof *total);
        }
    for (size_t j = 0; db && j < f; j++) db[j] = conv2d_cpu_db_at(g, dy, j);
}

real conv2d_cpu_dw_at(const struct conv2d *g, const real *x, const real *dy, size_t index) {
    struct weight k = weight_of(g, index / (size_t)g->f, index % (size_t)g->f);
    real total[TILE];
    k.columns = 1;
    sum_dw(g, x, dy, k, total);
    return total[0];
}
