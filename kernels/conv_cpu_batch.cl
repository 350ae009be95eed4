/* Forward and dx on CPU devices, for batches: a register tile is one pixel of TILE samples x WIDE vectors of 16
 * channels, so that all of a tile has the same taps, and taps outside of the map are never computed. A work-item
 * owns a panel of channels (conv_pack.cl) and BLOCK_H x BLOCK_W pixels of TILE samples. It copies what these read
 * into a private patch first: the same pixel of several samples often lies powers of two apart, where the copies in
 * a cache would drive each other out. */
#define PANEL        (16 * WIDE)
#define PATCH_SAMPLE (PATCH_H * PATCH_W * SRC_C + 16) /* floats; the 16 keep samples off each other's cache sets */

/* From tap to tap of a pixel: in the kernel, and in the source map. */
#if PASS == FORWARD
#define TAP_STEP 1
#define SRC_STEP 1
#else
#define TAP_STEP STRIDE
#define SRC_STEP -1
#endif

/* The taps of a pixel along one axis that lie in the map: `first`, first + TAP_STEP, ..., `count` of them; the first
 * one reads source coordinate `from`. */
struct taps {
    int first, count, from;
};

static struct taps taps_of(int at, int before, int kernel_size, int size) {
    struct taps t;
#if PASS == FORWARD
    int start = at * STRIDE - before;
    t.first = max(-start, 0);
    t.count = max(min(kernel_size, size - start) - t.first, 0);
    t.from = start + t.first;
#else
    int reach = at + before, low = max(reach - (size - 1) * STRIDE, 0);
    t.first = low + (reach - low) % STRIDE;
    int last = min(reach, kernel_size - 1);
    t.count = last >= t.first ? (last - t.first) / STRIDE + 1 : 0;
    t.from = (reach - t.first) / STRIDE;
#endif
    return t;
}

/* The source coordinates [x, y) that destination coordinates [first, last) read. */
static int2 span_of(int first, int last, int before, int kernel_size, int size) {
#if PASS == FORWARD
    int low = first * STRIDE - before, high = (last - 1) * STRIDE - before + kernel_size;
#else
    int low = (max(first + before - kernel_size + 1, 0) + STRIDE - 1) / STRIDE;
    int high = (last - 1 + before) / STRIDE + 1;
#endif
    low = clamp(low, 0, size);
    return (int2)(low, clamp(high, low, size));
}

static void load_patch(float *patch, global const float *src, uint first, int2 rows, int2 columns) {
    const int length = (columns.y - columns.x) * SRC_C;
    for (uint i = 0; i < TILE; i++, patch += PATCH_SAMPLE) {
        size_t n = min(first + i, SAMPLES - 1u); /* past the end: the last one again, not stored */
        for (int y = rows.x; y < rows.y; y++) {
            float *to = patch + (y - rows.x) * (PATCH_W * SRC_C);
            global const float *from = src + ((n * SRC_H + y) * SRC_W + columns.x) * SRC_C;
            int k = 0;
            for (; k + 16 <= length; k += 16) vstore16(vload16(0, from + k), 0, to + k);
            for (; k < length; k++) to[k] = from[k];
        }
    }
}

kernel void conv(CONV_PARAMS, STAGE_PARAMS) {
    uint block = get_group_id(1);
    int x0 = block % BLOCKS_W * BLOCK_W, y0 = block / BLOCKS_W % BLOCKS_H * BLOCK_H;
    uint n0 = block / BLOCKS_W / BLOCKS_H * TILE, samples = min((uint)TILE, SAMPLES - n0);
    int x1 = min(x0 + BLOCK_W, DST_W), y1 = min(y0 + BLOCK_H, DST_H);
    int2 rows = span_of(y0, y1, TOP, KH, SRC_H), columns = span_of(x0, x1, LEFT, KW, SRC_W);
    float patch[TILE * PATCH_SAMPLE];
    load_patch(patch, src, n0, rows, columns);
    global const float *panel = weights + (size_t)get_group_id(0) * (KH * KW * SRC_C * PANEL);
    for (int y = y0; y < y1; y++) {
        struct taps v = taps_of(y, TOP, KH, SRC_H);
        for (int x = x0; x < x1; x++) {
            struct taps h = taps_of(x, LEFT, KW, SRC_W);
            float16 sum[TILE][WIDE], done[TILE][WIDE];
#pragma unroll
            for (int i = 0; i < TILE; i++)
#pragma unroll
                for (int j = 0; j < WIDE; j++) sum[i][j] = 0.0f;
            for (int ty = 0; ty < v.count; ty++) {
                int row = (v.from + SRC_STEP * ty - rows.x) * PATCH_W - columns.x;
                int tap = (v.first + TAP_STEP * ty) * KW + h.first;
#if PASS == FORWARD /* the taps of a row are neighbours in patch and panel */
                int tx = 0, length = h.count * SRC_C;
#else
                const int length = SRC_C;
                for (int tx = 0; tx < h.count; tx++)
#endif
                {
                    const float *at = patch + (row + h.from + SRC_STEP * tx) * SRC_C;
                    global const float *w = panel + (size_t)(tap + TAP_STEP * tx) * (SRC_C * PANEL);
                    for (int k = 0; k < length; k++) {
#pragma unroll
                        for (int j = 0; j < WIDE; j++) {
                            float16 column = vload16(k * WIDE + j, w);
#pragma unroll
                            for (int i = 0; i < TILE; i++)
                                sum[i][j] = fma((float16)at[i * PATCH_SAMPLE + k], column, sum[i][j]);
                        }
                    }
                }
            }
#pragma unroll
            for (int i = 0; i < TILE; i++)
#pragma unroll
                for (int j = 0; j < WIDE; j++) done[i][j] = sum[i][j];
            for (uint i = 0; i < samples; i++)
                for (uint j = 0; j < WIDE; j++) {
                    uint channel = get_group_id(0) * PANEL + j * 16;
                    if (channel < DST_C)
                        FINISH(done[i][j], n0 + i, (uint)(y * DST_W + x), channel, min(16u, DST_C - channel));
                }
        }
    }
}
