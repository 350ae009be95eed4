/* Flatten: says that what follows reads an image [H][W][C] as H*W*C features. A dense layer does so
 * by itself, in memory order, and remembers the image for model files (their rows are in the order
 * C, H, W), so there is nothing to compute, to copy or to rename: the layer's output is its input.
 */
#include "ops/internal.h"

static int flatten_build(struct plan *p, const struct layer *layer, int in) {
    (void)p, (void)layer;
    return in;
}

extern const struct layer_type layer_flatten;
const struct layer_type layer_flatten = {
    .schema = {.name = "flatten",
               .doc = "an image as one list of features, which dense reads it as anyway: no step"},
    .build = flatten_build,
};
