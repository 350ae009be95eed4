/* C = op(A) op(B) + bias, then the stages, as plainly as can be: a work-item computes LANES columns of a
 * row. What every other way must agree with before it may be used, and good enough for tiny products. */
kernel void gemm(GEMM_PARAMS, STAGE_PARAMS) {
    uint n = get_global_id(0) * LANES, m = get_global_id(1);
    if (n >= SIZE_N || m >= SIZE_M) return;
    uint count = min((uint)LANES, SIZE_N - n);
    realv total = 0.0f;
#if COLUMNS
    realv column_total = 0.0f;
#endif
    for (uint first = 0; first < SIZE_K; first += CHUNK) {
        realv sum = 0.0f;
#if COLUMNS
        realv column_sum = 0.0f;
#endif
        for (uint k = first; k < min((uint)SIZE_K, first + (uint)CHUNK); k++) {
            realv v = panel_row(b, k, n, count);
            sum = fma((realv)A_AT(m, k), v, sum);
#if COLUMNS
            column_sum += v;
#endif
        }
        total = first ? total + sum : sum;
#if COLUMNS
        column_total = first ? column_total + column_sum : column_sum;
#endif
    }
    FINISH(total, m, n, count);
#if COLUMNS
    if (m == 0) store_lanes(column_total, columns + n, count);
#endif
}
