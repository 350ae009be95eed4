/* Two-dimensional convolution: shape, order of summation, C reference and launches.
 *
 *   y[n][oy][ox][f]   = bias[f] + sum over (ky, kx, c) of x[n][iy][ix][c] W[ky][kx][c][f]
 *   dx[n][iy][ix][c]  = sum over (ky, kx, f) of dy[n][oy][ox][f] W[ky][kx][c][f]
 *   dW[ky][kx][c][f]  = sum over (n, oy, ox) of x[n][iy][ix][c] dy[n][oy][ox][f]
 *   db[f]             = sum over (n, oy, ox) of dy[n][oy][ox][f]
 * with iy = oy * stride - before + ky, and ix likewise. (What the field calls convolution; the
 * kernel is not flipped.) Depthwise: output channel f reads input channel f alone, and W is
 * [kh][kw][1][f].
 *
 * The order of summation, part of the arithmetic contract:
 * - y and dx are one chain of fma from 0 each, ascending in ky, then kx, then c (f). bias is added
 *   last.
 * - Padding takes no part, and +0 is added to each finished chain. A product of 0 with a finite
 *   number can only change the sign of a zero, and that is lost in the sum with +0: so a kernel may
 *   read padding as +0, or skip it.
 * - dW and db are cut into chunks of conv2d_chunk_rows rows of output pixels, the rows of all
 *   samples counted through; each chunk is one chain from 0, ascending in row, then ox (db: of
 *   additions); the chunk sums are added in order. */
#ifndef DROPCL_OPS_CONV2D_H
#define DROPCL_OPS_CONV2D_H

#include "ops/window.h"
#include "plan/op.h"

struct conv2d {
    int n, c, f;              /* samples, input channels, output channels         */
    struct window_axis at[2]; /* height, width                                    */
    bool depthwise, bias;     /* bias: y has one, and backward gives its gradient */
};

/* Enough chunks to keep a device busy and chains short; so few that their sums take at most 8 MiB
 * and each has some hundred pixels. */
enum { CONV2D_CHUNKS = 64, CONV2D_CHUNK_PIXELS = 512, CONV2D_CHUNK_SUMS = 1 << 21 };
int conv2d_chunk_rows(const struct conv2d *);
int conv2d_chunks(const struct conv2d *);

/* Input channels that one output channel reads: c, or 1. */
static inline int conv2d_depth(const struct conv2d *g) {
    return g->depthwise ? 1 : g->c;
}

/* The C reference; bias and db may be NULL. */
void conv2d_cpu(const struct conv2d *, const real *x, const real *w, const real *bias, real *y);
void conv2d_cpu_dx(const struct conv2d *, const real *dy, const real *w, real *dx);
void conv2d_cpu_dw(const struct conv2d *, const real *x, const real *dy, real *dw, real *db);
/* Element `index` of y, dx, dw and db. */
real conv2d_cpu_at(const struct conv2d *, const real *x, const real *w, const real *bias,
                   size_t index);
real conv2d_cpu_dx_at(const struct conv2d *, const real *dy, const real *w, size_t index);
real conv2d_cpu_dw_at(const struct conv2d *, const real *x, const real *dy, size_t index);
real conv2d_cpu_db_at(const struct conv2d *, const real *dy, size_t index);

/* One of the three, as a step. Values: a and b are what is multiplied, in the order of the formulas
 * above (x and W, dy and W, x and dy), c the result; bias and db: -1 where there is none. */
enum conv2d_pass { CONV2D_FORWARD, CONV2D_DX, CONV2D_DW };
struct conv2d_work {
    struct conv2d g;
    enum conv2d_pass pass;
    int a, b, bias, c, db;
};
void conv2d_launch(const struct plan *, const struct step *, const struct caps *,
                   const struct conv2d_work *, struct launch_list *);
int conv2d_step_ways(const struct step *, const struct caps *, const struct conv2d_work *,
                     struct step_ways *out);
void conv2d_cost(const struct conv2d_work *, struct cost *);

#endif
