/* Concrete dropout; the formulas and the order of summation are in host/ops/concrete_dropout.c. Behind dropout.cl,
 * whose stages' words are here in COUNTER3. x, y [ROWS][FEATURES]; logit [1]. */
#define HELD(l) ((l) < -20.0f ? -20.0f : (l) > 20.0f ? 20.0f : (l))

static struct point place(global const uint *row, uint n, uint e) {
    struct point at;
    at.row = row;
    at.sample = n;
    at.element = e;
    at.a = at.c = 0;
    at.b = COUNTER3;
    return at;
}

#ifdef FAMILY_CPU
#define TO_REAL(v) convert_float16(as_int16(v))
#else
#define TO_REAL(v) convert_float4(as_int4(v))
#endif

static realv factor_of(struct point at, float e, realv *z) {
    uintv words = dropout_words(at);
    realv r = e * ((TO_REAL(~words >> 8) + 0.5f) / (TO_REAL(words >> 8) + 0.5f));
    r = select(r, (realv)(4096.0f), r > 4096.0f);
    realv r2 = r * r, r4 = r2 * r2, r10 = r4 * r4 * r2;
    *z = 1.0f / (1.0f + r10);
    return r10 * *z * ((1.0f + e) / e);
}

kernel void concrete_dropout(global const float *x, global const float *logit, global float *y,
                             global const uint *control, const uint cursor) {
    global const uint *row = control + (size_t)cursor * ROW;
    float e = pm_exp(-HELD(logit[0]));
    uint n = get_global_id(1);
#ifdef FAMILY_CPU
    for (uint i = 0; i < FEATURES; i += LANES) {
#else
    uint i = get_global_id(0) * LANES;
    if (i < FEATURES) {
#endif
        size_t index = (size_t)n * FEATURES + i;
        uint count = min((uint)LANES, FEATURES - i);
        realv z;
        store_lanes(load_lanes(x + index, count) * factor_of(place(row, n, i), e, &z), y + index, count);
    }
}

/* A work-item takes a sample. */
kernel void concrete_sums(global const float *x, global const float *dy, global const float *logit,
                          global float *sums, global const uint *control, const uint cursor) {
    global const uint *row = control + (size_t)cursor * ROW;
    float e = pm_exp(-HELD(logit[0])), p = 1.0f / (1.0f + e), lane[16];
    uint n = get_global_id(0);
    if (n >= ROWS) return;
    realv sum[16 / LANES];
    for (uint part = 0; part < 16 / LANES; part++) sum[part] = 0.0f;
    for (uint first = 0; first < FEATURES; first += 16)
        for (uint part = 0; part < 16 / LANES && first + part * LANES < FEATURES; part++) {
            uint i = first + part * LANES, count = min((uint)LANES, FEATURES - i);
            size_t index = (size_t)n * FEATURES + i;
            realv z, k = factor_of(place(row, n, i), e, &z);
            realv product = load_lanes(dy + index, count) * load_lanes(x + index, count);
            sum[part] = fma(product, k * (p - 10.0f * z), sum[part]);
        }
    for (uint part = 0; part < 16 / LANES; part++) store_full(sum[part], lane + part * LANES);
    for (uint i = 1; i < 16; i++) lane[0] += lane[i];
    sums[n] = lane[0];
}

kernel void concrete_total(global const float *sums, global float *gradient) {
    float total = sums[0];
    for (uint n = 1; n < ROWS; n++) total += sums[n];
    gradient[0] = total;
}
