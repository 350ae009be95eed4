/* A tree of nodes as YAML text. */
#ifndef DROPCL_RECIPE_EMIT_H
#define DROPCL_RECIPE_EMIT_H

#include "base/text.h"
#include "recipe/node.h"

/* Text that reads to the same tree as `root`, a mapping that has passed its checks: sections and
 * lists of layers as blocks, one layer a line where it fits. */
void emit_recipe(const struct node *root, struct text *out);

#endif
