/* The lists behind op_table_all, made from ops.def. */
#include "ops/table.h"
#include "ops/internal.h"

/* Each list is one reading of ops.def in which the lines it is not about vanish. */
#define LAYER(name) extern const struct layer_type layer_##name;
#define ACTIVATION(name)                                                                           \
    extern const struct layer_type layer_##name;                                                   \
    extern const struct op op_##name;
#define LOSS(name)      extern const struct loss_type loss_##name;
#define OPTIMIZER(name) extern const struct optimizer_type optimizer_##name;
#include "ops/ops.def"
#undef LAYER
#undef ACTIVATION
#undef LOSS
#undef OPTIMIZER

#define LOSS(name)
#define OPTIMIZER(name)
#define LAYER(name)      &layer_##name,
#define ACTIVATION(name) &layer_##name,
static const struct layer_type *const layers[] = {
#include "ops/ops.def"
    NULL};
#undef LAYER
#undef ACTIVATION

#define LAYER(name)
#define ACTIVATION(name) #name,
const char *const activation_names[] = {"linear",
#include "ops/ops.def"
                                        NULL};
#undef ACTIVATION
#define ACTIVATION(name) &layer_##name,
static const struct layer_type *const activations[] = {
    NULL,
#include "ops/ops.def"
};
#undef ACTIVATION
#define ACTIVATION(name) &op_##name,
static const struct op *const activation_ops[] = {
    NULL,
#include "ops/ops.def"
};
#undef ACTIVATION
#undef LOSS

#define ACTIVATION(name)
#define LOSS(name) &loss_##name,
static const struct loss_type *const losses[] = {
#include "ops/ops.def"
    NULL};
#undef LOSS
#undef OPTIMIZER

#define LOSS(name)
#define OPTIMIZER(name) &optimizer_##name,
static const struct optimizer_type *const optimizers[] = {
#include "ops/ops.def"
    NULL};

const struct op_table op_table_all = {.layers = layers,
                                      .losses = losses,
                                      .optimizers = optimizers,
                                      .gather = &op_gather,
                                      .add = &op_add,
                                      .fold = &op_fold,
                                      .keep = &op_keep,
                                      .pointwise = &op_pointwise,
                                      .max_norm = &op_max_norm,
                                      .average = &op_average,
                                      .softmax = &op_softmax,
                                      .ensemble = &op_ensemble};

const struct op *activation_op(int index) {
    return activation_ops[index];
}

int activation_build(struct plan *p, int index, const struct layer *layer, int in) {
    if (!index) return in;
    struct layer own = *layer; /* its attributes are those of another type: ours are the defaults */
    own.schema = &activations[index]->schema;
    own.attr = NULL;
    return activations[index]->build(p, &own, in);
}
