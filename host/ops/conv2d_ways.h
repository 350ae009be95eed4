/* The ways to launch a convolution on a device. All give the same bits; which one is fastest
 * depends on device and shape, and is found by timing (train/tune.h). Their names are those of
 * matrix products, so that DROPCL_TUNE forces both. */
#ifndef DROPCL_OPS_CONV2D_WAYS_H
#define DROPCL_OPS_CONV2D_WAYS_H

#include "ops/conv2d.h"

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
    int rows, wide; /* CPU devices: of the register tile, in elements and vectors */
    int tile, item; /* GPUs: side of a group's tile and of a work-item's part     */
    void (*launch)(const struct conv2d_parts *, const struct conv2d_way *);
};

void conv2d_launch_simple(const struct conv2d_parts *, const struct conv2d_way *);
void conv2d_launch_cpu(const struct conv2d_parts *, const struct conv2d_way *);
void conv2d_launch_batch(const struct conv2d_parts *, const struct conv2d_way *);
/* Whether private memory is enough for it. */
bool conv2d_cpu_fits(const struct conv2d_work *);
bool conv2d_batch_fits(const struct conv2d_work *, int rows);

/* ---- what the launches are made of ---- */

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
