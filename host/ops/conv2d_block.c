#include "ops/conv2d_block.h"
#include "ops/internal.h"

size_t conv2d_block_extent(const struct conv2d_work *w, const struct conv2d_block *b, int axis) {
    const struct window_axis *a = &w->g.at[axis];
    return w->pass == CONV2D_DX ? divide_up((size_t)a->in, b->step) : (size_t)a->out;
}

size_t conv2d_block_patch(const struct conv2d_work *w, const struct conv2d_block *b, int axis,
                          size_t size) {
    const struct window_axis *a = &w->g.at[axis];
    size_t kernel = (size_t)a->kernel, stride = (size_t)a->stride;
    bool dx = w->pass == CONV2D_DX;
    size_t patch =
        dx ? ((size - 1) * b->step + kernel - 1) / stride + 1 : (size - 1) * stride + kernel;
    return b->padded ? patch : smaller(patch, (size_t)(dx ? a->out : a->in));
}

size_t conv2d_block_floats(const struct conv2d_work *w, const struct conv2d_block *b,
                           size_t channels) {
    size_t pixels = conv2d_block_patch(w, b, 0, b->h) * conv2d_block_patch(w, b, 1, b->w);
    return b->n * (pixels * channels + b->spare);
}

void conv2d_block_halve(const struct conv2d_work *w, struct conv2d_block *b, size_t channels,
                        size_t floats) {
    while (b->h > 1 && conv2d_block_floats(w, b, channels) > floats) b->h = divide_up(b->h, 2);
    while (b->w > 1 && conv2d_block_floats(w, b, channels) > floats) b->w = divide_up(b->w, 2);
}

void conv2d_block_measure(const struct conv2d_work *w, struct conv2d_block *b) {
    b->blocks_h = divide_up(conv2d_block_extent(w, b, 0), b->h);
    b->blocks_w = divide_up(conv2d_block_extent(w, b, 1), b->w);
    b->patch_h = conv2d_block_patch(w, b, 0, b->h);
    b->patch_w = conv2d_block_patch(w, b, 1, b->w);
}

void conv2d_block_define(const struct conv2d_block *b, struct launch *l) {
    launch_define(l, "-DBLOCK_H=%zu -DBLOCK_W=%zu -DBLOCKS_H=%zu -DBLOCKS_W=%zu", b->h, b->w,
                  b->blocks_h, b->blocks_w);
    launch_define(l, "-DPATCH_H=%zu -DPATCH_W=%zu", b->patch_h, b->patch_w);
}
