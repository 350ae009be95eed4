/* Windows that slide over an image: the geometry of convolution and pooling, one axis at a time. */
#ifndef DROPCL_OPS_WINDOW_H
#define DROPCL_OPS_WINDOW_H

#include "plan/op.h"

/* What `pad` may say besides a number; for an attribute of type ATTR_INT, whose words stand for -1,
 * -2, ... */
enum { PAD_SAME = -1, PAD_VALID = -2 };
extern const char *const window_pads[];
#define WINDOW_PAD_DOC                                                                             \
    "valid: none; same: as much as an output of in / stride, rounded up, needs, an odd one more "  \
    "below and to the right; a number: that many on every side"

/* Window o covers the inputs o * stride - before + k for k in [0, kernel); those outside of [0, in)
 * are padding. */
struct window_axis {
    int in, out, kernel, stride, before;
};

/* False when not even one window fits. pad: PAD_SAME, PAD_VALID or a number for both ends. */
bool window_axis(int in, int kernel, int stride, int pad, struct window_axis *);

/* Height and width of the layer's windows over the images of value `in` [N][H][W][C]; stride 0: of
 * the kernel's own size. False after plan_fault: no image, more than two numbers in `kernel`, or a
 * kernel that does not fit. */
bool window_of_layer(struct plan *, const struct layer *, int in, const struct ints *kernel,
                     int stride, int pad, struct window_axis out[2]);

#endif
