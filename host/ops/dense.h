/* What layers with the parameters of a dense layer share: the attributes, W [In][Out] and b [Out],
 * and the step y = x W + b itself. Private to ops/. */
#ifndef DROPCL_OPS_DENSE_H
#define DROPCL_OPS_DENSE_H

#include "ops/internal.h"

struct dense_attr {
    int units, activation, init;
    bool bias;
    double max_norm;
};

extern const char *const dense_laws[];

/* The rows of an attribute table for a struct dense_attr at offset `at_` of the attributes. */
#define DENSE_ATTRS(at_)                                                                           \
    {.name = "units",                                                                              \
     .type = ATTR_INT,                                                                             \
     .offset = at_ + offsetof(struct dense_attr, units),                                           \
     .min = 1,                                                                                     \
     .max = 1 << 20,                                                                               \
     .doc = "outputs"},                                                                            \
        {.name = "activation",                                                                     \
         .type = ATTR_ENUM,                                                                        \
         .offset = at_ + offsetof(struct dense_attr, activation),                                  \
         .names = activation_names,                                                                \
         .fallback = "linear",                                                                     \
         .doc = "applied to the outputs"},                                                         \
        {.name = "bias",                                                                           \
         .type = ATTR_BOOL,                                                                        \
         .offset = at_ + offsetof(struct dense_attr, bias),                                        \
         .fallback = "true",                                                                       \
         .doc = "adds a trained constant to each output"},                                         \
        {.name = "init",                                                                           \
         .type = ATTR_ENUM,                                                                        \
         .offset = at_ + offsetof(struct dense_attr, init),                                        \
         .names = dense_laws,                                                                      \
         .fallback = "he",                                                                         \
         .doc = "bound of the uniform initial weights: sqrt(6/in), sqrt(6/(in+out)) or "           \
                "sqrt(3/in); biases start at 0"},                                                  \
        MAX_NORM_ATTR_AT(at_ + offsetof(struct dense_attr, max_norm))

/* Values of a layer's parameters; b -1: none. */
struct dense_params {
    int w, b;
};

/* Declares the parameters LAYER.weight and LAYER.bias of a layer that reads `in`. False after
 * plan_fault: too many weights or outputs. */
bool dense_params_new(struct plan *, const struct layer *, const struct dense_attr *, int in,
                      struct dense_params *);
/* Appends a step of `op` that reads x, W and, where there is one, b; returns it. Its output y
 * [N][Out] is out[0]. */
int dense_step_new(struct plan *, const struct op *, const void *attr, const struct layer *, int in,
                   const struct dense_params *);

extern const struct op op_dense;

#endif
