/* y = stages(x), x and y [ROWS][FEATURES].
 * CPU devices: a work-item takes a share of the rows. GPUs: one work-item for 4 elements. */
kernel void pointwise(global const float *x, global float *y, STAGE_PARAMS) {
#ifdef FAMILY_CPU
    FOR_SHARE(n, ROWS)
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
