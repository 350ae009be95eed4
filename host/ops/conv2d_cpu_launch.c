/* The launches of kernels/conv_cpu.cl and conv_cpu_dw.cl: which block of pixels a work-item gets.
 */
#include "ops/conv2d_ways.h"
#include "ops/internal.h"

enum {
    COLUMNS = 16,
    BLOCK_PIXELS = 128,     /* of a block; more save reading halos twice, fewer stay in the cache */
    PATCH_FLOATS = 1 << 15, /* of private memory */
    DW_GROUP = 16,          /* input channels of a work-item: a line of the cache   */
    DW_PIXELS = 128,        /* of a block: 16 KiB of dy and two vectors of channels */
    DW_ROWS = 512           /* of dW, in private memory      */
};

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* A block of pixels and the patch of the other map that it needs. */
struct block {
    size_t n, h, w, blocks_n, blocks_h, blocks_w, patch_h, patch_w;
};

/* Pixels along an axis of the longest phase. */
static size_t extent(const struct conv2d_work *w, int axis) {
    const struct window_axis *a = &w->g.at[axis];
    if (w->pass != CONV2D_DX) return (size_t)a->out;
    return divide_up((size_t)a->in, (size_t)a->stride);
}

/* Patch along an axis for `size` pixels. */
static size_t patch_of(const struct conv2d_work *w, int axis, size_t size) {
    const struct window_axis *a = &w->g.at[axis];
    size_t kernel = (size_t)a->kernel, stride = (size_t)a->stride;
    if (w->pass == CONV2D_DX) return size + divide_up(kernel, stride) - 1;
    return (size - 1) * stride + kernel;
}

static size_t patch_floats(const struct conv2d_work *w, const struct block *b, size_t channels) {
    return b->n * patch_of(w, 0, b->h) * patch_of(w, 1, b->w) * channels;
}

/* Equal parts of at most `most`. */
static size_t share(size_t size, size_t most) {
    return divide_up(size, divide_up(size, most));
}

static void measure_block(const struct conv2d_work *w, struct block *b) {
    b->blocks_n = divide_up((size_t)w->g.n, b->n);
    b->blocks_h = divide_up(extent(w, 0), b->h);
    b->blocks_w = divide_up(extent(w, 1), b->w);
    b->patch_h = patch_of(w, 0, b->h);
    b->patch_w = patch_of(w, 1, b->w);
}

/* About BLOCK_PIXELS: whole rows, then parts of one sample, then several samples. */
static struct block choose_block(const struct conv2d_work *w) {
    size_t height = extent(w, 0), width = extent(w, 1);
    size_t channels = (size_t)(w->pass == CONV2D_DX ? w->g.f : w->g.c);
    struct block b = {.n = 1, .w = share(width, BLOCK_PIXELS)};
    b.h = share(height, BLOCK_PIXELS / b.w);
    while (b.h > 1 && patch_floats(w, &b, channels) > PATCH_FLOATS) b.h = divide_up(b.h, 2);
    while (b.w > 1 && patch_floats(w, &b, channels) > PATCH_FLOATS) b.w = divide_up(b.w, 2);
    if (b.h == height && b.w == width) {
        size_t room = PATCH_FLOATS / patch_floats(w, &b, channels);
        size_t wanted = smaller(BLOCK_PIXELS / (b.h * b.w), (size_t)w->g.n);
        b.n = room < 1 ? 1 : wanted < room ? wanted : room;
        if (b.n < 1) b.n = 1;
    }
    measure_block(w, &b);
    return b;
}

static size_t dw_group(const struct conv2d *g) {
    return divide_up((size_t)g->c, divide_up((size_t)g->c, DW_GROUP));
}

/* Rows of the patch for b->h rows of output pixels, which lie in several samples: each has the rows
 * of one window, and `stride` more for every further row. */
static size_t dw_patch_rows(const struct conv2d_work *w, const struct block *b) {
    const struct window_axis *a = &w->g.at[0];
    size_t kernel = (size_t)a->kernel, stride = (size_t)a->stride;
    size_t samples = b->h < 2 ? 1 : (b->h - 2) / (size_t)a->out + 2;
    if (samples > b->h) samples = b->h;
    return kernel > stride ? b->h * stride + samples * (kernel - stride) : b->h * stride;
}

/* Whole rows while they fit, of one sample and the next: a chain runs along the row before it goes
 * to the next. */
static struct block choose_dw_block(const struct conv2d_work *w) {
    size_t width = extent(w, 1), chunk = (size_t)conv2d_chunk_rows(&w->g);
    struct block b = {.n = 1, .w = smaller(width, DW_PIXELS)};
    b.h = b.w < width ? 1 : smaller(chunk, DW_PIXELS / b.w);
    while (b.h > 1 &&
           dw_patch_rows(w, &b) * patch_of(w, 1, b.w) * dw_group(&w->g) > PATCH_FLOATS / 4)
        b.h--;
    while (b.w > 1 && patch_floats(w, &b, dw_group(&w->g)) > PATCH_FLOATS)
        b.w = divide_up(b.w, 2), b.h = 1;
    measure_block(w, &b);
    b.patch_h = dw_patch_rows(w, &b);
    return b;
}

bool conv2d_cpu_fits(const struct conv2d_work *w) {
    const struct conv2d *g = &w->g;
    if (g->depthwise) return false;
    if (w->pass == CONV2D_DW) {
        size_t rows = (size_t)g->at[0].kernel * (size_t)g->at[1].kernel * dw_group(g);
        struct block b = choose_dw_block(w);
        return rows <= DW_ROWS && b.patch_h * b.patch_w * dw_group(g) <= PATCH_FLOATS;
    }
    struct block b = choose_block(w);
    size_t channels = (size_t)(w->pass == CONV2D_DX ? g->f : g->c);
    return patch_floats(w, &b, channels) <= PATCH_FLOATS;
}

static void launch_dw(const struct conv2d_parts *x, const struct conv2d_way *way) {
    const struct conv2d *g = &x->w->g;
    struct block b = choose_dw_block(x->w);
    struct launch *l = conv2d_start(x, "conv_cpu_dw", "conv_dw");
    launch_define(l, "-DTILE=%d -DWIDE=%d -DGROUP=%zu -DBLOCK_H=%zu -DBLOCK_W=%zu", way->rows,
                  way->wide, dw_group(g), b.h, b.w);
    launch_define(l, "-DPATCH_ROWS=%zu -DPATCH_W=%zu", b.patch_h, b.patch_w);
    conv2d_dw_arguments(x, l);
    size_t columns = divide_up((size_t)g->f, (size_t)way->wide * COLUMNS);
    launch_size(l, 3,
                (size_t[]){columns, divide_up((size_t)g->c, dw_group(g)), (size_t)conv2d_chunks(g)},
                (size_t[]){1, 1, 1});
}

static void launch_map(const struct conv2d_parts *x, const struct conv2d_way *way) {
    const struct conv2d_work *w = x->w;
    struct block b = choose_block(w);
    conv2d_pack(x, COLUMNS);
    struct launch *l = conv2d_start(x, "conv_cpu", "conv");
    launch_define(l, "-DTILE=%d -DBLOCK_N=%zu -DBLOCK_H=%zu -DBLOCK_W=%zu", way->rows, b.n, b.h,
                  b.w);
    launch_define(l, "-DPATCH_H=%zu -DPATCH_W=%zu -DBLOCKS_H=%zu -DBLOCKS_W=%zu", b.patch_h,
                  b.patch_w, b.blocks_h, b.blocks_w);
    conv2d_arguments(x, l, true);
    size_t stride = (size_t)w->g.at[0].stride, phases = w->pass == CONV2D_DX ? stride * stride : 1;
    size_t channels = (size_t)(w->pass == CONV2D_DX ? w->g.c : w->g.f);
    launch_size(
        l, 3,
        (size_t[]){divide_up(channels, COLUMNS), b.blocks_n * b.blocks_h * b.blocks_w, phases},
        (size_t[]){1, 1, 1});
}

void conv2d_launch_cpu(const struct conv2d_parts *x, const struct conv2d_way *way) {
    (x->w->pass == CONV2D_DW ? launch_dw : launch_map)(x, way);
}
