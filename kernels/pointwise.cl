/* y = stages(x), x and y [ROWS][FEATURES].
 * CPU devices: a work-item takes every get_global_size(0)-th row. GPUs: one work-item for 4 elements. */
kernel void pointwise(global const float *x, global float *y, STAGE_PARAMS) {
#ifdef FAMILY_CPU
    for (uint n = get_global_id(0); n < ROWS; n += get_global_size(0))
        for (uint e = 0; e < FEATURES; e += LANES) {
#else
    {
        uint n = get_global_id(1), e = get_global_id(0) * LANES;
        if (e < FEATURES) {
#endif
            size_t index = (size_t)n * FEATURES + e;
            uint count = min((uint)LANES, FEATURES - e);
            realv v = load_lanes(x + index, count);
            store_lanes(epilogue(v, n, e, index, count, STAGE_ARGS), y + index, count);
        }
#ifndef FAMILY_CPU
    }
#endif
}
