/* What the launches of convolutions are made of, and the plainest way. */
#include "ops/conv2d_ways.h"
#include "ops/internal.h"

static size_t taps(const struct conv2d *g) {
    return (size_t)g->at[0].kernel * (size_t)g->at[1].kernel;
}

static size_t weight_rows(const struct conv2d *g) {
    return taps(g) * (size_t)conv2d_depth(g);
}

/* Masks are drawn four elements at a time, so a vector must not start between two fours. */
static bool stages_inside(const struct conv2d_parts *x) {
    return conv2d_dst_channels(x->w) % 4 == 0;
}

struct launch *conv2d_start(const struct conv2d_parts *x, const char *file, const char *kernel) {
    const struct conv2d *g = &x->w->g;
    const struct window_axis *v = &g->at[0], *h = &g->at[1];
    struct launch *l = launch_new(x->list, file, kernel);
    launch_define(l, "-DPASS=%d -DSAMPLES=%d -DKH=%d -DKW=%d", x->w->pass, g->n, v->kernel,
                  h->kernel);
    launch_define(l, "-DIN_H=%d -DIN_W=%d -DIN_C=%d", v->in, h->in, g->c);
    launch_define(l, "-DOUT_H=%d -DOUT_W=%d -DOUT_C=%d", v->out, h->out, g->f);
    launch_define(l, "-DSTRIDE=%d -DTOP=%d -DLEFT=%d", v->stride, v->before, h->before);
    launch_define(l, "-DDEPTHWISE=%d -DBIAS=%d -DDB=%d", g->depthwise, x->w->bias >= 0,
                  x->w->db >= 0);
    launch_define(l, "-DCHUNK_ROWS=%d -DCHUNKS=%d", conv2d_chunk_rows(g), conv2d_chunks(g));
    launch_piece(l, "conv_common");
    return l;
}

void conv2d_pack(const struct conv2d_parts *x, int panel) {
    const struct conv2d *g = &x->w->g;
    size_t width = divide_up((size_t)conv2d_dst_channels(x->w), (size_t)panel) * (size_t)panel;
    size_t depth = g->depthwise ? 1 : (size_t)conv2d_src_channels(x->w);
    struct launch *l = conv2d_start(x, "conv_pack", "conv_pack");
    launch_define(l, "-DPANEL=%d", panel);
    launch_value(l, x->w->b);
    launch_scratch(l);
    sizes_grid(l, x->caps, width, taps(g), 1);
    x->list->scratch = width * depth * taps(g) * sizeof(float);
}

void conv2d_arguments(const struct conv2d_parts *x, struct launch *l, bool packed) {
    const struct conv2d_work *w = x->w;
    struct step s = *x->s;
    launch_value(l, w->a);
    if (packed)
        launch_scratch(l);
    else
        launch_value(l, w->b);
    launch_value(l, w->c);
    if (w->bias >= 0) launch_value(l, w->bias);
    if (!stages_inside(x)) s.nstages = 0;
    stages_launch(x->p, &s, l);
}

void conv2d_dw_arguments(const struct conv2d_parts *x, struct launch *l) {
    const struct conv2d_work *w = x->w;
    size_t chunks = (size_t)conv2d_chunks(&w->g), rows = weight_rows(&w->g) + (w->db >= 0);
    launch_value(l, w->a);
    launch_value(l, w->b);
    if (chunks > 1) {
        x->list->scratch = chunks * rows * (size_t)w->g.f * sizeof(float);
        launch_scratch(l);
        return;
    }
    launch_value(l, w->c);
    if (w->db >= 0) launch_value(l, w->db);
}

static void sum_chunks(const struct conv2d_parts *x) {
    const struct conv2d_work *w = x->w;
    struct launch *l = conv2d_start(x, "conv_sum", "conv_sum");
    launch_scratch(l);
    launch_value(l, w->c);
    if (w->db >= 0) launch_value(l, w->db);
    sizes_grid(l, x->caps, (size_t)w->g.f, weight_rows(&w->g) + (w->db >= 0), 1);
}

static void finish_stages(const struct conv2d_parts *x) {
    const struct shape *shape = &x->p->values[x->w->c].shape;
    struct launch *l = launch_new(x->list, "finish", "finish");
    launch_define(l, "-DROWS=%d -DFEATURES=%d -DBIAS=0", shape->dim[0], shape_features(shape));
    launch_value(l, x->w->c);
    stages_launch(x->p, x->s, l);
    sizes_grid(l, x->caps, (size_t)shape_features(shape), (size_t)shape->dim[0], 1);
}

void conv2d_end(const struct conv2d_parts *x) {
    if (x->w->pass == CONV2D_DW && conv2d_chunks(&x->w->g) > 1) sum_chunks(x);
    if (x->s->nstages && !stages_inside(x)) finish_stages(x);
}

static void simple_dw(const struct conv2d_parts *x) {
    const struct conv2d_work *w = x->w;
    struct launch *l = conv2d_start(x, "conv_simple", "conv_dw");
    conv2d_dw_arguments(x, l);
    sizes_grid(l, x->caps, (size_t)w->g.f, weight_rows(&w->g) + (w->db >= 0),
               (size_t)conv2d_chunks(&w->g));
}

static void simple_map(const struct conv2d_parts *x) {
    const struct conv2d_work *w = x->w;
    bool dx = w->pass == CONV2D_DX, packed = dx && !w->g.depthwise;
    if (packed) conv2d_pack(x, w->g.c);
    struct launch *l = conv2d_start(x, "conv_simple", "conv");
    conv2d_arguments(x, l, packed);
    const struct window_axis *v = &w->g.at[0], *h = &w->g.at[1];
    size_t rows = (size_t)w->g.n * (size_t)(dx ? v->in : v->out);
    size_t channels = (size_t)conv2d_dst_channels(w);
    size_t vectors = divide_up(channels, lanes(x->caps));
    if (x->caps->cpu_family)
        sizes_grid(l, x->caps, channels, rows, 1);
    else /* one axis: on some GPUs the others are short */
        sizes_shares(l, x->caps, rows * (size_t)(dx ? h->in : h->out) * vectors);
}

void conv2d_launch_simple(const struct conv2d_parts *x, const struct conv2d_way *way) {
    (void)way;
    if (x->w->pass == CONV2D_DW)
        simple_dw(x);
    else
        simple_map(x);
}
