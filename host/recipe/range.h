/* What an attribute's number may be. */
#ifndef DROPCL_RECIPE_RANGE_H
#define DROPCL_RECIPE_RANGE_H

#include "recipe/schema.h"

/* The limits of an attribute, made explicit. Without a limit on a side: that infinity, or, where
 * the C type is int, the limit of int. A table that gives only `min` (max below it) has no upper
 * limit. */
struct range {
    double min, max;
    bool above_min, below_max;       /* the limit itself is excluded */
    bool declared_min, declared_max; /* in the table, rather than by the C type */
};

struct range range_of(const struct attr *a);
bool range_holds(const struct range *r, double value);

struct range_words {
    char at[64];
};
/* "in [0, 1]", "at least 1", "greater than 0" ...; empty when nothing is declared. */
struct range_words range_words(const struct range *r);
/* The same for a value outside: names the limit that was missed where range_words would not. */
struct range_words range_missed(const struct range *r, double value);

#endif
