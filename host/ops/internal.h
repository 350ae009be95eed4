/* What the operations share. Private to ops/. */
#ifndef DROPCL_OPS_INTERNAL_H
#define DROPCL_OPS_INTERNAL_H

#include "control_words.h"
#include "plan/control.h"
#include "plan/op.h"

/* Lanes a kernel handles at once: float16 on CPU devices, float4 on GPUs (kernels/pointwise.h). */
static inline size_t lanes(const struct caps *c) {
    return c->cpu_family ? 16 : 4;
}

static inline size_t divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

static inline size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Work-items for `n` units of work: on CPU devices at most 64 single-item groups, each doing
 * several. */
static inline size_t cpu_groups(size_t n) {
    return n < 64 ? n : 64;
}

/* The size of a launch: n units of work in shares (FOR_SHARE); `rows` rows in shares on CPU
 * devices, on GPUs a work-item for each vector of `features`; on both a work-item for each vector
 * of `columns`, in each row of each plane. Sizes are rounded up to whole groups: kernels ask. */
void sizes_shares(struct launch *, const struct caps *, size_t n);
void sizes_rows(struct launch *, const struct caps *, size_t rows, size_t features);
void sizes_grid(struct launch *, const struct caps *, size_t columns, size_t rows, size_t planes);

/* Gives a producer's launch its epilogue: the pieces, -DEPILOGUE, and the arguments every producer
 * has last: CONTROL, the cursor and the second operands (STAGE_PARAMS of kernels/pointwise.h). Adds
 * the piece "epilogue". Call it after the kernel's own arguments. */
void stages_launch(const struct plan *, const struct step *, struct launch *);

/* The row of an attribute table for struct param's max_norm. */
#define MAX_NORM_ATTR(type_) MAX_NORM_ATTR_AT(offsetof(type_, max_norm))
#define MAX_NORM_ATTR_AT(at_)                                                                      \
    {                                                                                              \
        .name = "max_norm", .type = ATTR_REAL, .offset = at_, .max = 1e6, .above_min = true,       \
        .fallback = "",                                                                            \
        .doc = "largest norm of the weights into a unit, to which each optimizer step cuts them "  \
               "back (Srivastava et al. 2014: 2 to 4); without it there is none"                   \
    }

extern const struct op op_gather, op_add, op_fold, op_keep, op_pointwise, op_relu, op_softmax,
    op_average, op_ensemble, op_max_norm;

#endif
