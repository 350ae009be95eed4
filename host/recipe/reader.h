/* YAML text, in the recipe's subset of YAML, to a tree of nodes. */
#ifndef DROPCL_RECIPE_READER_H
#define DROPCL_RECIPE_READER_H

#include "recipe/node.h"

enum { READER_DEPTH = 32, READER_KEYS = 256, READER_BYTES = 1 << 20 };

/* The tree of `text`; NULL when it cannot be read any further, with a fault that says why (or with
 * faults->memory). A tree may come with faults too: what was refused is NODE_BAD in it. With
 * `at` (the value of a setting) every node and fault stands at *at, otherwise where the text has
 * it. */
struct node *reader_tree(struct arena *a, struct faults *faults, const char *text, size_t size,
                         const struct place *at);

#endif
