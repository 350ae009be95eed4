/* Tiles of products on GPUs (kernels/tile_gpu.cl): rows and columns of the output that a group
 * computes, and those that each of its work-items does. */
#ifndef DROPCL_OPS_TILE_H
#define DROPCL_OPS_TILE_H

#include "plan/launch.h"

struct tile {
    int m, n, item_m, item_n; /* m, n: 0 for ways without tiles */
};

/* The tiles that products are offered in, from the smallest, as rows of a table of ways: WAY(name,
 * m, n, item_m, item_n). The small ones suit outputs of which few large tiles would make. */
#define SMALL_TILES(WAY)                                                                           \
    WAY("gpu 32", 32, 32, 4, 4)                                                                    \
    WAY("gpu 64", 64, 64, 4, 4)
#define TILES(WAY)                                                                                 \
    SMALL_TILES(WAY)                                                                               \
    WAY("gpu 128x64", 128, 64, 8, 4)                                                               \
    WAY("gpu 128", 128, 128, 8, 8)

size_t tile_group(const struct tile *); /* work-items */
/* Whether the device has the local memory and the work-items for it. */
bool tile_fits(const struct tile *, const struct caps *);
/* Tiles that cover m x n outputs. */
size_t tile_count(const struct tile *, size_t m, size_t n);
/* Tells a launch of its tile; adds the piece "tile_gpu". */
void tile_define(const struct tile *, struct launch *);

#endif
