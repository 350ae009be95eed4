/* C = op(A) op(B) + bias, then the stages: C [SIZE_M][SIZE_N] row-major, SIZE_K products an output.
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
        BIAS_PARAM COLUMNS_PARAM, STAGE_PARAMS
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

#ifdef FAMILY_CPU
/* CPU devices: a work-item owns a panel of 16 columns and BLOCK rows. It copies its panel of B into
 * private memory, DEPTH products at a time, and sweeps its rows in register tiles of ROWS x 16; sums that
 * are not finished wait in C. */
#define MAX_DEPTH 256
#if SIZE_K < MAX_DEPTH
#define DEPTH SIZE_K
#else
#define DEPTH MAX_DEPTH
#endif
#define CHAINED (CHUNK > MAX_DEPTH) /* one chain over several panels */

static float16 panel_row(global const float *restrict b, uint k, uint n, uint count) {
#if TB
    float lane[16];
    for (uint j = 0; j < 16; j++) lane[j] = B_AT(k, n + min(j, count - 1));
    return vload16(0, lane);
#else
    return load_lanes(&B_AT(k, n), count);
#endif
}

kernel void gemm(GEMM_PARAMS) {
    uint n = get_group_id(0) * 16, count = min(16u, SIZE_N - n);
    uint m_first = get_group_id(1) * BLOCK, m_last = min((uint)SIZE_M, m_first + BLOCK);
    float16 panel[DEPTH];
#if COLUMNS
    float16 column_total = 0.0f, column_sum = 0.0f;
#endif
    for (uint k0 = 0; k0 < SIZE_K; k0 += DEPTH) {
        uint depth = min((uint)DEPTH, SIZE_K - k0);
        for (uint k = 0; k < depth; k++) panel[k] = panel_row(b, k0 + k, n, count);
#if COLUMNS
        if (m_first == 0) {
            if (!CHAINED) column_sum = 0.0f;
            for (uint k = 0; k < depth; k++) column_sum += panel[k];
            column_total = CHAINED || k0 == 0 ? column_sum : column_total + column_sum;
        }
#endif
        for (uint m = m_first; m < m_last; m += ROWS) {
            uint row[ROWS]; /* rows past the end repeat the last one and are not stored */
            float16 sum[ROWS];
#pragma unroll
            for (uint i = 0; i < ROWS; i++) {
                row[i] = min(m + i, m_last - 1);
                sum[i] = CHAINED && k0 ? load_lanes(c + (size_t)row[i] * SIZE_N + n, count) : 0.0f;
            }
            for (uint k = 0; k < depth; k++) {
                float16 v = panel[k];
#pragma unroll
                for (uint i = 0; i < ROWS; i++) sum[i] = fma((float16)A_AT(row[i], k0 + k), v, sum[i]);
            }
#pragma unroll
            for (uint i = 0; i < ROWS; i++) {
                global float *at = c + (size_t)row[i] * SIZE_N + n;
                uint columns_left = m + i < m_last ? count : 0;
                if (!CHAINED && k0) sum[i] = load_lanes(at, count) + sum[i];
                if (k0 + DEPTH >= SIZE_K)
                    FINISH(sum[i], row[i], n, columns_left);
                else
                    store_lanes(sum[i], at, columns_left);
            }
        }
    }
#if COLUMNS
    if (m_first == 0) store_lanes(column_total, columns + n, count);
#endif
}

#else
/* GPUs: a group of 256 work-items computes a 64 x 64 tile, 4 x 4 each, over slices of 16 products in 8 KiB
 * of local memory. */
#define TILE  64
#define SLICE 16

kernel __attribute__((reqd_work_group_size(256, 1, 1))) void gemm(GEMM_PARAMS) {
    local float a_tile[SLICE][TILE], b_tile[SLICE][TILE];
    uint id = get_local_id(0), column = id % 16 * 4, row = id / 16 * 4;
    uint n0 = get_group_id(0) * TILE, m0 = get_group_id(1) * TILE;
    float4 total[4], sum[4];
    for (uint i = 0; i < 4; i++) total[i] = sum[i] = 0.0f;
#if COLUMNS
    float column_total = 0.0f, column_sum = 0.0f;
#endif
    for (uint k0 = 0; k0 < SIZE_K; k0 += SLICE) {
        uint depth = min((uint)SLICE, SIZE_K - k0);
        for (uint i = id; i < SLICE * TILE; i += 256) {
            uint k = TA ? i / TILE : i % SLICE, m = TA ? i % TILE : i / SLICE;
            a_tile[k][m] = k < depth && m0 + m < SIZE_M ? A_AT(m0 + m, k0 + k) : 0.0f;
            k = TB ? i % SLICE : i / TILE;
            uint n = TB ? i / SLICE : i % TILE;
            b_tile[k][n] = k < depth && n0 + n < SIZE_N ? B_AT(k0 + k, n0 + n) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint k = 0; k < depth; k++) {
            float4 v = vload4(0, &b_tile[k][column]);
            for (uint i = 0; i < 4; i++) sum[i] = fma((float4)a_tile[k][row + i], v, sum[i]);
#if COLUMNS
            if (id < TILE) column_sum += b_tile[k][id];
#endif
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if ((k0 + SLICE) % CHUNK == 0 || k0 + SLICE >= SIZE_K) { /* a chunk ends here */
            int first = k0 < CHUNK;
            for (uint i = 0; i < 4; i++) {
                total[i] = first ? sum[i] : total[i] + sum[i];
                sum[i] = 0.0f;
            }
#if COLUMNS
            column_total = first ? column_sum : column_total + column_sum;
            column_sum = 0.0f;
#endif
        }
    }
    for (uint i = 0; i < 4; i++) {
        uint m = m0 + row + i, n = n0 + column;
        if (m < SIZE_M && n < SIZE_N) {
            uint count = min(4u, SIZE_N - n);
            FINISH(total[i], m, n, count);
        }
    }
#if COLUMNS
    if (m0 == 0 && id < TILE && n0 + id < SIZE_N) columns[n0 + id] = column_total;
#endif
}
#endif
