/* The launches of kernels/conv_cpu.cl and conv_cpu_dw.cl: which block of pixels a work-item gets.
 */
#include "ops/conv2d_block.h"
#include "ops/conv2d_ways.h"
#include "ops/internal.h"

enum {
    BLOCK_PIXELS = 128,     /* of a block; more save reading halos twice, fewer stay in the cache */
    PATCH_FLOATS = 1 << 15, /* of private memory */
    DW_GROUP = 16,          /* input channels of a work-item: a line of the cache   */
    DW_PIXELS = 128,        /* of a block: 16 KiB of dy and two vectors of channels */
    DW_ROWS = 512           /* of dW, in private memory      */
};

/* Equal parts of at most `most`. */
static size_t share(size_t size, size_t most) {
    return divide_up(size, divide_up(size, most));
}

static size_t patch_floats(const struct conv2d_work *w, const struct conv2d_block *b) {
    return conv2d_block_floats(w, b, (size_t)conv2d_src_channels(w));
}

/* About BLOCK_PIXELS: whole rows, then parts of one sample, then several samples. */
static struct conv2d_block choose_block(const struct conv2d_work *w) {
    struct conv2d_block b = {.step = (size_t)w->g.at[0].stride, .padded = true, .n = 1};
    size_t height = conv2d_block_extent(w, &b, 0), width = conv2d_block_extent(w, &b, 1);
    b.w = share(width, BLOCK_PIXELS);
    b.h = share(height, BLOCK_PIXELS / b.w);
    conv2d_block_halve(w, &b, (size_t)conv2d_src_channels(w), PATCH_FLOATS);
    if (b.h == height && b.w == width) {
        size_t room = PATCH_FLOATS / patch_floats(w, &b);
        b.n = smaller(smaller(BLOCK_PIXELS / (b.h * b.w), (size_t)w->g.n), room);
        if (b.n < 1) b.n = 1;
    }
    conv2d_block_measure(w, &b);
    return b;
}

static size_t dw_group(const struct conv2d *g) {
    return divide_up((size_t)g->c, divide_up((size_t)g->c, DW_GROUP));
}

/* Rows of the patch for b->h rows of output pixels, which lie in several samples: each has the rows
 * of one window, and `stride` more for every further row. */
static size_t dw_patch_rows(const struct conv2d_work *w, const struct conv2d_block *b) {
    const struct window_axis *a = &w->g.at[0];
    size_t kernel = (size_t)a->kernel, stride = (size_t)a->stride;
    size_t samples = b->h < 2 ? 1 : (b->h - 2) / (size_t)a->out + 2;
    if (samples > b->h) samples = b->h;
    return kernel > stride ? b->h * stride + samples * (kernel - stride) : b->h * stride;
}

/* Whole rows while they fit, of one sample and the next: a chain runs along the row before it goes
 * to the next. */
static struct conv2d_block choose_dw_block(const struct conv2d_work *w) {
    size_t chunk = (size_t)conv2d_chunk_rows(&w->g), group = dw_group(&w->g);
    struct conv2d_block b = {.step = 1, .padded = true, .n = 1};
    size_t width = conv2d_block_extent(w, &b, 1);
    b.w = smaller(width, DW_PIXELS);
    b.h = b.w < width ? 1 : smaller(chunk, DW_PIXELS / b.w);
    size_t row = conv2d_block_patch(w, &b, 1, b.w) * group;
    while (b.h > 1 && dw_patch_rows(w, &b) * row > PATCH_FLOATS / 4) b.h--;
    while (b.w > 1 && conv2d_block_floats(w, &b, group) > PATCH_FLOATS)
        b.w = divide_up(b.w, 2), b.h = 1;
    b.patch_h = dw_patch_rows(w, &b);
    b.patch_w = conv2d_block_patch(w, &b, 1, b.w);
    return b;
}

bool conv2d_cpu_fits(const struct conv2d_work *w) {
    const struct conv2d *g = &w->g;
    if (g->depthwise) return false;
    if (w->pass == CONV2D_DW) {
        size_t rows = (size_t)g->at[0].kernel * (size_t)g->at[1].kernel * dw_group(g);
        struct conv2d_block b = choose_dw_block(w);
        return rows <= DW_ROWS && b.patch_h * b.patch_w * dw_group(g) <= PATCH_FLOATS;
    }
    struct conv2d_block b = choose_block(w);
    return patch_floats(w, &b) <= PATCH_FLOATS;
}

static void launch_dw(const struct conv2d_parts *x, const struct conv2d_way *way) {
    const struct conv2d *g = &x->w->g;
    struct conv2d_block b = choose_dw_block(x->w);
    struct launch *l = conv2d_start(x, "conv_cpu_dw", "conv_dw");
    launch_define(l, "-DTILE=%d -DWIDE=%d -DGROUP=%zu -DBLOCK_H=%zu -DBLOCK_W=%zu", way->rows,
                  way->wide, dw_group(g), b.h, b.w);
    launch_define(l, "-DPATCH_ROWS=%zu -DPATCH_W=%zu", b.patch_h, b.patch_w);
    conv2d_dw_arguments(x, l);
    size_t columns = divide_up((size_t)g->f, (size_t)way->wide * CONV2D_LANES);
    launch_size(l, 3,
                (size_t[]){columns, divide_up((size_t)g->c, dw_group(g)), (size_t)conv2d_chunks(g)},
                (size_t[]){1, 1, 1});
}

static void launch_map(const struct conv2d_parts *x, const struct conv2d_way *way) {
    const struct conv2d_work *w = x->w;
    struct conv2d_block b = choose_block(w);
    conv2d_pack(x, CONV2D_LANES);
    struct launch *l = conv2d_start(x, "conv_cpu", "conv");
    launch_define(l, "-DTILE=%d -DBLOCK_N=%zu", way->rows, b.n);
    conv2d_block_define(&b, l);
    conv2d_arguments(x, l, true);
    size_t panels = divide_up((size_t)conv2d_dst_channels(w), CONV2D_LANES);
    size_t blocks = divide_up((size_t)w->g.n, b.n) * b.blocks_h * b.blocks_w;
    size_t phases = w->pass == CONV2D_DX ? b.step * b.step : 1;
    launch_size(l, 3, (size_t[]){panels, blocks, phases}, (size_t[]){1, 1, 1});
}

void conv2d_launch_cpu(const struct conv2d_parts *x, const struct conv2d_way *way) {
    (x->w->pass == CONV2D_DW ? launch_dw : launch_map)(x, way);
}
