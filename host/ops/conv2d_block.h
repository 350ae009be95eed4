/* On CPU devices a work-item of a convolution has a block of pixels and a patch of the other map in
 * private memory: what all windows of the block read. */
#ifndef DROPCL_OPS_CONV2D_BLOCK_H
#define DROPCL_OPS_CONV2D_BLOCK_H

#include "ops/conv2d.h"

enum { CONV2D_LANES = 16 }; /* channels of a vector */

struct conv2d_block {
    size_t step;               /* dx: between neighbouring pixels; 1, or the stride, where each
                                  phase of the pixels is a convolution of its own */
    bool padded;               /* the patch holds padding too                     */
    size_t spare;              /* floats behind each sample of the patch          */
    size_t n, h, w;            /* samples, rows and columns of pixels             */
    size_t blocks_h, blocks_w; /* over the map, of dx over its longest phase      */
    size_t patch_h, patch_w;
};

/* Pixels along an axis, of dx those of the longest phase. */
size_t conv2d_block_extent(const struct conv2d_work *, const struct conv2d_block *, int axis);
/* What `size` neighbouring pixels along an axis read. */
size_t conv2d_block_patch(const struct conv2d_work *, const struct conv2d_block *, int axis,
                          size_t size);
/* Of the patch of n x h x w pixels. */
size_t conv2d_block_floats(const struct conv2d_work *, const struct conv2d_block *,
                           size_t channels);
/* Halves its rows, then its columns, until the patch has at most `floats` or there is one pixel. */
void conv2d_block_halve(const struct conv2d_work *, struct conv2d_block *, size_t channels,
                        size_t floats);
/* Fills in blocks and patch. */
void conv2d_block_measure(const struct conv2d_work *, struct conv2d_block *);
/* Tells a launch of it. */
void conv2d_block_define(const struct conv2d_block *, struct launch *);

#endif
