/* Adam and AdamW over the flat buffers; the formulas and words are in host/ops/adam.c. state: m, then v. */
kernel void adam(global float *w, global const float *g, global float *state, global const uint *metric,
                 global const uint *control, const uint cursor) {
    if (metric[METRIC_LATCH]) return;
    global const uint *word = control + (size_t)cursor * ROW + CONTROL_OPTIMIZER;
    float step = as_float(word[0]), one_less_b1 = as_float(word[1]), b2 = as_float(word[2]);
    float one_less_b2 = as_float(word[3]), root = as_float(word[4]), eps = as_float(word[5]);
    float decay = as_float(word[6]), shrink = as_float(word[7]);
    FOR_SHARE(i, FLAT / LANES) {
        size_t at = (size_t)i * LANES;
        realv x = load_full(w + at), gradient = load_full(g + at), start = x;
        if (at < DECAYED) {
            start = x * shrink;
            gradient = fma((realv)decay, x, gradient);
        }
        realv m = load_full(state + at), v = load_full(state + FLAT + at);
        m = fma((realv)one_less_b1, gradient - m, m);
        v = fma(one_less_b2 * gradient, gradient, b2 * v);
        store_full(m, state + at);
        store_full(v, state + FLAT + at);
        store_full(fma((realv)-step, m / fma(sqrt(v), (realv)root, (realv)eps), start), w + at);
    }
}
