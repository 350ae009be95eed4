/* The launches of each way to compute a matrix product. */
#include "ops/gemm_ways.h"
#include "ops/internal.h"
#include <stdio.h>
#include <string.h>

/* What every own kernel is told; `file` is the way's. */
static struct launch *start(const struct gemm_parts *x, const char *file, const char *kernel) {
    const struct gemm *g = x->g;
    const struct gemm_values *v = x->v;
    struct launch *l = launch_new(x->list, file, kernel);
    launch_piece(l, "gemm_common");
    launch_define(l, "-DSIZE_M=%d -DSIZE_N=%d -DSIZE_K=%d", g->m, g->n, g->k);
    launch_define(l, "-DCHUNK=%d -DCHUNKS=%d", gemm_chunk_length(g), gemm_chunks(g));
    launch_define(l, "-DTA=%d -DTB=%d -DBIAS=%d -DCOLUMNS=%d", g->a_transposed, g->b_transposed,
                  v->bias >= 0, v->columns >= 0);
    launch_value(l, v->a);
    launch_value(l, v->b);
    launch_value(l, v->c);
    if (v->bias >= 0) launch_value(l, v->bias);
    if (v->columns >= 0) launch_value(l, v->columns);
    return l;
}

void gemm_launch_simple(const struct gemm_parts *x, const struct gemm_way *way) {
    (void)way;
    struct launch *l = start(x, "gemm_simple", "gemm");
    stages_launch(x->p, x->s, l);
    sizes_grid(l, x->caps, (size_t)x->g->n, (size_t)x->g->m, 1);
}

enum { CPU_COLUMNS = 16, CPU_GROUPS = 16, CPU_CACHED = 1 << 17, CPU_BLOCK = 128 };

void gemm_launch_cpu(const struct gemm_parts *x, const struct gemm_way *way) {
    struct launch *l = start(x, "gemm_cpu", "gemm");
    size_t m = (size_t)x->g->m, tile = (size_t)way->rows;
    size_t panels = divide_up((size_t)x->g->n, CPU_COLUMNS);
    /* Few panels: cut the rows as well, so that there is work for every thread. */
    size_t cuts = panels >= CPU_GROUPS ? 1 : divide_up(CPU_GROUPS, panels);
    size_t rows = divide_up(divide_up(m, cuts), tile) * tile;
    /* Every panel sweeps A: what does not stay in the second-level cache is swept block by block.
     */
    if (m * (size_t)x->g->k > CPU_CACHED && rows > CPU_BLOCK) rows = CPU_BLOCK / tile * tile;
    launch_define(l, "-DROWS=%zu -DBLOCK=%zu", tile, rows);
    stages_launch(x->p, x->s, l);
    launch_size(l, 2, (size_t[]){panels, divide_up(m, rows)}, (size_t[]){1, 1});
}

static struct launch *gpu_start(const struct gemm_parts *x, const struct gemm_way *way,
                                const char *kernel) {
    struct launch *l = start(x, "gemm_gpu", kernel);
    launch_define(l, "-DSPLIT=%d", way->split);
    tile_define(&way->tile, l);
    if (way->split) launch_scratch(l);
    stages_launch(x->p, x->s, l);
    return l;
}

void gemm_launch_gpu(const struct gemm_parts *x, const struct gemm_way *way) {
    size_t m = (size_t)x->g->m, n = (size_t)x->g->n, items = tile_group(&way->tile);
    size_t chunks = way->split ? (size_t)gemm_chunks(x->g) : 1;
    struct launch *l = gpu_start(x, way, "gemm");
    launch_size(l, 3,
                (size_t[]){divide_up(n, (size_t)way->tile.n) * items,
                           divide_up(m, (size_t)way->tile.m), chunks},
                (size_t[]){items, 1, 1});
    if (!way->split) return;
    size_t sums = x->v->columns >= 0;
    x->list->scratch = chunks * (m + sums) * n * sizeof(float);
    l = gpu_start(x, way, "gemm_sum");
    sizes_grid(l, x->caps, n, m + sums, 1);
}

/* The library's product, then bias and stages by a launch in place, then the column sums. */
void gemm_launch_library(const struct gemm_parts *x, const struct gemm_way *way) {
    const struct gemm *g = x->g;
    const struct gemm_values *v = x->v;
    (void)way;
    struct launch *l = launch_new(x->list, "gemm_common", "library");
    l->kind = LAUNCH_GEMM;
    l->gemm =
        (struct launch_gemm){g->a_transposed, g->b_transposed, g->m, g->n, g->k, v->a, v->b, v->c};
    if (x->s->nstages || v->bias >= 0) {
        l = launch_new(x->list, "finish", "finish");
        launch_define(l, "-DROWS=%d -DFEATURES=%d -DBIAS=%d", g->m, g->n, v->bias >= 0);
        launch_value(l, v->c);
        if (v->bias >= 0) launch_value(l, v->bias);
        stages_launch(x->p, x->s, l);
        sizes_grid(l, x->caps, (size_t)g->n, (size_t)g->m, 1);
    }
    if (v->columns >= 0) {
        l = launch_new(x->list, "columns", "columns");
        launch_define(l, "-DSIZE_N=%d -DSIZE_K=%d -DCHUNK=%d", g->n, g->k, gemm_chunk_length(g));
        launch_value(l, v->b);
        launch_value(l, v->columns);
        sizes_grid(l, x->caps, (size_t)g->n, 1, 1);
    }
}

/* The name under which a choice is kept: everything that changes the kernel but the values. */
static void gemm_key(const struct step *s, const struct caps *caps, const struct gemm *g,
                     const struct gemm_values *v, char *key) {
    snprintf(key, TUNE_KEY, "gemm_%dx%dx%d_%d%d%d%d_%d%s", g->m, g->n, g->k, g->a_transposed,
             g->b_transposed, v->bias >= 0, v->columns >= 0, s->nstages,
             caps->gemm_any ? "_any" : "");
}

int gemm_step_ways(const struct step *s, const struct caps *caps, const struct gemm *g,
                   const struct gemm_values *v, struct step_ways *out) {
    const struct gemm_way *ways[GEMM_WAYS];
    int n = gemm_ways(caps, g, ways);
    gemm_key(s, caps, g, v, out->key);
    for (int i = 0; i < n; i++) out->name[i] = ways[i]->name;
    return out->count = n;
}

void gemm_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                 const struct gemm *g, const struct gemm_values *v, struct launch_list *list) {
    const struct gemm_way *ways[GEMM_WAYS];
    int n = gemm_ways(caps, g, ways);
    char key[TUNE_KEY];
    gemm_key(s, caps, g, v, key);
    const char *tuned = caps->tuning ? tuning_find(caps->tuning, key) : NULL;
    const struct gemm_way *way = ways[gemm_default_way(caps, g)];
    for (int i = 0; tuned && i < n; i++)
        if (!strcmp(ways[i]->name, tuned)) way = ways[i];
    struct gemm_parts x = {p, s, caps, g, v, list};
    way->launch(&x, way);
}
