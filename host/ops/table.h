/* All operations, from ops.def. */
#ifndef DROPCL_OPS_TABLE_H
#define DROPCL_OPS_TABLE_H

#include "plan/op.h"

extern const struct op_table op_table_all;

/* "linear", then the activations of ops.def; for attributes of type ATTR_ENUM. NULL-terminated. */
extern const char *const activation_names[];

/* The operation of activation `index` of activation_names, with NULL for its attributes; NULL for
 * linear. */
const struct op *activation_op(int index);

/* Appends activation `index` of activation_names to the plan (nothing for linear); returns its
 * output. */
int activation_build(struct plan *, int index, const struct layer *, int in);

#endif
