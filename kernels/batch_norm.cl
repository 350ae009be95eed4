/* Batch normalisation with known statistics, and its backward; the formulas are in host/ops/batch_norm.c.
 * x, y, dy, dx: [ROWS][FEATURES], channels last: element e of a row is of channel e % CHANNELS.
 * moments [3][CHANNELS]. BACKWARD: y is dx, first and second are dgamma and dbeta.
 * CPU devices: a work-item takes a share of the rows. GPUs: one work-item for 4 elements. */

/* LANES channels of p, those of the elements from e. */
static realv of_channels(global const float *p, uint e, uint count) {
#if CHANNELS == FEATURES
    return load_lanes(p + e, count);
#elif CHANNELS % LANES == 0
    return load_full(p + e % CHANNELS);
#else
    float lane[LANES];
    for (uint i = 0; i < LANES; i++) lane[i] = p[(e + i) % CHANNELS];
    return load_full(lane);
#endif
}

kernel void batch_norm(global const float *x, global const float *moments, global const float *gamma,
#if BACKWARD
                       global const float *dy, global const float *dgamma, global const float *dbeta,
#else
                       global const float *beta,
#endif
                       global float *y, STAGE_PARAMS) {
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
            realv rstd = of_channels(moments + CHANNELS, e, count);
            realv scale = rstd * of_channels(gamma, e, count);
            realv centred = load_lanes(x + index, count) - of_channels(moments, e, count);
#if BACKWARD
            realv constant_ = of_channels(dbeta, e, count) * (realv)PER_ROW;
            realv slope = of_channels(dgamma, e, count) * rstd * (realv)PER_ROW;
            realv v = scale * (load_lanes(dy + index, count) - fma(centred, slope, constant_));
#else
            realv v = fma(centred, scale, of_channels(beta, e, count));
#endif
            store_lanes(epilogue(v, n, e, index, count, STAGE_ARGS), y + index, count);
        }
#ifndef FAMILY_CPU
    }
#endif
}
