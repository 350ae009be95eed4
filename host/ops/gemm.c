/* Matrix products: order of summation, C reference, launches. */
#include "ops/gemm.h"
#include "ops/internal.h"
#include <string.h>

int gemm_chunks(const struct gemm *g) {
    if ((int64_t)g->m * g->n > GEMM_CHUNKED_OUTPUTS) return 1;
    return (g->k + GEMM_CHUNK - 1) / GEMM_CHUNK;
}

int gemm_chunk_length(const struct gemm *g) {
    return gemm_chunks(g) == 1 ? g->k : GEMM_CHUNK;
}

/* The loops below are worth compiling for machines with fma instructions; elsewhere, and under the
 * sanitizers (which start before resolvers may run), fma is the C library's. The bits are the same.
 */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(DROPCL_SANITIZED)
#define FMA_CLONES __attribute__((target_clones("arch=haswell", "default")))
#else
#define FMA_CLONES
#endif

enum { TILE = 32 };

/* sum[j] = chain over k in [first, last) of a[k] B[k][j], for up to TILE columns. The k loop is
 * outside, so that the columns fill vector lanes; each column's own order is still ascending k. */
FMA_CLONES static void chain(real *restrict sum, const real *a, size_t a_step, const real *b,
                             size_t b_row, size_t b_column, int first, int last, int columns) {
    real lane[TILE] = {0};
    for (int k = first; k < last; k++) {
        real x = a[(size_t)k * a_step];
        const real *row = b + (size_t)k * b_row;
        if (columns == TILE && b_column == 1)
            for (int j = 0; j < TILE; j++) lane[j] = REAL_FMA(x, row[j], lane[j]);
        else
            for (int j = 0; j < columns; j++)
                lane[j] = REAL_FMA(x, row[(size_t)j * b_column], lane[j]);
    }
    memcpy(sum, lane, (size_t)columns * sizeof *sum);
}

void gemm_cpu(const struct gemm *g, const real *a, const real *b, const real *bias, real *c) {
    size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k;
    size_t a_step = g->a_transposed ? m : 1, a_row = g->a_transposed ? 1 : k;
    size_t b_row = g->b_transposed ? 1 : n, b_column = g->b_transposed ? k : 1;
    int chunk = gemm_chunk_length(g);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += TILE) {
            int columns = n - j < TILE ? (int)(n - j) : TILE;
            real total[TILE] = {0}, sum[TILE];
            for (int first = 0; first < g->k; first += chunk) {
                int last = first + chunk < g->k ? first + chunk : g->k;
                chain(sum, a + i * a_row, a_step, b + j * b_column, b_row, b_column, first, last,
                      columns);
                for (int t = 0; t < columns; t++) total[t] = first ? total[t] + sum[t] : sum[t];
            }
            for (int t = 0; t < columns; t++)
                c[i * n + j + (size_t)t] = bias ? total[t] + bias[j + (size_t)t] : total[t];
        }
}

void gemm_cpu_columns(const struct gemm *g, const real *b, real *sums) {
    int chunk = gemm_chunk_length(g);
    for (int j = 0; j < g->n; j++) {
        real total = 0;
        for (int first = 0; first < g->k; first += chunk) {
            real sum = 0;
            for (int k = first; k < first + chunk && k < g->k; k++)
                sum += b[(size_t)k * (size_t)g->n + (size_t)j];
            total = first ? total + sum : sum;
        }
        sums[j] = total;
    }
}

/* Register tile of the CPU-device kernel: 6 x 16 is 12 accumulators of 8 lanes, what 16 registers
 * hold beside a row of B and an element of A. */
enum { CPU_ROWS = 6, CPU_COLUMNS = 16, GPU_TILE = 64 };

static void own_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                       const struct gemm *g, const struct gemm_values *v,
                       struct launch_list *list) {
    struct launch *l = launch_new(list, "gemm", "gemm");
    launch_define(l, "-DSIZE_M=%d -DSIZE_N=%d -DSIZE_K=%d -DCHUNK=%d", g->m, g->n, g->k,
                  gemm_chunk_length(g));
    launch_define(l, "-DTA=%d -DTB=%d -DBIAS=%d -DCOLUMNS=%d", g->a_transposed, g->b_transposed,
                  v->bias >= 0, v->columns >= 0);
    launch_value(l, v->a);
    launch_value(l, v->b);
    launch_value(l, v->c);
    if (v->bias >= 0) launch_value(l, v->bias);
    if (v->columns >= 0) launch_value(l, v->columns);
    size_t panels = divide_up((size_t)g->n, caps->cpu_family ? CPU_COLUMNS : GPU_TILE);
    if (caps->cpu_family) {
        /* Few panels: cut the rows as well, so that there is work for every thread. */
        size_t cuts = panels >= 16 ? 1 : divide_up(16, panels);
        size_t rows = divide_up(divide_up((size_t)g->m, cuts), CPU_ROWS) * CPU_ROWS;
        launch_define(l, "-DROWS=%d -DBLOCK=%zu", CPU_ROWS, rows);
        stages_launch(p, s, l);
        launch_size(l, 2, (size_t[]){panels, divide_up((size_t)g->m, rows)}, (size_t[]){1, 1});
    } else {
        stages_launch(p, s, l);
        size_t items = 256, blocks = divide_up((size_t)g->m, GPU_TILE);
        launch_size(l, 2, (size_t[]){panels * items, blocks}, (size_t[]){items, 1});
    }
}

/* The library's product, then bias and stages by a pointwise launch in place, then the column sums.
 */
static void library_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           const struct gemm *g, const struct gemm_values *v,
                           struct launch_list *list) {
    struct launch *l = launch_new(list, "gemm", "library");
    l->kind = LAUNCH_GEMM;
    l->gemm =
        (struct launch_gemm){g->a_transposed, g->b_transposed, g->m, g->n, g->k, v->a, v->b, v->c};
    if (s->nstages || v->bias >= 0) {
        l = launch_new(list, "finish", "finish");
        launch_define(l, "-DROWS=%d -DFEATURES=%d -DBIAS=%d", g->m, g->n, v->bias >= 0);
        launch_value(l, v->c);
        if (v->bias >= 0) launch_value(l, v->bias);
        stages_launch(p, s, l);
        launch_size(l, 2, (size_t[]){divide_up((size_t)g->n, lanes(caps)), (size_t)g->m},
                    (size_t[]){1, 1});
    }
    if (v->columns >= 0) {
        l = launch_new(list, "columns", "columns");
        launch_define(l, "-DSIZE_N=%d -DSIZE_K=%d -DCHUNK=%d", g->n, g->k, gemm_chunk_length(g));
        launch_value(l, v->b);
        launch_value(l, v->columns);
        launch_size(l, 1, (size_t[]){(size_t)g->n}, (size_t[]){1});
    }
}

void gemm_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                 const struct gemm *g, const struct gemm_values *v, struct launch_list *list) {
    (caps->gemm_any ? library_launch : own_launch)(p, s, caps, g, v, list);
}

void gemm_cost(const struct gemm *g, struct cost *c) {
    c->flops = 2.0 * g->m * g->n * g->k;
    c->chunks = gemm_chunks(g);
}
