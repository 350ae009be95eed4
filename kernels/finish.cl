/* Behind a library's matrix product, in place: y = stages(y + bias), y [ROWS][FEATURES]. One work-item for
 * LANES elements. */
kernel void finish(global float *y,
#if BIAS
                   global const float *bias,
#endif
                   STAGE_PARAMS) {
    uint n = get_global_id(1), e = get_global_id(0) * LANES;
    if (n >= ROWS || e >= FEATURES) return;
    size_t index = (size_t)n * FEATURES + e;
    uint count = min((uint)LANES, FEATURES - e);
    realv v = load_lanes(y + index, count);
#if BIAS
    v += load_lanes(bias + e, count);
#endif
    store_lanes(epilogue(v, n, e, index, count, STAGE_ARGS), y + index, count);
}
