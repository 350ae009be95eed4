/* The ways to launch a convolution on a device. All give the same bits; which one is fastest
 * depends on device and shape, and is found by timing (train/tune.h). Where a name is also one of
 * matrix products, DROPCL_TUNE forces both. */
#ifndef DROPCL_OPS_CONV2D_WAYS_H
#define DROPCL_OPS_CONV2D_WAYS_H

#include "ops/conv2d.h"
#include "ops/tile.h"

/* What a way launches for. */
struct conv2d_parts {
    const struct plan *p;
    const struct step *s;
    const struct caps *caps;
    const struct conv2d_work *w;
    struct launch_list *list;
};

struct conv2d_way {
    const char *name;
    int rows, wide;   /* CPU devices: of the register tile, in elements and vectors */
    struct tile tile; /* GPUs: pixels (of dW: rows) x channels                  */
    void (*launch)(const struct conv2d_parts *, const struct conv2d_way *);
};

void conv2d_launch_simple(const struct conv2d_parts *, const struct conv2d_way *);
void conv2d_launch_cpu(const struct conv2d_parts *, const struct conv2d_way *);
void conv2d_launch_batch(const struct conv2d_parts *, const struct conv2d_way *);
/* Whether private memory is enough for it. */
bool conv2d_cpu_fits(const struct conv2d_work *);
bool conv2d_batch_fits(const struct conv2d_work *, int rows);
void conv2d_launch_gpu(const struct conv2d_parts *, const struct conv2d_way *);
/* Whether it can be built for this, and whether it makes good use of the device. */
bool conv2d_gpu_fits(const struct conv2d_work *, const struct caps *, const struct conv2d_way *);
bool conv2d_gpu_suits(const struct conv2d_work *, const struct caps *, const struct conv2d_way *);

/* ---- what the launches are made of ---- */

/* Channels of the map that forward or dx sums over, and of the one that it computes (SRC_C and
 * DST_C of conv_common.cl). */
static inline int conv2d_src_channels(const struct conv2d_work *w) {
    return w->pass == CONV2D_DX ? w->g.f : w->g.c;
}
static inline int conv2d_dst_channels(const struct conv2d_work *w) {
    return w->pass == CONV2D_DX ? w->g.c : w->g.f;
}

/* A launch that knows the geometry. `pass` may be other than the work's own. */
struct launch *conv2d_start(const struct conv2d_parts *, const char *file, const char *kernel);
/* Weights into scratch memory, in panels of `panel` channels (conv_pack.cl). */
void conv2d_pack(const struct conv2d_parts *, int panel);
/* The arguments of a forward or dx kernel (CONV_PARAMS, STAGE_PARAMS); `packed`: the weights are in
 * scratch memory. Call it after the kernel's own defines and before launch_size. */
void conv2d_arguments(const struct conv2d_parts *, struct launch *, bool packed);
/* The arguments of a dW kernel (DW_PARAMS), with scratch memory for the chunk sums. */
void conv2d_dw_arguments(const struct conv2d_parts *, struct launch *);
/* Behind everything: what the kernel leaves undone, the sum of the chunks, or stages. */
void conv2d_end(const struct conv2d_parts *);

#endif
