/* Lists of layers: their types, names, and numbers in the mask contract. */
#ifndef DROPCL_RECIPE_LAYERS_H
#define DROPCL_RECIPE_LAYERS_H

#include "recipe/check.h"

/* Prepares the counters of `c`. */
enum err layers_begin(struct check *c);

/* Checks an ATTR_LAYERS value into the struct layers at slot->out. At least one layer, unless the
 * attribute is optional. */
void layers_list(struct check *c, const struct slot *s);

/* The faults that only the whole recipe shows: names and numbers used twice. */
void layers_end(struct check *c);

/* The keys that every layer accepts, and those of layers that draw random numbers: for the
 * document. */
extern const struct attr layers_common[], layers_drawing[];

#endif
