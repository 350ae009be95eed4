/* What pooling kernels share: LANES channels of each pixel at a time. The host defines IN_ and OUT_ H and W,
 * CHANNELS, the window KH x KW, STRIDE_H, STRIDE_W, the border TOP, LEFT, and TILED: the windows tile the map.
 * CPU devices: a work-item walks along a row of pixels, all channels of one before the next, as they lie in memory;
 * GPUs: a work-item for each pixel and vector. */
#define VECTORS ((CHANNELS + LANES - 1) / LANES)

#ifdef FAMILY_CPU
#define EACH_PIXEL(height, width)                                                                  \
    uint n = get_global_id(1), pixel = get_global_id(0) * (width), end = pixel + (width), count;   \
    for (; pixel < end; pixel++)                                                                   \
        for (uint channel = 0; count = min((uint)LANES, CHANNELS - channel), channel < CHANNELS;   \
             channel += LANES)
#else
#define EACH_PIXEL(height, width)                                                                  \
    uint n = get_global_id(1), channel = get_global_id(0) % VECTORS * LANES;                       \
    uint count = min((uint)LANES, CHANNELS - channel), pixel = get_global_id(0) / VECTORS;         \
    if (pixel < (height) * (width))
#endif

/* Channels of a pixel of map `at`, PIXELS pixels a sample. */
#define PIXEL(at, pixels, pixel) ((at) + ((size_t)n * (pixels) + (pixel)) * CHANNELS + channel)

/* The result of `pixel`, stages and store. */
#define FINISH(v, to, pixels, pixel)                                                               \
    store_lanes(epilogue(v, n, (pixel) * CHANNELS + channel,                                       \
                         ((size_t)n * (pixels) + (pixel)) * CHANNELS + channel, count, STAGE_ARGS), \
                PIXEL(to, pixels, pixel), count)

/* Pixels that window o covers on an axis: [FIRST_IN, LAST_IN); windows that cover pixel i: [FIRST_OUT,
 * LAST_OUT). All sizes are positive and below 2^17. */
#if TILED
#define FIRST_IN(o, stride, before)          ((int)(o) * (stride))
#define LAST_IN(o, stride, before, size, in) ((int)(o) * (stride) + (size))
#else
#define FIRST_IN(o, stride, before)          max((int)(o) * (stride) - (before), 0)
#define LAST_IN(o, stride, before, size, in) min((int)(o) * (stride) - (before) + (size), in)
#endif
#define FIRST_OUT(i, stride, before, size)                                                         \
    (max((int)(i) + (before) - (size) + (stride), 0) / (stride))
#define LAST_OUT(i, stride, before, out)    min(((int)(i) + (before)) / (stride) + 1, out)
