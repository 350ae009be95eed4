/* Expected activation of normal sums, by a fixed sample of SAMPLES (host/ops/dropconnect_sampling.c): what
 * dropconnect_moments.cl asks for. Pairs at -n and n are summed in chunks of SAMPLE_CHUNK, chunks in order, the middle
 * last. STRATUM: the words of one stratum; SAMPLE_SCALE: the bits of the factor that makes the variance 1. */
#define PAIRS (SAMPLES / 2u)

static realv activate(realv v) {
    struct point at;
    ACTIVATION
    return v;
}

static void expected(realv mean[TILE], const realv variance[TILE]) {
    realv deviation[TILE], total[TILE];
#pragma unroll
    for (uint i = 0; i < TILE; i++) {
        deviation[i] = sqrt(variance[i]) * as_float(SAMPLE_SCALE);
        total[i] = 0.0f;
    }
    for (uint first = 0; first < PAIRS; first += SAMPLE_CHUNK) {
        float normal[SAMPLE_CHUNK];
        realv sum[TILE];
        for (uint k = 0; k < SAMPLE_CHUNK; k += LANES)
            store_full(inverse_normal((first + k + LANE_NUMBERS) * STRATUM + STRATUM / 2), normal + k);
#pragma unroll
        for (uint i = 0; i < TILE; i++) sum[i] = 0.0f;
        for (uint k = 0; k < min((uint)SAMPLE_CHUNK, PAIRS - first); k++) {
            realv n = normal[k];
#pragma unroll
            for (uint i = 0; i < TILE; i++)
                sum[i] += activate(fma(deviation[i], n, mean[i])) + activate(fma(deviation[i], -n, mean[i]));
        }
#pragma unroll
        for (uint i = 0; i < TILE; i++) total[i] += sum[i];
    }
#pragma unroll
    for (uint i = 0; i < TILE; i++) {
        if (SAMPLES % 2) total[i] += activate(mean[i]);
        mean[i] = total[i] / (float)SAMPLES;
    }
}
