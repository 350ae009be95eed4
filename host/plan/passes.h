/* The passes of plan_new, in order. Private to plan/. */
#ifndef DROPCL_PLAN_PASSES_H
#define DROPCL_PLAN_PASSES_H

#include "plan/op.h"

/* Faults a layer whose output nothing reads; once all are built. */
void layers_check_used(struct plan *);
void grad_build(struct plan *);
/* Of evaluation plans: operations write themselves into their neighbours (op.freeze; not with
 * no_fuse), and what depends on parameters alone comes first. */
void freeze_steps(struct plan *);
/* Makes every pointwise step an op_table.pointwise step with one stage, then (unless no_fuse) moves
 * stages into the producers of their inputs. */
void fuse_steps(struct plan *, const struct op *pointwise);
void slots_assign(struct plan *);
/* ERR_SYSTEM naming the first broken rule; a bug in an operation or a pass, never an input's fault.
 */
enum err verify_plan(const struct plan *);

#endif
