/* The arithmetic of DropBlock's rate, on the host in double (docs/masks.md). Private to ops/. */
#ifndef DROPCL_OPS_DROPBLOCK_H
#define DROPCL_OPS_DROPBLOCK_H

#include "ops/draws.h"

enum { GAMMA_EXACT, GAMMA_PAPER };
enum { NORMALIZE_EXPECTED, NORMALIZE_SAMPLE };

struct dropblock_attr {
    struct draw_attr draw;
    int size, gamma, normalize;
};

/* A map, the block clamped to it, and the corners whose block lies inside. */
struct dropblock_grid {
    int height, width, channels;
    int block_h, block_w;
    int grid_h, grid_w;
};
struct dropblock_grid dropblock_grid_of(const struct draw *);

/* The expected fraction of elements that are kept when each corner drops with probability gamma. */
double dropblock_kept(const struct dropblock_grid *, double gamma);
/* The probability of a corner at which the rate is reached: exactly, or by the paper's formula. */
double dropblock_gamma(const struct dropblock_grid *, double rate, int kind);

/* T of gamma; scale 1 / (kept fraction at that T). */
struct decision dropblock_decide(const struct draw *, double rate);
void dropblock_describe(const struct draw *, struct text *);

/* ---- dropblock_launch.c ---- */
void dropblock_launch(const struct plan *, const struct step *, const struct caps *,
                      struct launch_list *);
int dropblock_ways(const struct plan *, const struct step *, const struct caps *,
                   struct step_ways *);

#endif
