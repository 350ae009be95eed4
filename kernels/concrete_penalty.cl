/* The regularisers of concrete dropout; the formulas are in host/ops/concrete_dropout.c. w, dw [LENGTH]; squares
 * [CHUNKS]. */
#define HELD(l) ((l) < -20.0f ? -20.0f : (l) > 20.0f ? 20.0f : (l))

kernel void concrete_squares(global const float *w, global float *squares) {
    uint k = get_global_id(0), first = k * CHUNK;
    float sum = 0.0f;
    for (uint i = first; i < min((uint)LENGTH, first + CHUNK); i++) sum = fma(w[i], w[i], sum);
    squares[k] = sum;
}

kernel void concrete_penalty(global const float *squares, global const float *logit, global float *gradient,
                             const float dropout, const float weights) {
    float l = logit[0], e = pm_exp(-HELD(l)), p = 1.0f / (1.0f + e), inverse = (1.0f + e) / e;
    float g = fma(dropout * l, p / inverse, gradient[0]);
#if CHUNKS
    float total = squares[0];
    for (uint k = 1; k < CHUNKS; k++) total += squares[k];
    g = fma(weights * total, 1.0f / e, g);
#endif
    gradient[0] = g;
}

kernel void concrete_decay(global const float *logit, global const float *w, global float *dw, const float weights) {
    float e = pm_exp(-HELD(logit[0])), twice = 2.0f * weights * ((1.0f + e) / e);
    FOR_SHARE(v, (LENGTH + LANES - 1) / LANES) {
        uint i = v * LANES, count = min((uint)LANES, LENGTH - i);
        store_lanes(fma((realv)(twice), load_lanes(w + i, count), load_lanes(dw + i, count)), dw + i, count);
    }
}
