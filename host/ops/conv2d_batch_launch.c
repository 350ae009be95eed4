/* The launch of kernels/conv_cpu_batch.cl: a block of pixels of as many samples as the register
 * tile has rows. */
#include "ops/conv2d_block.h"
#include "ops/conv2d_ways.h"
#include "ops/internal.h"

enum { PATCH_FLOATS = 1 << 16 /* of private memory: 256 KiB */ };

static size_t patch_floats(const struct conv2d_work *w, const struct conv2d_block *b) {
    return conv2d_block_floats(w, b, (size_t)conv2d_src_channels(w));
}

/* Whole rows while a patch of them fits: then no column is read twice. */
static struct conv2d_block choose_block(const struct conv2d_work *w, int rows) {
    struct conv2d_block b = {.step = 1, .n = (size_t)rows, .spare = CONV2D_LANES};
    b.h = conv2d_block_extent(w, &b, 0);
    b.w = conv2d_block_extent(w, &b, 1);
    conv2d_block_halve(w, &b, (size_t)conv2d_src_channels(w), PATCH_FLOATS);
    conv2d_block_measure(w, &b);
    return b;
}

bool conv2d_batch_fits(const struct conv2d_work *w, int rows) {
    if (w->pass == CONV2D_DW || w->g.depthwise) return false;
    struct conv2d_block b = choose_block(w, rows);
    return patch_floats(w, &b) <= PATCH_FLOATS;
}

void conv2d_launch_batch(const struct conv2d_parts *x, const struct conv2d_way *way) {
    const struct conv2d_work *w = x->w;
    struct conv2d_block b = choose_block(w, way->rows);
    int panel = way->wide * CONV2D_LANES;
    conv2d_pack(x, panel);
    struct launch *l = conv2d_start(x, "conv_cpu_batch", "conv");
    launch_define(l, "-DTILE=%d -DWIDE=%d", way->rows, way->wide);
    conv2d_block_define(&b, l);
    conv2d_arguments(x, l, true);
    size_t blocks = divide_up((size_t)w->g.n, b.n) * b.blocks_h * b.blocks_w;
    launch_size(l, 2, (size_t[]){divide_up((size_t)conv2d_dst_channels(w), (size_t)panel), blocks},
                (size_t[]){1, 1});
}
