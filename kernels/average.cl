/* The averaged model: mean = mean + rate (w - mean) over LENGTH vectors; see host/ops/average.c. */
kernel void average(global const float *from, global float *to, global const uint *metric,
                    global const uint *control, const uint cursor) {
    if (metric[METRIC_LATCH]) return;
    float rate = as_float(control[(size_t)cursor * ROW + CONTROL_AVERAGE]);
    FOR_SHARE(i, LENGTH) {
        size_t at = (size_t)i * LANES;
        realv w = load_full(from + at), mean = load_full(to + at);
        store_full(fma((realv)rate, w - mean, mean), to + at);
    }
}
