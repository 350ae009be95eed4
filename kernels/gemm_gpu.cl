/* C = op(A) op(B) + bias, then the stages, on GPUs, in tiles (tile_gpu.cl). Parameters and the order of
 * summation are those of gemm.h.
 *
 * SPLIT: the third axis of the grid numbers the chunks of the sum; every chunk goes to its own plane of
 * `partial` [chunks][SIZE_M][SIZE_N] (column sums behind them, [chunks][SIZE_N]), and gemm_sum adds the
 * planes in order. That gives small outputs with long sums enough groups to fill a GPU. */
/* Whether an operand is contiguous along the sum. */
#define A_ALONG (!TA)
#define B_ALONG TB
#define SEVERAL (CHUNKS > 1 && !SPLIT) /* chunks of one group */

/* This work-item's part of a slice of both operands. */
static void fetch(global const float *a, global const float *b, uint m0, uint n0, uint k0, uint k_end,
                  float4 *a_next, float4 *b_next) {
#pragma unroll
    for (uint j = 0; j < LOADS_M; j++) {
        struct spot s = spot_of(j, A_ALONG, TILE_M);
        a_next[j] = A_ALONG ? load_quad(a, m0 + s.at, k0 + s.k, SIZE_M, SIZE_K, FILL_A)
                            : load_quad(a, k0 + s.k, m0 + s.at, k_end, SIZE_M, FILL_A);
    }
#pragma unroll
    for (uint j = 0; j < LOADS_N; j++) {
        struct spot s = spot_of(j, B_ALONG, TILE_N);
        b_next[j] = B_ALONG ? load_quad(b, n0 + s.at, k0 + s.k, SIZE_N, SIZE_K, FILL_B)
                            : load_quad(b, k0 + s.k, n0 + s.at, k_end, SIZE_N, FILL_B);
    }
}

/* Adds a finished chunk to the total and starts the next. */
static void end_chunk(float4 *total, float4 *sum, float *column_total, float *column, int first) {
#pragma unroll
    for (uint i = 0; i < SUMS; i++) {
        total[i] = first ? sum[i] : total[i] + sum[i];
        sum[i] = 0.0f;
    }
    *column_total = first ? *column : *column_total + *column;
    *column = 0.0f;
}

#if SPLIT
#define SPLIT_PARAM , global float *restrict partial
#else
#define SPLIT_PARAM
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
gemm(GEMM_PARAMS SPLIT_PARAM, STAGE_PARAMS) {
    local float4 a_slice[SLICE * PITCH_M], b_slice[SLICE * PITCH_N];
    uint id = get_local_id(0), n0 = get_group_id(0) * TILE_N, m0 = get_group_id(1) * TILE_M;
    uint k_first = SPLIT ? get_group_id(2) * CHUNK : 0;
    uint k_end = SPLIT ? min((uint)SIZE_K, k_first + (uint)CHUNK) : SIZE_K;
    float4 sum[SUMS], a_next[LOADS_M], b_next[LOADS_N];
#pragma unroll
    for (uint i = 0; i < SUMS; i++) sum[i] = 0.0f;
    float column = 0.0f;
#if SEVERAL
    float4 total[SUMS];
    float column_total = 0.0f;
#endif
    fetch(a, b, m0, n0, k_first, k_end, a_next, b_next);
    for (uint k0 = k_first; k0 < k_end; k0 += SLICE) {
        put_slices(a_slice, A_ALONG, a_next, b_slice, B_ALONG, b_next);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (k0 + SLICE < k_end) fetch(a, b, m0, n0, k0 + SLICE, k_end, a_next, b_next);
        multiply(a_slice, b_slice, sum);
        if (COLUMNS && m0 == 0 && id < TILE_N) column = add_column(b_slice, id, column);
        barrier(CLK_LOCAL_MEM_FENCE);
#if SEVERAL
        if ((k0 + SLICE) % CHUNK == 0 || k0 + SLICE >= k_end)
            end_chunk(total, sum, &column_total, &column, k0 < CHUNK);
#endif
    }
#if SEVERAL
#pragma unroll
    for (uint i = 0; i < SUMS; i++) sum[i] = total[i];
    column = column_total;
#endif
#pragma unroll
    for (uint i = 0; i < ITEM_M; i++)
#pragma unroll
        for (uint q = 0; q < QUADS_N; q++) {
            uint m = m0 + ITEM_ROW(i), n = n0 + ITEM_COLUMN(q);
            if (m >= SIZE_M || n >= SIZE_N) continue;
#if SPLIT
            size_t plane = (size_t)get_group_id(2) * SIZE_M + m;
            store_lanes(sum[i * QUADS_N + q], partial + plane * SIZE_N + n, min(4u, SIZE_N - n));
#else
            FINISH(sum[i * QUADS_N + q], m, n, min(4u, SIZE_N - n));
#endif
        }
#if COLUMNS
    if (m0 == 0 && id < TILE_N && n0 + id < SIZE_N) {
#if SPLIT
        size_t sums = (size_t)CHUNKS * SIZE_M + get_group_id(2);
        partial[sums * SIZE_N + n0 + id] = column;
#else
        columns[n0 + id] = column;
#endif
    }
#endif
}

#if SPLIT
/* Adds the chunks' planes in order; one work-item for 4 columns of a row, row SIZE_M being the column sums. */
kernel void gemm_sum(GEMM_PARAMS SPLIT_PARAM, STAGE_PARAMS) {
    uint n = get_global_id(0) * 4, m = get_global_id(1);
    if (n >= SIZE_N || m >= SIZE_M + COLUMNS) return;
    uint count = min(4u, SIZE_N - n);
    size_t plane = m < SIZE_M ? SIZE_M : 1, start = m < SIZE_M ? m : (size_t)CHUNKS * SIZE_M;
    float4 total = load_lanes(partial + start * SIZE_N + n, count);
    for (uint chunk = 1; chunk < CHUNKS; chunk++)
        total += load_lanes(partial + (start + chunk * plane) * SIZE_N + n, count);
#if COLUMNS
    if (m == SIZE_M) {
        store_lanes(total, columns + n, count);
        return;
    }
#endif
    FINISH(total, m, n, count);
}
#endif
