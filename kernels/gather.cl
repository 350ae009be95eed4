/* x[n][i] = fma(byte, scale[c], shift[c]) of dataset row order[first + n], c = i % CHANNELS; label[n] is
 * that row's label. CPU devices: a work-item takes every get_global_size(0)-th row; GPUs: 4 elements. */
static void gather_elements(global const uchar *image, global const float *norm, global float *x, uint e) {
    uint count = min((uint)LANES, FEATURES - e);
    float lane[LANES];
    for (uint i = 0; i < LANES; i++) {
        uint c = (e + i) % CHANNELS;
        lane[i] = i < count ? fma((float)image[e + i], norm[c], norm[CHANNELS + c]) : 0.0f;
    }
    for (uint i = 0; i < count; i++) x[e + i] = lane[i];
}

kernel void gather(global const uchar *images, global const uchar *labels, global const uint *order,
                   global const float *norm, global float *x, global uint *label,
                   global const uint *control, const uint cursor) {
    uint first = control[(size_t)cursor * ROW + CONTROL_FIRST];
#ifdef FAMILY_CPU
    for (uint n = get_global_id(0); n < ROWS; n += get_global_size(0)) {
        uint row = order[first + n];
        label[n] = labels[row];
        global const uchar *image = images + (size_t)row * FEATURES;
        uint e = 0;
#if CHANNELS == 1
        for (; e + LANES <= FEATURES; e += LANES)
            store_full(fma(convert_float16(vload16(0, image + e)), (realv)norm[0], (realv)norm[1]),
                       x + (size_t)n * FEATURES + e);
#endif
        for (; e < FEATURES; e += LANES)
            gather_elements(image, norm, x + (size_t)n * FEATURES, e);
    }
#else
    uint n = get_global_id(1), e = get_global_id(0) * LANES;
    uint row = order[first + n];
    if (e == 0) label[n] = labels[row];
    if (e < FEATURES)
        gather_elements(images + (size_t)row * FEATURES, norm, x + (size_t)n * FEATURES, e);
#endif
}
