#include "ops/tile.h"
#include "ops/internal.h"

enum { SLICE = 16, SPARE = 4 }; /* kernels/tile_gpu.cl: products in local memory, and its PITCH */

size_t tile_group(const struct tile *t) {
    return (size_t)(t->m / t->item_m) * (size_t)(t->n / t->item_n);
}

bool tile_fits(const struct tile *t, const struct caps *caps) {
    size_t bytes = SLICE * (size_t)(t->m + t->n + 2 * SPARE) * sizeof(float);
    return tile_group(t) <= caps->max_work_group && bytes <= caps->local_bytes;
}

size_t tile_count(const struct tile *t, size_t m, size_t n) {
    return divide_up(m, (size_t)t->m) * divide_up(n, (size_t)t->n);
}

void tile_define(const struct tile *t, struct launch *l) {
    launch_define(l, "-DTILE_M=%d -DTILE_N=%d -DITEM_M=%d -DITEM_N=%d", t->m, t->n, t->item_m,
                  t->item_n);
    launch_piece(l, "tile_gpu");
}
