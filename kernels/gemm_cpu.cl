/* C = op(A) op(B) + bias, then the stages, on CPU devices: a work-item owns a panel of 16 columns and BLOCK rows. It copies its panel of B into
 * private memory, DEPTH products at a time, and sweeps its rows in register tiles of ROWS x 16; sums that
 * are not finished wait in C. */
#define MAX_DEPTH 256
#if SIZE_K < MAX_DEPTH
#define DEPTH SIZE_K
#else
#define DEPTH MAX_DEPTH
#endif
#define CHAINED (CHUNK > MAX_DEPTH) /* one chain over several panels */

#if TB
/* rows[i] and rows[i + 8] interleaved, four times over: 16 rows become 16 columns. */
static void transpose16(float16 *rows) {
    const uint16 low = (uint16)(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#pragma unroll
    for (uint pass = 0; pass < 4; pass++) {
        float16 next[16];
#pragma unroll
        for (uint i = 0; i < 8; i++) {
            next[2 * i] = shuffle2(rows[i], rows[i + 8], low);
            next[2 * i + 1] = shuffle2(rows[i], rows[i + 8], low + 8);
        }
#pragma unroll
        for (uint i = 0; i < 16; i++) rows[i] = next[i];
    }
}
#endif

/* panel[k] = row k0 + k of op(B), 16 columns from n; columns past `count` are anything. */
static void pack(global const float *b, uint k0, uint depth, uint n, uint count, float16 *panel) {
    uint k = 0;
#if TB
    for (; k + 16 <= depth; k += 16) {
        float16 rows[16];
#pragma unroll
        for (uint j = 0; j < 16; j++) rows[j] = vload16(0, &B_AT(k0 + k, n + min(j, count - 1)));
        transpose16(rows);
#pragma unroll
        for (uint j = 0; j < 16; j++) panel[k + j] = rows[j];
    }
#endif
    for (; k < depth; k++) panel[k] = panel_row(b, k0 + k, n, count);
}

kernel void gemm(GEMM_PARAMS, STAGE_PARAMS) {
    uint n = get_group_id(0) * 16, count = min(16u, SIZE_N - n);
    uint m_first = get_group_id(1) * BLOCK, m_last = min((uint)SIZE_M, m_first + BLOCK);
    float16 panel[DEPTH];
#if COLUMNS
    float16 column_total = 0.0f, column_sum = 0.0f;
#endif
    for (uint k0 = 0; k0 < SIZE_K; k0 += DEPTH) {
        uint depth = min((uint)DEPTH, SIZE_K - k0);
        pack(b, k0, depth, n, count, panel);
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
