#include "ops/conv2d_ways.h"
#include "ops/internal.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct conv2d_way simple = {.name = "simple", .launch = conv2d_launch_simple};

/* Samples of one pixel x channels: for batches; pixels x channels: for single samples. */
#define BATCH(r, columns)                                                                          \
    {                                                                                              \
        .name = "cpu batch " #r "x" #columns, .rows = r, .wide = columns / 16,                     \
        .launch = conv2d_launch_batch                                                              \
    }
#define CPU(r, columns)                                                                            \
    { .name = "cpu " #r "x" #columns, .rows = r, .wide = columns / 16, .launch = conv2d_launch_cpu }
static const struct conv2d_way batch_ways[] = {BATCH(8, 32), BATCH(8, 16)},
                               pixel_ways[] = {CPU(8, 16), CPU(6, 16)},
                               dw_ways[] = {CPU(8, 32), CPU(9, 32), CPU(5, 32), CPU(8, 16)};

struct list {
    const struct conv2d_way **way;
    int count;
};

static void add(struct list *l, const struct conv2d_way *ways, int count) {
    for (int i = 0; i < count; i++) l->way[l->count++] = &ways[i];
}

#define GPU(title, ...) {.name = title, .tile = {__VA_ARGS__}, .launch = conv2d_launch_gpu},
static const struct conv2d_way gpu_ways[] = {TILES(GPU)};
enum { GPU_WAYS = sizeof gpu_ways / sizeof *gpu_ways };

/* The first is the simplest kernel, which the others are checked against. GPUs: from the largest
 * tile to the smallest. CPU devices: tiles of samples come first where the batch fills one. */
static int list_ways(const struct caps *caps, const struct conv2d_work *w,
                     const struct conv2d_way *out[TUNE_WAYS]) {
    struct list l = {out, 0};
    add(&l, &simple, 1);
    for (int i = GPU_WAYS; !caps->cpu_family && i-- > 0;)
        if (conv2d_gpu_fits(w, caps, &gpu_ways[i])) add(&l, &gpu_ways[i], 1);
    if (!caps->cpu_family) return l.count;
    bool pixels = conv2d_cpu_fits(w);
    bool batch = w->g.n >= batch_ways->rows && conv2d_batch_fits(w, batch_ways->rows);
    if (pixels && w->pass == CONV2D_DW) add(&l, dw_ways, sizeof dw_ways / sizeof *dw_ways);
    if (batch) add(&l, batch_ways, sizeof batch_ways / sizeof *batch_ways);
    if (pixels && w->pass != CONV2D_DW) add(&l, pixel_ways, sizeof pixel_ways / sizeof *pixel_ways);
    return l.count;
}

/* What is used when nothing was timed: CPU devices have the second, GPUs the largest tile that
 * suits them, else the smallest there is. */
static int default_way(const struct caps *caps, const struct conv2d_work *w,
                       const struct conv2d_way *const *ways, int n) {
    if (caps->cpu_family) return n > 1;
    for (int i = 1; i < n; i++)
        if (conv2d_gpu_suits(w, caps, ways[i])) return i;
    return n - 1;
}

/* The name under which a choice is kept: everything that changes the kernel but the values. Two
 * layers may differ in their outputs alone, where the border behind the map is another. */
static void make_key(const struct step *s, const struct conv2d_work *w, char key[TUNE_KEY]) {
    static const char *const passes[] = {"conv2d", "conv2d_dx", "conv2d_dw"};
    const struct conv2d *g = &w->g;
    const struct window_axis *v = &g->at[0], *h = &g->at[1];
    int length =
        snprintf(key, TUNE_KEY, "%s_%dx%dx%dx%d_%dx%dx%d_%dx%d_%d_%d.%d_%d%d%d_%d", passes[w->pass],
                 g->n, v->in, h->in, g->c, v->out, h->out, g->f, v->kernel, h->kernel, v->stride,
                 v->before, h->before, g->depthwise, w->bias >= 0, w->db >= 0, s->nstages);
    assert(length < TUNE_KEY); /* a cut key would stand for several kernels */
}

int conv2d_step_ways(const struct step *s, const struct caps *caps, const struct conv2d_work *w,
                     struct step_ways *out) {
    const struct conv2d_way *ways[TUNE_WAYS];
    int n = list_ways(caps, w, ways);
    make_key(s, w, out->key);
    for (int i = 0; i < n; i++) out->name[i] = ways[i]->name;
    return out->count = n;
}

void conv2d_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                   const struct conv2d_work *w, struct launch_list *list) {
    const struct conv2d_way *ways[TUNE_WAYS];
    int n = list_ways(caps, w, ways);
    char key[TUNE_KEY];
    make_key(s, w, key);
    const char *tuned = caps->tuning ? tuning_find(caps->tuning, key) : NULL;
    const struct conv2d_way *way = ways[default_way(caps, w, ways, n)];
    for (int i = 0; tuned && i < n; i++)
        if (!strcmp(ways[i]->name, tuned)) way = ways[i];
    struct conv2d_parts x = {p, s, caps, w, list};
    way->launch(&x, way);
    conv2d_end(&x);
}

void conv2d_cost(const struct conv2d_work *w, struct cost *c) {
    const struct conv2d *g = &w->g;
    const struct window_axis *v = &g->at[0], *h = &g->at[1];
    c->flops = 2.0 * g->n * v->out * h->out * g->f * v->kernel * h->kernel * conv2d_depth(g);
    c->chunks = w->pass == CONV2D_DW ? conv2d_chunks(g) : 1;
}
