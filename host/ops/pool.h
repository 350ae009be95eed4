/* What pooling operations share: windows over images, reduced channel by channel. Private to ops/.
 */
#ifndef DROPCL_OPS_POOL_H
#define DROPCL_OPS_POOL_H

#include "ops/internal.h"
#include "ops/window.h"

/* The attributes of maxpool and avgpool, and their table. */
struct pool_attr {
    struct ints size;
    int stride, pad; /* stride 0: the size */
};
extern const struct attr pool_attrs[];

/* The attributes of a step: x [N][H][W][C], y [N][oh][ow][C]. */
struct pool {
    int n, c;
    struct window_axis at[2]; /* height, width */
};

/* The rows and columns of the map that window (oy, ox) covers: [first, last) of both axes. */
struct pool_window {
    int first[2], last[2];
};
struct pool_window pool_window(const struct pool *, int oy, int ox);
/* The windows that cover a pixel, in the same form. */
struct pool_window pool_windows_of(const struct pool *, int y, int x);

/* The geometry of a layer, plan-owned; NULL after plan_fault. */
const struct pool *pool_of_layer(struct plan *, const struct layer *, int in,
                                 const struct pool_attr *);
/* The same with one window over the whole map. */
const struct pool *pool_of_map(struct plan *, const struct layer *, int in);

/* An operation and its gradient, twice. Stages count their elements in fours, so a pixel of another
 * number of channels cannot end in them: then nothing is fused into the operation. */
struct pool_kind {
    const struct op *forward[2], *backward[2]; /* [1]: with stages */
};
/* Appends the forward step with an output of shape `y`; the gradient appends dx = backward(dy[,
 * x]).
 */
int pool_append(struct plan *, const struct layer *, const struct pool_kind *, const struct pool *,
                int in, const struct shape *y);
void pool_grad(struct plan *, int i, const struct pool_kind *, bool reads_input);

/* What a kernel has work-items for: the pixels of the output of pooling; those of its input; or
 * those of its input window by window where windows tile the map and are small enough
 * (-DGRAD_BY_WINDOW=1), else pixel by pixel. */
enum pool_walk { POOL_OUTPUTS, POOL_INPUTS, POOL_WINDOWS };

/* The launch of kernel `kernel` of FILE.cl: the step's inputs up to `inputs`, its output, stages.
 * A work-item walks along a row of pixels on CPU devices, and has LANES channels of a pixel on
 * GPUs. */
void pool_launch(const struct plan *, const struct step *, const struct caps *,
                 struct launch_list *, const char *file, const char *kernel, int inputs,
                 enum pool_walk);

#endif
