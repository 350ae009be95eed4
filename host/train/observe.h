/* Making masks visible. A mask is never stored, so it is observed by running the very same launch
 * on inputs that give 1 before the mask: the outputs are then 0 where it drops and its scale where
 * it keeps. (Behind a convolution without a bias they are multiples of the scale.) */
#ifndef DROPCL_TRAIN_OBSERVE_H
#define DROPCL_TRAIN_OBSERVE_H

#include "base/real.h"
#include "plan/op.h"

/* Whether step `s` draws a mask. */
bool observe_draws(const struct step *s);

/* What to put into input `k` of the step: fills `data` (elements of the value) and returns true, or
 * returns false when the input stays as it is. A GEMM with a bias gets weights 0 and bias 1; one
 * without gets rows (1, 0, 0, ...) and weights 1; a convolution without, 1 everywhere, as each
 * window must see something; a pointwise step gets 1. Second operands of
 * stages get 1. */
bool observe_input(const struct plan *, const struct step *, int k, real *data);

/* Which elements of a sample of the step's output its masks keep, by the generator alone
 * (docs/masks.md): kept[e] is 1 or 0. row: CONTROL; spare: room for as many numbers. */
void observe_kept(const struct plan *, const struct step *, const uint32_t *row, uint32_t sample,
                  uint8_t *kept, uint8_t *spare);

#endif
