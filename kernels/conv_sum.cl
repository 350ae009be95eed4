/* Adds the chunk sums of dW and db in order; a work-item adds LANES columns of a row. */
kernel void conv_sum(global const float *restrict partial, global float *restrict dw
#if DB
                     , global float *restrict db
#endif
) {
    uint f = get_global_id(0) * LANES, row = get_global_id(1);
    if (f >= OUT_C || row >= WEIGHT_ROWS + DB) return;
    uint count = min((uint)LANES, OUT_C - f);
    realv total = load_lanes(DW_ROW(0, row) + f, count);
    for (uint chunk = 1; chunk < CHUNKS; chunk++) total += load_lanes(DW_ROW(chunk, row) + f, count);
#if DB
    store_lanes(total, (row < WEIGHT_ROWS ? dw + (size_t)row * OUT_C : db) + f, count);
#else
    store_lanes(total, dw + (size_t)row * OUT_C + f, count);
#endif
}
