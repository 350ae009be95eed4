/* Matrix products: order of summation, C reference, launches. */
#include "ops/gemm.h"
#include "ops/clones.h"
#include "ops/internal.h"
#include <string.h>

int gemm_chunks(const struct gemm *g) {
    if ((int64_t)g->m * g->n > GEMM_CHUNKED_OUTPUTS) return 1;
    return (g->k + GEMM_CHUNK - 1) / GEMM_CHUNK;
}

int gemm_chunk_length(const struct gemm *g) {
    return gemm_chunks(g) == 1 ? g->k : GEMM_CHUNK;
}

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

/* How A and B are walked. */
struct walk {
    size_t a_row, a_step, b_row, b_column;
};

static struct walk walk_of(const struct gemm *g) {
    size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k;
    return (struct walk){.a_row = g->a_transposed ? 1 : k,
                         .a_step = g->a_transposed ? m : 1,
                         .b_row = g->b_transposed ? 1 : n,
                         .b_column = g->b_transposed ? k : 1};
}

/* `columns` neighbours of row i from column j, without bias. */
static void row_part(const struct gemm *g, const real *a, const real *b, size_t i, size_t j,
                     int columns, real total[TILE]) {
    struct walk w = walk_of(g);
    int chunk = gemm_chunk_length(g);
    real sum[TILE];
    for (int first = 0; first < g->k; first += chunk) {
        int last = first + chunk < g->k ? first + chunk : g->k;
        chain(sum, a + i * w.a_row, w.a_step, b + j * w.b_column, w.b_row, w.b_column, first, last,
              columns);
        for (int t = 0; t < columns; t++) total[t] = first ? total[t] + sum[t] : sum[t];
    }
}

void gemm_cpu(const struct gemm *g, const real *a, const real *b, const real *bias, real *c) {
    size_t n = (size_t)g->n;
    for (size_t i = 0; i < (size_t)g->m; i++)
        for (size_t j = 0; j < n; j += TILE) {
            int columns = n - j < TILE ? (int)(n - j) : TILE;
            real total[TILE];
            row_part(g, a, b, i, j, columns, total);
            for (size_t t = 0; t < (size_t)columns; t++)
                c[i * n + j + t] = bias ? total[t] + bias[j + t] : total[t];
        }
}

real gemm_cpu_at(const struct gemm *g, const real *a, const real *b, const real *bias, size_t i,
                 size_t j) {
    real total[TILE];
    row_part(g, a, b, i, j, 1, total);
    return bias ? total[0] + bias[j] : total[0];
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

void gemm_cost(const struct gemm *g, struct cost *c) {
    c->flops = 2.0 * g->m * g->n * g->k;
    c->chunks = gemm_chunks(g);
}
