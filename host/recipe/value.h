/* Single values: numbers, words and lists of numbers. Each checks slot->node and fills slot->out,
 * or adds a fault and leaves it alone. */
#ifndef DROPCL_RECIPE_VALUE_H
#define DROPCL_RECIPE_VALUE_H

#include "recipe/check.h"

void value_int(struct check *c, const struct slot *s);
void value_seed(struct check *c, const struct slot *s);
void value_real(struct check *c, const struct slot *s);
void value_bool(struct check *c, const struct slot *s);
void value_enum(struct check *c, const struct slot *s);
void value_name(struct check *c, const struct slot *s);
void value_ints(struct check *c, const struct slot *s);

#endif
