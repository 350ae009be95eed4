/* The launch of kernels/conv_cpu_batch.cl: a block of pixels of as many samples as the register
 * tile has rows. */
#include "ops/conv2d_ways.h"
#include "ops/internal.h"

enum { LANES = 16, PATCH_FLOATS = 1 << 16 /* of private memory: 256 KiB */ };

/* Pixels of a work-item, and of the source map that they read. */
struct block {
    size_t h, w, patch_h, patch_w;
};

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Source pixels along an axis that `size` neighbouring pixels read at most. */
static size_t patch_of(const struct conv2d_work *w, int axis, size_t size) {
    const struct window_axis *a = &w->g.at[axis];
    size_t kernel = (size_t)a->kernel, stride = (size_t)a->stride;
    if (w->pass == CONV2D_DX) return smaller((size + kernel - 2) / stride + 1, (size_t)a->out);
    return smaller((size - 1) * stride + kernel, (size_t)a->in);
}

static size_t patch_floats(const struct conv2d_work *w, const struct block *b, int rows) {
    size_t channels = (size_t)(w->pass == CONV2D_DX ? w->g.f : w->g.c);
    size_t sample = patch_of(w, 0, b->h) * patch_of(w, 1, b->w) * channels + LANES;
    return (size_t)rows * sample;
}

static size_t extent(const struct conv2d_work *w, int axis) {
    const struct window_axis *a = &w->g.at[axis];
    return (size_t)(w->pass == CONV2D_DX ? a->in : a->out);
}

/* Whole rows while a patch of them fits: then no column is read twice. */
static struct block choose_block(const struct conv2d_work *w, int rows) {
    struct block b = {.h = extent(w, 0), .w = extent(w, 1)};
    while (b.h > 1 && patch_floats(w, &b, rows) > PATCH_FLOATS) b.h = divide_up(b.h, 2);
    while (b.w > 1 && patch_floats(w, &b, rows) > PATCH_FLOATS) b.w = divide_up(b.w, 2);
    b.patch_h = patch_of(w, 0, b.h);
    b.patch_w = patch_of(w, 1, b.w);
    return b;
}

bool conv2d_batch_fits(const struct conv2d_work *w, int rows) {
    if (w->pass == CONV2D_DW || w->g.depthwise) return false;
    struct block b = choose_block(w, rows);
    return patch_floats(w, &b, rows) <= PATCH_FLOATS;
}

void conv2d_launch_batch(const struct conv2d_parts *x, const struct conv2d_way *way) {
    const struct conv2d_work *w = x->w;
    struct block b = choose_block(w, way->rows);
    size_t blocks_h = divide_up(extent(w, 0), b.h), blocks_w = divide_up(extent(w, 1), b.w);
    int panel = way->wide * LANES;
    conv2d_pack(x, panel);
    struct launch *l = conv2d_start(x, "conv_cpu_batch", "conv");
    launch_define(l, "-DTILE=%d -DWIDE=%d -DBLOCK_H=%zu -DBLOCK_W=%zu", way->rows, way->wide, b.h,
                  b.w);
    launch_define(l, "-DPATCH_H=%zu -DPATCH_W=%zu -DBLOCKS_H=%zu -DBLOCKS_W=%zu", b.patch_h,
                  b.patch_w, blocks_h, blocks_w);
    conv2d_arguments(x, l, true);
    size_t channels = (size_t)(w->pass == CONV2D_DX ? w->g.c : w->g.f);
    size_t blocks = divide_up((size_t)w->g.n, (size_t)way->rows) * blocks_h * blocks_w;
    launch_size(l, 2, (size_t[]){divide_up(channels, (size_t)panel), blocks}, (size_t[]){1, 1});
}
