/* The averaged model: mean = mean + rate (w - mean) over LENGTH vectors; see host/ops/average.c. A
 * work-item takes every get_global_size(0)-th vector. */
kernel void average(global const float *from, global float *to, global const uint *metric,
                    global const uint *control, const uint cursor) {
    if (metric[METRIC_LATCH]) return;
    float rate = as_float(control[(size_t)cursor * ROW + CONTROL_AVERAGE]);
    for (size_t i = get_global_id(0); i < LENGTH; i += get_global_size(0)) {
        realv w = load_full(from + i * LANES), mean = load_full(to + i * LANES);
        store_full(fma((realv)rate, w - mean, mean), to + i * LANES);
    }
}
