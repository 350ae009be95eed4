#include "ops/gemm_ways.h"
#include "ops/internal.h"
#include <string.h>

static const struct gemm_way simple = {.name = "simple", .launch = gemm_launch_simple};
static const struct gemm_way library = {.name = "clblast", .launch = gemm_launch_library};

/* 6 x 16 is 12 accumulators of 8 lanes, what 16 vector registers hold beside a row of B and an
 * element of A; 4 x 16 wastes less on few rows; 8 x 16 suits machines with 32 registers. */
#define CPU(r)                                                                                     \
    { .name = "cpu " #r "x16", .rows = r, .launch = gemm_launch_cpu }
static const struct gemm_way cpu_ways[] = {CPU(6), CPU(4), CPU(8)};

#define GPU(title, ...) {.name = title, .tile = {__VA_ARGS__}, .launch = gemm_launch_gpu},
#define SPLIT(title, ...)                                                                          \
    {.name = title " split", .split = true, .tile = {__VA_ARGS__}, .launch = gemm_launch_gpu},
static const struct gemm_way gpu_ways[] = {TILES(GPU) SMALL_TILES(SPLIT)};

static bool fits(const struct caps *caps, const struct gemm *g, const struct gemm_way *w) {
    return tile_fits(&w->tile, caps) && (!w->split || gemm_chunks(g) > 1);
}

int gemm_ways(const struct caps *caps, const struct gemm *g,
              const struct gemm_way *out[GEMM_WAYS]) {
    int n = 0;
    out[n++] = &simple;
    if (caps->cpu_family)
        for (size_t i = 0; i < sizeof cpu_ways / sizeof *cpu_ways; i++) out[n++] = &cpu_ways[i];
    else
        for (size_t i = 0; i < sizeof gpu_ways / sizeof *gpu_ways; i++)
            if (fits(caps, g, &gpu_ways[i])) out[n++] = &gpu_ways[i];
    if (caps->gemm_any) out[n++] = &library;
    return n;
}

bool gemm_way_exists(const char *name) {
    bool found = !strcmp(name, simple.name) || !strcmp(name, library.name);
    for (size_t i = 0; i < sizeof cpu_ways / sizeof *cpu_ways; i++)
        found = found || !strcmp(name, cpu_ways[i].name);
    for (size_t i = 0; i < sizeof gpu_ways / sizeof *gpu_ways; i++)
        found = found || !strcmp(name, gpu_ways[i].name);
    return found;
}

static int find(const struct gemm_way *const *ways, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (!strcmp(ways[i]->name, name)) return i;
    return -1;
}

/* Never the library, which is taken only where it was measured or asked for. Few tiles cannot fill
 * a GPU: smaller tiles then, and the chunks of the sum side by side. */
int gemm_default_way(const struct caps *caps, const struct gemm *g) {
    const struct gemm_way *ways[GEMM_WAYS];
    int n = gemm_ways(caps, g, ways);
    if (caps->cpu_family) return 1;
    size_t tiles = divide_up((size_t)g->m, 64) * divide_up((size_t)g->n, 64),
           units = (size_t)caps->compute_units;
    const char *name = "gpu 64";
    if (tiles < units)
        name = gemm_chunks(g) > 1 ? "gpu 32 split" : "gpu 32";
    else if (divide_up((size_t)g->m, 128) * divide_up((size_t)g->n, 128) >= 2 * units)
        name = "gpu 128";
    int chosen = find(ways, n, name);
    return chosen >= 0 ? chosen : n - 1 - caps->gemm_any;
}
