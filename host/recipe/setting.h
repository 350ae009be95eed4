/* --set KEY=VALUE: edits of a recipe's tree before it is checked, so that a setting goes through
 * the same schema as the text. */
#ifndef DROPCL_RECIPE_SETTING_H
#define DROPCL_RECIPE_SETTING_H

#include "recipe/node.h"

/* Applies settings[number - 1] of `faults` to the tree. VALUE is YAML in the recipe's subset. The
 * path may name keys that do not exist yet: they are inserted, for the schema to judge; a bare word
 * on the way (`constant`) becomes a mapping. ERR_USAGE when the path is malformed or matches
 * nothing: a list has no such element, a plain value is in the way, a `*` finds no fitting element.
 * A VALUE that cannot be read is a fault. */
enum err setting_apply(struct arena *a, struct faults *faults, int number, struct node *root);

#endif
