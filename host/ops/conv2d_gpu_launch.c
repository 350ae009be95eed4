/* The launches of kernels/conv_gpu.cl and conv_gpu_dw.cl, and which tile a GPU gets untimed. */
#include "ops/conv2d_ways.h"
#include "ops/internal.h"

/* A convolution as products: `planes` (phases of dx, chunks of dW) of m x n outputs each. */
struct product {
    size_t m, n, planes;
};

static struct product product_of(const struct conv2d_work *w) {
    const struct conv2d *g = &w->g;
    const struct window_axis *v = &g->at[0], *h = &g->at[1];
    size_t n = (size_t)g->n, c = (size_t)g->c, f = (size_t)g->f, stride = (size_t)v->stride;
    switch (w->pass) {
    case CONV2D_FORWARD: return (struct product){n * (size_t)v->out * (size_t)h->out, f, 1};
    case CONV2D_DX:
        return (struct product){n * divide_up((size_t)v->in, stride) *
                                    divide_up((size_t)h->in, stride),
                                c, stride * stride};
    default:
        return (struct product){(size_t)v->kernel * (size_t)h->kernel * c, f,
                                (size_t)conv2d_chunks(g)};
    }
}

bool conv2d_gpu_fits(const struct conv2d_work *w, const struct caps *caps,
                     const struct conv2d_way *way) {
    return !w->g.depthwise && tile_fits(&way->tile, caps);
}

/* At most a quarter of the tiles is empty, and every compute unit gets two. */
bool conv2d_gpu_suits(const struct conv2d_work *w, const struct caps *caps,
                      const struct conv2d_way *way) {
    struct product p = product_of(w);
    const struct tile *t = &way->tile;
    size_t tiles = tile_count(t, p.m, p.n), room = tiles * (size_t)t->m * (size_t)t->n;
    return 4 * p.m * p.n >= 3 * room && tiles * p.planes >= 2 * (size_t)caps->compute_units;
}

void conv2d_launch_gpu(const struct conv2d_parts *x, const struct conv2d_way *way) {
    struct product p = product_of(x->w);
    bool dw = x->w->pass == CONV2D_DW;
    struct launch *l = conv2d_start(x, dw ? "conv_gpu_dw" : "conv_gpu", dw ? "conv_dw" : "conv");
    tile_define(&way->tile, l);
    if (dw)
        conv2d_dw_arguments(x, l);
    else
        conv2d_arguments(x, l, false);
    size_t group = tile_group(&way->tile);
    launch_size(l, 2, (size_t[]){tile_count(&way->tile, p.m, p.n) * group, p.planes},
                (size_t[]){group, 1});
}
