/* Expected ReLU of DropConnect's sums by their mean and variance (host/ops/dropconnect_gaussian.c), then the stages.
 * x [BATCH][IN], w [IN][OUT], b [OUT], y [BATCH][OUT]. A work-item computes LANES columns of TILE samples; both sums
 * are in the order of gemm_common.cl: chunks of CHUNK products, each one ascending chain, added in order. */
static realv expected_relu(realv mu, realv variance) {
    realv s = sqrt(variance), z = mu / s;
    realv below = (pm_erf(z * 0.70710678118654752440f) + 1.0f) * 0.5f;
    realv density = pm_expv(z * z * -0.5f) * 0.39894228040143267794f;
    realv y = select(mu, fma(mu, below, s * density), s > (realv)(0.0f));
    return select(y, (realv)(0.0f), y <= (realv)(0.0f));
}

#if BIAS
#define BIAS_PARAM , global const float *restrict b
#else
#define BIAS_PARAM
#endif

kernel void dropconnect_gaussian(global const float *restrict x, global const float *restrict w BIAS_PARAM,
                                 global float *restrict y, STAGE_PARAMS) {
    global const uint *row = control + (size_t)cursor * ROW;
    uint o = get_global_id(0) * LANES, n0 = get_global_id(1) * TILE;
    if (o >= OUT || n0 >= BATCH) return;
    uint count = min((uint)LANES, OUT - o);
    realv mean[TILE], squares[TILE];
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
            squares[i] = first ? squares[i] + square[i] : square[i];
        }
    }
    for (uint i = 0; i < TILE && n0 + i < BATCH; i++) {
#if BIAS
        realv bias = load_lanes(b + o, count);
        mean[i] = mean[i] + bias;
        squares[i] = fma(bias, bias, squares[i]);
#endif
        realv v = expected_relu(mean[i], squares[i] * as_float(row[LAYER_AT + LAYER_EXTRA]));
        size_t index = (size_t)(n0 + i) * OUT + o;
        store_lanes(epilogue(v, n0 + i, o, index, count, STAGE_ARGS), y + index, count);
    }
}
