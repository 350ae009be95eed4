/* What the convolutions share: geometry, bias and stages. The order of summation is stated in
 * host/ops/conv2d.h. The host defines PASS (FORWARD, DX or DW), IN_ and OUT_ H, W, C (of the layer's input
 * and output, whatever is computed), SAMPLES, KH, KW, STRIDE, TOP, LEFT, DEPTHWISE, BIAS and, for dW,
 * CHUNK_ROWS, CHUNKS and DB. SRC is what the sums run over, DST what is computed (of FORWARD and DX). */
#define FORWARD 0
#define DX      1
#define DW      2
#if PASS == DX
#define SRC_H OUT_H
#define SRC_W OUT_W
#define SRC_C OUT_C
#define DST_H IN_H
#define DST_W IN_W
#define DST_C IN_C
#else
#define SRC_H IN_H
#define SRC_W IN_W
#define SRC_C IN_C
#define DST_H OUT_H
#define DST_W OUT_W
#define DST_C OUT_C
#endif
#if DEPTHWISE
#define DEPTH 1 /* channels that are summed over */
#else
#define DEPTH SRC_C
#endif

#if BIAS
#define BIAS_PARAM          , global const float *restrict bias
#define WITH_BIAS(v, n, count) ((v) + load_lanes(bias + (n), count))
#else
#define BIAS_PARAM
#define WITH_BIAS(v, n, count) (v)
#endif
/* weights: [KH][KW][DEPTH][DST_C], or in panels (conv_pack.cl). */
#define CONV_PARAMS                                                                                \
    global const float *restrict src, global const float *restrict weights,                       \
        global float *restrict dst BIAS_PARAM

/* The finished sums of `count` channels of a pixel: bias, stages, store. */
#define FINISH(v, sample, pixel, channel, count)                                                   \
    do {                                                                                           \
        uint element_ = (pixel) * DST_C + (channel);                                               \
        size_t index_ = (size_t)(sample) * (DST_H * DST_W * DST_C) + element_;                     \
        store_lanes(epilogue(WITH_BIAS((v) + 0.0f, channel, count), sample, element_, index_, count,        \
                             STAGE_ARGS),                                                          \
                    dst + index_, count);                                                          \
    } while (0)

/* dW: chunk sums go to planes [CHUNKS][ROWS][OUT_C], row WEIGHT_ROWS being db; a single chunk goes to dW
 * and db themselves. */
#define WEIGHT_ROWS (KH * KW * DEPTH)
#if CHUNKS > 1
#define DW_PARAMS                                                                                  \
    global const float *restrict x, global const float *restrict dy, global float *restrict partial
#define DW_ROW(chunk, row)                                                                         \
    (partial + ((size_t)(chunk) * (WEIGHT_ROWS + DB) + (row)) * OUT_C)
#define DW_ARGS x, dy, partial
#elif DB
#define DW_PARAMS                                                                                  \
    global const float *restrict x, global const float *restrict dy, global float *restrict dw,   \
        global float *restrict db
#define DW_ROW(chunk, row) ((row) < WEIGHT_ROWS ? dw + (size_t)(row) * OUT_C : db)
#define DW_ARGS            x, dy, dw, db
#else
#define DW_PARAMS                                                                                  \
    global const float *restrict x, global const float *restrict dy, global float *restrict dw
#define DW_ROW(chunk, row) (dw + (size_t)(row) * OUT_C)
#define DW_ARGS            x, dy, dw
#endif

/* Where row y, column x of sample n is in a map of H x W pixels, in pixels; -1: padding. */
static long pixel_at(uint n, int y, int x, int height, int width) {
    if (y < 0 || y >= height || x < 0 || x >= width) return -1;
    return ((long)n * height + y) * width + x;
}

#if PASS != DW
/* dx with a stride: pixels of one phase (coordinate + padding modulo the stride) have the same taps, so each
 * phase is a convolution of its own, of dy with every STRIDE-th tap. */
#if PASS == FORWARD
#define PHASES 1
#define STEP   STRIDE /* from window to window, in the source */
#else
#define PHASES STRIDE
#define STEP   1
#endif

/* The pixels of a phase along one axis: first + PHASES * i for i in [0, size). `taps` of the kernel's, tap t
 * being phase + PHASES * t, reach the source coordinates from start + STEP * i on: forward in their order, for
 * dx the last one first. */
struct phase {
    int phase, first, size, taps, start;
};

static struct phase phase_of(int phase, int size, int kernel_size, int before) {
    struct phase p;
    p.phase = phase;
#if PASS == FORWARD
    p.first = 0;
    p.size = size;
    p.taps = kernel_size;
    p.start = -before;
#else
    p.first = (phase + STRIDE - before % STRIDE) % STRIDE;
    p.size = p.first < size ? (size - p.first + STRIDE - 1) / STRIDE : 0;
    p.taps = phase < kernel_size ? (kernel_size - phase + STRIDE - 1) / STRIDE : 0;
    p.start = (p.first + before - phase) / STRIDE - (p.taps - 1);
#endif
    return p;
}
#endif
