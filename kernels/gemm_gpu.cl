/* C = op(A) op(B) + bias, then the stages, on GPUs: a group computes a TILE x TILE tile of C, each
 * work-item ITEM x ITEM elements of it, over slices of 16 products in local memory (8 KiB at TILE 64).
 * Parameters and the order of summation are those of gemm.h.
 *
 * SPLIT: the third axis of the grid numbers the chunks of the sum; every chunk goes to its own plane of
 * `partial` [chunks][SIZE_M][SIZE_N] (column sums behind them, [chunks][SIZE_N]), and gemm_sum adds the
 * planes in order. That gives small outputs with long sums enough groups to fill a GPU. */
#define SLICE   16
#define SIDE    (TILE / ITEM)    /* work-items along one side of the tile */
#define GROUP   (SIDE * SIDE)
#define QUADS   (ITEM / 4)       /* an item has QUADS x QUADS blocks of 4 x 4, STRIDE apart */
#define STRIDE  (TILE / QUADS)
#define VECTORS (SLICE * TILE / 4)

/* Four neighbours of A or B along the axis that is contiguous in memory; 0 outside. */
static float4 load_quad(global const float *x, uint row, uint column, uint rows, uint columns) {
    if (row >= rows || column >= columns) return (float4)(0.0f);
    global const float *at = x + (size_t)row * columns + column;
    if (columns % 4 == 0 || column + 4 <= columns) return vload4(0, at);
    return (float4)(at[0], column + 1 < columns ? at[1] : 0.0f, column + 2 < columns ? at[2] : 0.0f, 0.0f);
}

/* A slice of one operand into local memory as [k][TILE]. `along_k`: memory is contiguous in k. */
static void load_slice(global const float *x, local float *tile, int along_k, uint first, uint size,
                       uint k0, uint k_end, uint id) {
    for (uint i = id; i < VECTORS; i += GROUP) {
        if (along_k) {
            uint k = i % (SLICE / 4) * 4, m = i / (SLICE / 4);
            float4 v = load_quad(x, first + m, k0 + k, size, SIZE_K);
            tile[(k + 0) * TILE + m] = v.x;
            tile[(k + 1) * TILE + m] = v.y;
            tile[(k + 2) * TILE + m] = v.z;
            tile[(k + 3) * TILE + m] = v.w;
        } else {
            uint m = i % (TILE / 4) * 4, k = i / (TILE / 4);
            vstore4(load_quad(x, k0 + k, first + m, k_end, size), 0, tile + k * TILE + m);
        }
    }
}

/* Adds a finished chunk to the total and starts the next. */
static void end_chunk(float4 *total, float4 *sum, int first) {
    for (uint i = 0; i < ITEM * QUADS; i++) {
        total[i] = first ? sum[i] : total[i] + sum[i];
        sum[i] = 0.0f;
    }
}

#if SPLIT
#define SPLIT_PARAM , global float *restrict partial
#else
#define SPLIT_PARAM
#endif

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
gemm(GEMM_PARAMS SPLIT_PARAM, STAGE_PARAMS) {
    local float a_tile[SLICE * TILE], b_tile[SLICE * TILE];
    uint id = get_local_id(0), column = id % SIDE * 4, row = id / SIDE * 4;
    uint n0 = get_group_id(0) * TILE, m0 = get_group_id(1) * TILE;
    uint k_first = SPLIT ? get_group_id(2) * CHUNK : 0;
    uint k_end = SPLIT ? min((uint)SIZE_K, k_first + (uint)CHUNK) : SIZE_K;
    float4 total[ITEM][QUADS], sum[ITEM][QUADS];
    for (uint i = 0; i < ITEM; i++)
        for (uint q = 0; q < QUADS; q++) total[i][q] = sum[i][q] = 0.0f;
#if COLUMNS
    float column_total = 0.0f, column_sum = 0.0f;
#endif
    for (uint k0 = k_first; k0 < k_end; k0 += SLICE) {
        uint depth = min((uint)SLICE, k_end - k0);
        load_slice(a, a_tile, !TA, m0, SIZE_M, k0, k_end, id);
        load_slice(b, b_tile, TB, n0, SIZE_N, k0, k_end, id);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint k = 0; k < depth; k++) {
            float4 v[QUADS];
            for (uint q = 0; q < QUADS; q++) v[q] = vload4(0, b_tile + k * TILE + column + q * STRIDE);
            for (uint i = 0; i < ITEM; i++) {
                float x = a_tile[k * TILE + row + i / 4 * STRIDE + i % 4];
                for (uint q = 0; q < QUADS; q++) sum[i][q] = fma((float4)x, v[q], sum[i][q]);
            }
#if COLUMNS
            if (id < TILE) column_sum += b_tile[k * TILE + id];
#endif
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        int first = SPLIT || k0 < CHUNK, ends = (k0 + SLICE) % CHUNK == 0 || k0 + SLICE >= k_end;
        if (ends) {
            end_chunk(total[0], sum[0], first);
#if COLUMNS
            column_total = first ? column_sum : column_total + column_sum;
            column_sum = 0.0f;
#endif
        }
    }
    for (uint i = 0; i < ITEM; i++)
        for (uint q = 0; q < QUADS; q++) {
            uint m = m0 + row + i / 4 * STRIDE + i % 4, n = n0 + column + q * STRIDE;
            if (m >= SIZE_M || n >= SIZE_N) continue;
#if SPLIT
            size_t plane = (size_t)get_group_id(2) * SIZE_M + m;
            store_lanes(total[i][q], partial + plane * SIZE_N + n, min(4u, SIZE_N - n));
#else
            FINISH(total[i][q], m, n, min(4u, SIZE_N - n));
#endif
        }
#if COLUMNS
    if (m0 == 0 && id < TILE && n0 + id < SIZE_N) {
#if SPLIT
        size_t sums = (size_t)CHUNKS * SIZE_M + get_group_id(2);
        partial[sums * SIZE_N + n0 + id] = column_total;
#else
        columns[n0 + id] = column_total;
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
