/* The shape of a matrix product and its order of summation, for every operation that is one. */
#ifndef DROPCL_OPS_GEMM_H
#define DROPCL_OPS_GEMM_H

#include "plan/op.h"

/* C [m][n] = op(A) op(B), row-major; the k products of an output are summed in ascending k. */
struct gemm {
    int m, n, k;
    bool a_transposed; /* A is stored [k][m] instead of [m][k] */
    bool b_transposed; /* B is stored [n][k] instead of [k][n] */
};

/* The order of summation, part of the arithmetic contract: the k products are cut into chunks of
 * GEMM_CHUNK, each chunk is one ascending chain of fma from 0, the chunk sums are added in order.
 * Large outputs offer enough parallel work without it and are a single chain: chunks = 1. */
enum { GEMM_CHUNK = 256, GEMM_CHUNKED_OUTPUTS = 1 << 18 };
int gemm_chunks(const struct gemm *);
int gemm_chunk_length(const struct gemm *); /* of all but the last chunk */

/* The C reference; bias (may be NULL) is added last. */
void gemm_cpu(const struct gemm *, const real *a, const real *b, const real *bias, real *c);
/* One element of it. */
real gemm_cpu_at(const struct gemm *, const real *a, const real *b, const real *bias, size_t i,
                 size_t j);
/* sums[n] = sum over k of B[k][n] (B not transposed), in the same chunks. */
void gemm_cpu_columns(const struct gemm *, const real *b, real *sums);

/* The launches of the way that was tuned for this device, or of its default, with the step's
 * stages. Values: a, b, bias (-1: none), c; columns: the output of the column sums of B (-1: none).
 * Under `gemm: any` a plain product becomes a library call. */
struct gemm_values {
    int a, b, bias, c, columns;
};
void gemm_launch(const struct plan *, const struct step *, const struct caps *, const struct gemm *,
                 const struct gemm_values *, struct launch_list *);
/* The ways of such a step, for op.ways. */
int gemm_step_ways(const struct step *, const struct caps *, const struct gemm *,
                   const struct gemm_values *, struct step_ways *out);
void gemm_cost(const struct gemm *, struct cost *);

#endif
