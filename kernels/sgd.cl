/* SGD with momentum over the flat buffers; the formulas are in host/ops/sgd.c.
 * The first DECAYED floats are decayed (a multiple of 256). */
kernel void sgd(global float *w, global const float *g, global float *v, global const uint *metric,
                global const uint *control, const uint cursor) {
    if (metric[METRIC_LATCH]) return;
    global const uint *word = control + (size_t)cursor * ROW + CONTROL_OPTIMIZER;
    float lr = as_float(word[0]), momentum = as_float(word[1]), decay = as_float(word[2]);
    int nesterov = as_float(word[3]) != 0.0f;
    FOR_SHARE(i, FLAT / LANES) {
        size_t at = (size_t)i * LANES;
        realv x = load_full(w + at), gradient = load_full(g + at);
        if (at < DECAYED) gradient = fma((realv)decay, x, gradient);
        realv velocity = fma((realv)momentum, load_full(v + at), gradient);
        store_full(velocity, v + at);
        if (nesterov) velocity = fma((realv)momentum, velocity, gradient);
        store_full(fma((realv)-lr, velocity, x), w + at);
    }
}
