/* What the matrix products share. C = op(A) op(B) + bias, then the stages: C [SIZE_M][SIZE_N] row-major,
 * SIZE_K products an output.
 * TA: A is stored [K][M] instead of [M][K]; TB: B is stored [N][K] instead of [K][N].
 *
 * Order of summation (the same in every kernel and in host/ops/gemm.c): chunks of CHUNK products, each one
 * ascending chain of fma from 0, chunk sums added in order. COLUMNS: also the column sums of B, in the
 * same chunks. */
#if TA
#define A_AT(m, k) a[(size_t)(k) * SIZE_M + (m)]
#else
#define A_AT(m, k) a[(size_t)(m) * SIZE_K + (k)]
#endif
#if TB
#define B_AT(k, n) b[(size_t)(n) * SIZE_K + (k)]
#else
#define B_AT(k, n) b[(size_t)(k) * SIZE_N + (n)]
#endif

#define GEMM_PARAMS                                                                                \
    global const float *restrict a, global const float *restrict b, global float *restrict c       \
        BIAS_PARAM COLUMNS_PARAM
#if BIAS
#define BIAS_PARAM , global const float *restrict bias
#else
#define BIAS_PARAM
#endif
#if COLUMNS
#define COLUMNS_PARAM , global float *restrict columns
#else
#define COLUMNS_PARAM
#endif

/* The finished sum of row m, columns n.. : bias, stages, store. */
#if BIAS
#define WITH_BIAS(v, n, count) ((v) + load_lanes(bias + (n), count))
#else
#define WITH_BIAS(v, n, count) (v)
#endif
#define FINISH(v, m, n, count)                                                                     \
    store_lanes(epilogue(WITH_BIAS(v, n, count), m, n, (size_t)(m) * SIZE_N + (n), count, STAGE_ARGS), \
                c + (size_t)(m) * SIZE_N + (n), count)

/* Row k of op(B), LANES columns from n; lanes past `count` are anything. */
static realv panel_row(global const float *b, uint k, uint n, uint count) {
#if TB
    float lane[LANES];
    for (uint j = 0; j < LANES; j++) lane[j] = B_AT(k, n + min(j, count - 1));
    return load_full(lane);
#else
    return load_lanes(&B_AT(k, n), count);
#endif
}
