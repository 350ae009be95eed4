/* What activations share: pointwise operations whose gradient needs their input or their output.
 * Private to ops/. */
#ifndef DROPCL_OPS_ACTIVATION_H
#define DROPCL_OPS_ACTIVATION_H

#include "ops/internal.h"

/* What the gradient reads beside dy, and so what has to stay in memory until then. The output costs
 * less: then the input may be fused away. */
enum activation_reads { READS_INPUT, READS_OUTPUT };

/* Appends the backward step of step `i`: dx = grad(dy, what it reads), with the step's attributes.
 */
void activation_grad(struct plan *, int i, const struct op *grad, enum activation_reads);

/* Defines op_NAME, op_NAME_grad and NAME_build from NAME_point and NAME_grad_point. `...`: further
 * members of both operations, such as .words. */
#define ACTIVATION_OPERATIONS(NAME, READS, ...)                                                    \
    static const struct op op_##NAME##_grad = {                                                    \
        .name = #NAME "_grad", .point = NAME##_grad_point, .piece = #NAME, __VA_ARGS__};           \
    static void NAME##_grad(struct plan *p, int i) {                                               \
        activation_grad(p, i, &op_##NAME##_grad, READS);                                           \
    }                                                                                              \
    extern const struct op op_##NAME;                                                              \
    const struct op op_##NAME = {                                                                  \
        .name = #NAME, .point = NAME##_point, .grad = NAME##_grad, .piece = #NAME, __VA_ARGS__};   \
    static int NAME##_build(struct plan *p, const struct layer *layer, int in) {                   \
        return plan_point(p, &op_##NAME, layer->attr, layer->name, layer->line, -1, in, -1);       \
    }                                                                                              \
    extern const struct layer_type layer_##NAME

/* An attribute as words for the kernel: the float's bits in the first one. */
void activation_words(float parameter, uint32_t out[STAGE_WORDS]);

#endif
