/* Mean and variance of DropConnect's sums over the masks (host/ops/dropconnect_moments.c), the activation expected of
 * normal sums that have them, expected() of the piece before, then the stages. x [BATCH][IN], w [IN][OUT], b [OUT],
 * y [BATCH][OUT]. A work-item computes LANES columns of TILE samples; both sums are in the order of gemm_common.cl:
 * chunks of CHUNK products, each one ascending chain, added in order. */
#if BIAS
#define BIAS_PARAM , global const float *restrict b
#else
#define BIAS_PARAM
#endif

kernel void dropconnect_moments(global const float *restrict x, global const float *restrict w BIAS_PARAM,
                                global float *restrict y, STAGE_PARAMS) {
    global const uint *row = control + (size_t)cursor * ROW;
    uint o = get_global_id(0) * LANES, n0 = get_global_id(1) * TILE;
    if (o >= OUT || n0 >= BATCH) return;
    uint count = min((uint)LANES, OUT - o);
    realv mean[TILE], variance[TILE];
    for (uint first = 0; first < IN; first += CHUNK) {
        realv sum[TILE], square[TILE];
#pragma unroll
        for (uint i = 0; i < TILE; i++) sum[i] = square[i] = 0.0f;
        for (uint k = first; k < min((uint)IN, first + (uint)CHUNK); k++) {
            realv weight = load_lanes(w + (size_t)k * OUT + o, count);
#pragma unroll
            for (uint i = 0; i < TILE; i++) {
                realv v = x[(size_t)min(n0 + i, (uint)BATCH - 1) * IN + k], product = v * weight;
                sum[i] = fma(v, weight, sum[i]);
                square[i] = fma(product, product, square[i]);
            }
        }
#pragma unroll
        for (uint i = 0; i < TILE; i++) {
            mean[i] = first ? mean[i] + sum[i] : sum[i];
            variance[i] = first ? variance[i] + square[i] : square[i];
        }
    }
#if BIAS
    realv bias = load_lanes(b + o, count);
#endif
#pragma unroll
    for (uint i = 0; i < TILE; i++) {
#if BIAS
        mean[i] = mean[i] + bias;
        variance[i] = fma(bias, bias, variance[i]);
#endif
        variance[i] = variance[i] * as_float(row[LAYER_AT + LAYER_EXTRA]);
    }
    expected(mean, variance);
    for (uint i = 0; i < TILE && n0 + i < BATCH; i++) {
        size_t index = (size_t)(n0 + i) * OUT + o;
        store_lanes(epilogue(mean[i], n0 + i, o, index, count, STAGE_ARGS), y + index, count);
    }
}
