/* What pooling operations share. */
#include "ops/pool.h"

enum { LARGEST = 1 << 16 };

const struct attr pool_attrs[] = {
    {.name = "size",
     .type = ATTR_INTS,
     .offset = offsetof(struct pool_attr, size),
     .min = 1,
     .max = LARGEST,
     .doc = "of the window: [height, width], or one number for both"},
    {.name = "stride",
     .type = ATTR_INT,
     .offset = offsetof(struct pool_attr, stride),
     .min = 1,
     .max = LARGEST,
     .fallback = "",
     .doc = "pixels from one window to the next, in both directions; without it the size"},
    {.name = "pad",
     .type = ATTR_INT,
     .offset = offsetof(struct pool_attr, pad),
     .max = LARGEST,
     .names = window_pads,
     .fallback = "valid",
     .doc =
         "border around the map, at most half of the size, whose pixels do not count. " WINDOW_PAD_DOC},
    {0}};

static int clamp(int value, int low, int high) {
    return value < low ? low : value > high ? high : value;
}

struct pool_window pool_window(const struct pool *g, int oy, int ox) {
    struct pool_window w;
    const int out[2] = {oy, ox};
    for (int a = 0; a < 2; a++) {
        int first = out[a] * g->at[a].stride - g->at[a].before;
        w.first[a] = clamp(first, 0, g->at[a].in);
        w.last[a] = clamp(first + g->at[a].kernel, 0, g->at[a].in);
    }
    return w;
}

struct pool_window pool_windows_of(const struct pool *g, int y, int x) {
    struct pool_window w;
    const int in[2] = {y, x};
    for (int a = 0; a < 2; a++) {
        int stride = g->at[a].stride, padded = in[a] + g->at[a].before;
        int first = padded - g->at[a].kernel + stride; /* over stride, rounded up */
        w.first[a] = first < stride ? 0 : first / stride;
        w.last[a] = clamp(padded / stride + 1, 0, g->at[a].out);
    }
    return w;
}

/* ---- building ---- */

static const struct pool *keep(struct plan *p, const struct pool *g) {
    struct pool *copy = plan_alloc(p, sizeof *copy);
    *copy = *g;
    return copy;
}

const struct pool *pool_of_layer(struct plan *p, const struct layer *layer, int in,
                                 const struct pool_attr *attr) {
    struct pool g;
    if (!window_of_layer(p, layer, in, &attr->size, attr->stride, attr->pad, g.at)) return NULL;
    g.n = p->values[in].shape.dim[0];
    g.c = p->values[in].shape.dim[3];
    for (int a = 0; a < 2; a++)
        if (g.at[a].before > g.at[a].kernel / 2) {
            plan_fault(p, layer->line, layer->column,
                       "%s: a border of %d is more than half of a window of %d", layer->name,
                       g.at[a].before, g.at[a].kernel);
            return NULL;
        }
    double outputs = (double)g.n * g.at[0].out * g.at[1].out * g.c;
    if (outputs > INT32_MAX) {
        plan_fault(p, layer->line, layer->column,
                   "%s has %.0f outputs a batch, which may not be more than 2^31 - 1", layer->name,
                   outputs);
        return NULL;
    }
    return keep(p, &g);
}

const struct pool *pool_of_map(struct plan *p, const struct layer *layer, int in) {
    const struct shape *x = &p->values[in].shape; /* whatever its rank: that is checked below */
    const struct pool_attr attr = {.size = {2, {x->dim[1], x->dim[2]}}, .pad = PAD_VALID};
    return pool_of_layer(p, layer, in, &attr);
}

int pool_append(struct plan *p, const struct layer *layer, const struct pool_kind *kind,
                const struct pool *g, int in, const struct shape *y) {
    bool aligned = y->rank == 2 || g->c % 4 == 0; /* [N][C]: a sample is one pixel */
    int s = plan_step_new(p, kind->forward[aligned], g, layer->name, layer->line);
    plan_in(p, s, in);
    int out = plan_value_new(p, layer->name, y, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, out);
    return out;
}

void pool_grad(struct plan *p, int i, const struct pool_kind *kind, bool reads_input) {
    struct step s = p->steps[i];
    const struct pool *g = s.attr;
    struct shape shape = p->values[s.in[0]].shape;
    int step = plan_step_new(p, kind->backward[g->c % 4 == 0], g, s.name, s.line);
    plan_in(p, step, plan_grad_of(p, s.out[0]));
    if (reads_input) plan_in(p, step, s.in[0]);
    int dx = plan_value_new(p, plan_text(p, "%s.dx", s.name), &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, step, dx);
    plan_grad_give(p, s.in[0], dx);
}

/* ---- launching ---- */

enum { WINDOW_PIXELS = 16 /* of a work-item of a gradient by windows, in registers */ };

static bool tiled(const struct window_axis *a) {
    return a->stride == a->kernel && a->before == 0 && a->in == a->out * a->kernel;
}

void pool_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                 struct launch_list *list, const char *file, const char *kernel, int inputs,
                 enum pool_walk walk) {
    const struct pool *g = s->attr;
    const struct window_axis *h = &g->at[0], *w = &g->at[1];
    bool tiles = tiled(h) && tiled(w);
    bool by_window = walk == POOL_WINDOWS && tiles && h->kernel * w->kernel <= WINDOW_PIXELS;
    struct launch *l = launch_new(list, file, kernel);
    launch_define(l, "-DIN_H=%d -DIN_W=%d -DOUT_H=%d -DOUT_W=%d -DCHANNELS=%d", h->in, w->in,
                  h->out, w->out, g->c);
    launch_define(l, "-DKH=%d -DKW=%d -DSTRIDE_H=%d -DSTRIDE_W=%d -DTOP=%d -DLEFT=%d", h->kernel,
                  w->kernel, h->stride, w->stride, h->before, w->before);
    launch_define(l, "-DTILED=%d -DGRAD_BY_WINDOW=%d", tiles, by_window);
    launch_piece(l, "pool_common");
    for (int i = 0; i < inputs; i++) launch_value(l, s->in[i]);
    launch_value(l, s->out[0]);
    stages_launch(p, s, l);
    bool input = walk != POOL_OUTPUTS && !by_window;
    size_t rows = (size_t)(input ? h->in : h->out), columns = (size_t)(input ? w->in : w->out);
    size_t vectors = divide_up((size_t)g->c, lanes(caps)), samples = (size_t)g->n;
    if (caps->cpu_family)
        launch_size(l, 2, (size_t[]){rows, samples}, (size_t[]){1, 1});
    else
        launch_size(l, 2, (size_t[]){vectors * rows * columns, samples}, (size_t[]){64, 1});
}
