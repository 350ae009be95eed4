/* Making masks visible. A mask is never stored, so it is observed by running the very same launch
 * on inputs that are mostly 1: what it drops then differs from what it keeps. What is expected is
 * computed on the host, where a mask is the generator's decisions and nothing else.
 *
 * Some elements show nothing, and lose nothing either: the gradient of a convolution whose windows
 * leave pixels out, or of all but the largest of a window, is 0 whatever the mask says. */
#ifndef DROPCL_TRAIN_OBSERVE_H
#define DROPCL_TRAIN_OBSERVE_H

#include "base/real.h"
#include "plan/op.h"

/* Whether step `s` draws a mask. */
bool observe_draws(const struct step *s);

/* What to put into input `k` of the step: fills `data` (elements of the value) and returns true, or
 * returns false when the input stays as it is. A GEMM with a bias gets weights 0 and bias 1; one
 * without gets rows (1, 0, 0, ...) and weights 1; a convolution without, 1 everywhere, as each
 * window must see something; a pointwise step gets 1. Second operands of stages get 0.5. An
 * operation that masks its weights chooses the inputs itself (op.reveal), so that each output holds
 * up to eight decisions. Reads run.control. */
bool observe_input(const struct cpu_run *, const struct step *, int k, real *data);

/* What a step that draws masks gives: the operation by the reference, or the decisions of masked
 * weights by the generator alone, then the stages, where a mask is what the generator keeps
 * (docs/masks.md). Reads run.control and run.data of the step's
 * inputs, writes that of its output. kept: room for the decisions of a sample. */
void observe_expect(const struct cpu_run *, const struct step *, uint8_t *kept);

#endif
