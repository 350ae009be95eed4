/* The sums of batch normalisation over rows, two launches each: sums of chunks, then their sums.
 *
 * Forward: mean = sum x / R; the squares are taken about the mean of each chunk, M_k = sum (x -
 * mean_k)^2, and put together exactly as the variance of a mixture is: M = sum M_k + n_k (mean_k -
 * mean)^2 (Chan, Golub, LeVeque 1983, for all chunks at once). Nothing large is ever subtracted
 * from something large.
 *
 * Backward: dbeta = sum dy, dgamma = sum dy (x - mean) rstd. This is also where the running
 * statistics move, and not forward: by now the loss of these rows is known, and after one that was
 * not finite they stay as they are, like the parameters. */
#include "ops/batch_norm.h"
#include <string.h>

enum { ROW_LANES = 4, BLOCK = 16 };

typedef real row_lanes[ROW_LANES][BLOCK];

struct batch_norm_size batch_norm_size(const struct plan *p, int value) {
    const struct shape *s = &p->values[value].shape;
    struct batch_norm_size z = {.channels = (size_t)s->dim[s->rank - 1]};
    z.rows = shape_elements(s) / z.channels;
    z.chunk = divide_up(z.rows, BATCH_NORM_CHUNKS);
    if (z.chunk < BATCH_NORM_CHUNK) z.chunk = BATCH_NORM_CHUNK;
    z.chunks = divide_up(z.rows, z.chunk);
    return z;
}

/* ---- the C reference: BLOCK channels at a time ---- */

static size_t chunk_rows(const struct batch_norm_size *z, size_t k) {
    return k + 1 < z->chunks ? z->chunk : z->rows - k * z->chunk;
}

static void add_lanes(row_lanes lane, real total[BLOCK]) {
    for (int c = 0; c < BLOCK; c++)
        total[c] = (lane[0][c] + lane[1][c]) + (lane[2][c] + lane[3][c]);
}

static void sum(const real *x, size_t stride, size_t n, size_t width, real total[BLOCK]) {
    row_lanes lane = {{0}};
    for (size_t i = 0; i < n; i++, x += stride)
        for (size_t c = 0; c < width; c++) lane[i % ROW_LANES][c] += x[c];
    add_lanes(lane, total);
}

/* sum y (x - mean); y may be NULL: x - mean itself. */
static void sum_products(const real *y, const real *x, size_t stride, size_t n, size_t width,
                         const real *mean, real total[BLOCK]) {
    row_lanes lane = {{0}};
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++) {
            real d = x[i * stride + c] - mean[c], *to = &lane[i % ROW_LANES][c];
            *to = REAL_FMA(y ? y[i * stride + c] : d, d, *to);
        }
    add_lanes(lane, total);
}

/* Both sums of every chunk, for BLOCK channels. */
struct parts {
    real first[BATCH_NORM_CHUNKS][BLOCK], second[BATCH_NORM_CHUNKS][BLOCK];
};

static void merge_moments(const struct batch_norm_size *z, const struct parts *p, real epsilon,
                          size_t width, real *moments) {
    real total[BLOCK], squares[BLOCK];
    row_lanes lane = {{0}};
    sum(p->first[0], BLOCK, z->chunks, width, total);
    for (size_t c = 0; c < width; c++) moments[c] = total[c] / (real)z->rows;
    for (size_t k = 0; k < z->chunks; k++)
        for (size_t c = 0; c < width; c++) {
            real n = (real)chunk_rows(z, k), d = p->first[k][c] / n - moments[c];
            lane[k % ROW_LANES][c] += REAL_FMA(d * n, d, p->second[k][c]);
        }
    add_lanes(lane, squares);
    for (size_t c = 0; c < width; c++) {
        real variance = squares[c] / (real)z->rows;
        moments[MOMENT_VARIANCE * z->channels + c] = variance;
        /* a variance beyond the largest float makes NaN here, which the loss then shows */
        moments[MOMENT_RSTD * z->channels + c] =
            1 / REAL_SQRT(variance + epsilon) + (variance - variance);
    }
}

static void statistics_cpu(const struct cpu_run *run, const struct step *s) {
    const struct batch_norm_attr *attr = &((const struct batch_norm_step *)s->attr)->attr;
    struct batch_norm_size z = batch_norm_size(run->plan, s->in[0]);
    struct parts p;
    for (size_t c = 0; c < z.channels; c += BLOCK) {
        size_t width = z.channels - c < BLOCK ? z.channels - c : BLOCK;
        const real *x = (const real *)run->data[s->in[0]] + c;
        for (size_t k = 0; k < z.chunks; k++, x += z.chunk * z.channels) {
            size_t n = chunk_rows(&z, k);
            real mean[BLOCK];
            sum(x, z.channels, n, width, p.first[k]);
            for (size_t i = 0; i < width; i++) mean[i] = p.first[k][i] / (real)n;
            sum_products(NULL, x, z.channels, n, width, mean, p.second[k]);
        }
        merge_moments(&z, &p, (real)(float)attr->epsilon, width, (real *)run->data[s->out[0]] + c);
    }
}

/* The unbiased variance is R / (R - 1) times the biased one. */
static float unbiased(size_t rows) {
    return (float)((double)rows / ((double)rows - 1));
}

static void update_running(const struct cpu_run *run, const struct step *s) {
    const struct batch_norm_attr *attr = &((const struct batch_norm_step *)s->attr)->attr;
    const struct batch_norm_size z = batch_norm_size(run->plan, s->in[0]);
    const real *moments = run->data[s->in[2]];
    real *mean = run->data[s->out[2]], *variance = run->data[s->out[3]];
    real momentum = (real)(float)attr->momentum, factor = (real)unbiased(z.rows);
    for (size_t c = 0; c < z.channels; c++) {
        real now = moments[MOMENT_VARIANCE * z.channels + c] * factor;
        mean[c] = REAL_FMA(momentum, moments[c] - mean[c], mean[c]);
        variance[c] = REAL_FMA(momentum, now - variance[c], variance[c]);
    }
}

static void reduce_cpu(const struct cpu_run *run, const struct step *s) {
    struct batch_norm_size z = batch_norm_size(run->plan, s->in[0]);
    const real *dy = run->data[s->in[0]], *x = run->data[s->in[1]], *moments = run->data[s->in[2]];
    const uint32_t *metric = run->data[s->in[3]];
    real *dgamma = run->data[s->out[0]], *dbeta = run->data[s->out[1]], total[BLOCK];
    struct parts p;
    for (size_t c = 0; c < z.channels; c += BLOCK) {
        size_t width = z.channels - c < BLOCK ? z.channels - c : BLOCK;
        for (size_t k = 0; k < z.chunks; k++) {
            size_t n = chunk_rows(&z, k), at = k * z.chunk * z.channels + c;
            sum(dy + at, z.channels, n, width, p.first[k]);
            sum_products(dy + at, x + at, z.channels, n, width, moments + c, p.second[k]);
        }
        sum(p.first[0], BLOCK, z.chunks, width, total);
        memcpy(dbeta + c, total, width * sizeof *total);
        sum(p.second[0], BLOCK, z.chunks, width, total);
        for (size_t i = 0; i < width; i++)
            dgamma[c + i] = total[i] * moments[MOMENT_RSTD * z.channels + c + i];
    }
    if (!metric[METRIC_LATCH]) update_running(run, s);
}

/* ---- launches ---- */

enum { GPU_COLUMNS = 64 }; /* x ROW_LANES work-items of a group */

static struct launch *start(const struct plan *p, const struct step *s, const char *kernel,
                            struct launch_list *list) {
    const struct batch_norm_attr *attr = &((const struct batch_norm_step *)s->attr)->attr;
    struct batch_norm_size z = batch_norm_size(p, s->in[0]);
    struct launch *l = launch_new(list, "batch_norm_sums", kernel);
    launch_define(l, "-DROWS=%zu -DCHANNELS=%zu -DCHUNK=%zu -DCHUNKS=%zu", z.rows, z.channels,
                  z.chunk, z.chunks);
    launch_define(l, "-DEPSILON=%af -DMOMENTUM=%af -DUNBIASED=%af", (double)(float)attr->epsilon,
                  (double)(float)attr->momentum, (double)unbiased(z.rows));
    return l;
}

/* CPU devices: a work-item for 16 channels of a chunk; GPUs: a group for 64. */
static void size(struct launch *l, const struct caps *caps, size_t channels, size_t chunks) {
    if (caps->cpu_family)
        launch_size(l, 2, (size_t[]){divide_up(channels, BLOCK), chunks}, (size_t[]){1, 1});
    else
        launch_size(l, 2, (size_t[]){channels, chunks * ROW_LANES},
                    (size_t[]){GPU_COLUMNS, ROW_LANES});
}

static void statistics_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                              struct launch_list *list) {
    struct batch_norm_size z = batch_norm_size(p, s->in[0]);
    list->scratch = 2 * z.chunks * z.channels * sizeof(float);
    struct launch *l = start(p, s, "chunk_squares", list);
    launch_value(l, s->in[0]);
    launch_scratch(l);
    size(l, caps, z.channels, z.chunks);
    l = start(p, s, "merge_moments", list);
    launch_scratch(l);
    launch_value(l, s->out[0]);
    size(l, caps, z.channels, 1);
}

static void reduce_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                          struct launch_list *list) {
    struct batch_norm_size z = batch_norm_size(p, s->in[0]);
    list->scratch = 2 * z.chunks * z.channels * sizeof(float);
    struct launch *l = start(p, s, "chunk_products", list);
    for (int i = 0; i < 3; i++) launch_value(l, s->in[i]);
    launch_scratch(l);
    size(l, caps, z.channels, z.chunks);
    l = start(p, s, "merge_gradients", list);
    launch_scratch(l);
    launch_value(l, s->in[2]);
    launch_value(l, s->in[3]);
    for (int i = 0; i < 4; i++) launch_value(l, s->out[i]);
    size(l, caps, z.channels, 1);
}

const struct op op_batch_norm_statistics = {
    .name = "batch_norm_statistics", .cpu = statistics_cpu, .launch = statistics_launch};
const struct op op_batch_norm_reduce = {
    .name = "batch_norm_reduce", .cpu = reduce_cpu, .launch = reduce_launch};
