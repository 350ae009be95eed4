/* Batch normalisation of evaluation plans, on parameters alone. A work-item takes LANES channels, of the
 * weights those of BLOCK rows. */

#ifndef FOLD
/* moments [3][CHANNELS] from the running statistics: mean, 1 / standard deviation, variance. */
kernel void freeze(global const float *running_mean, global const float *running_variance,
                   global float *moments) {
    uint c = get_global_id(0) * LANES;
    uint count = min((uint)LANES, CHANNELS - min(c, (uint)CHANNELS));
    realv variance = load_lanes(running_variance + c, count);
    store_lanes(load_lanes(running_mean + c, count), moments + c, count);
    store_lanes((realv)1.0f / sqrt(variance + (realv)EPSILON), moments + CHANNELS + c, count);
    store_lanes(variance, moments + 2 * CHANNELS + c, count);
}
#else
/* Weights [ROWS][CHANNELS] and bias of y = gamma (x W + bias - mean) rstd + beta as one product. */
kernel void fold(global const float *weights, global const float *moments, global const float *gamma,
                 global const float *beta,
#if BIAS
                 global const float *bias,
#endif
                 global float *folded, global float *offset) {
    uint c = get_global_id(0) * LANES, first = get_global_id(1) * BLOCK;
    if (c >= CHANNELS) return;
    uint count = min((uint)LANES, CHANNELS - c);
    realv scale = load_lanes(moments + CHANNELS + c, count) * load_lanes(gamma + c, count);
    for (uint r = first; r < min((uint)ROWS, first + (uint)BLOCK); r++) {
        size_t at = (size_t)r * CHANNELS + c;
        store_lanes(load_lanes(weights + at, count) * scale, folded + at, count);
    }
    if (first) return;
#if BIAS
    realv b = load_lanes(bias + c, count);
#else
    realv b = 0.0f;
#endif
    store_lanes(fma(b - load_lanes(moments + c, count), scale, load_lanes(beta + c, count)), offset + c,
                count);
}
#endif
