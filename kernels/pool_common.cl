/* What pooling kernels share: LANES channels of each pixel at a time. The host defines IN_ and OUT_ H and W,
 * CHANNELS, the window KH x KW, STRIDE_H, STRIDE_W, and the border TOP, LEFT.
 * CPU devices: a work-item walks all pixels of a sample; GPUs: a work-item for each pixel. */
#define VECTORS ((CHANNELS + LANES - 1) / LANES)

#ifdef FAMILY_CPU
#define EACH_PIXEL(pixels)                                                                         \
    uint n = get_global_id(1), channel = get_global_id(0) * LANES;                                 \
    uint count = min((uint)LANES, CHANNELS - channel);                                             \
    for (uint pixel = 0; pixel < pixels; pixel++)
#else
#define EACH_PIXEL(pixels)                                                                         \
    uint n = get_global_id(1), channel = get_global_id(0) % VECTORS * LANES;                       \
    uint count = min((uint)LANES, CHANNELS - channel), pixel = get_global_id(0) / VECTORS;         \
    if (pixel < pixels)
#endif

/* Channels of a pixel of map `at`, PIXELS pixels a sample. */
#define PIXEL(at, pixels, pixel) ((at) + ((size_t)n * (pixels) + (pixel)) * CHANNELS + channel)

/* The result of `pixel`, stages and store. */
#define FINISH(v, to, pixels)                                                                      \
    store_lanes(epilogue(v, n, pixel * CHANNELS + channel,                                         \
                         ((size_t)n * (pixels) + pixel) * CHANNELS + channel, count, STAGE_ARGS),  \
                PIXEL(to, pixels, pixel), count)

/* Pixels that window o covers on an axis: [FIRST_IN, LAST_IN); windows that cover pixel i: [FIRST_OUT,
 * LAST_OUT). All sizes are positive and below 2^17. */
#define FIRST_IN(o, stride, before)         max((int)(o) * (stride) - (before), 0)
#define LAST_IN(o, stride, before, size, in) min((int)(o) * (stride) - (before) + (size), in)
#define FIRST_OUT(i, stride, before, size)                                                         \
    (max((int)(i) + (before) - (size) + (stride), 0) / (stride))
#define LAST_OUT(i, stride, before, out)    min(((int)(i) + (before)) / (stride) + 1, out)
