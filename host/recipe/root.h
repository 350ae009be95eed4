/* The schema of a whole recipe. */
#ifndef DROPCL_RECIPE_ROOT_H
#define DROPCL_RECIPE_ROOT_H

#include "recipe/recipe.h"

enum { ROOT_VERSION = 1 }; /* of the recipe format */

/* A recipe with what its readers need not see. */
struct document {
    struct recipe recipe; /* first: a struct recipe * is a struct document * */
    int version;
    const char
        *source; /* the text as given; positions refer to it, also where recipe.text differs */
    size_t source_size;
};

/* Describes struct document. */
extern const struct schema root_schema, root_model, root_train;

#endif
