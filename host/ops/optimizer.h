/* What the optimizers share: one launch over the flat buffers. Private to ops/. */
#ifndef DROPCL_OPS_OPTIMIZER_H
#define DROPCL_OPS_OPTIMIZER_H

#include "ops/internal.h"

/* in: parameters, gradients, state, metric (its latch); out: parameters, state. */
void optimizer_build(struct plan *, const struct op *, const void *attr);
void optimizer_launch(const struct plan *, const struct step *, const struct caps *,
                      const char *file, struct launch_list *);
/* True once a loss was not finite: the reference, like the kernels, then leaves everything as it
 * is. */
bool optimizer_stopped(const struct cpu_run *, const struct step *);
/* The CONTROL word as the reference computes with it. */
real optimizer_word(const struct cpu_run *, int word);

#endif
