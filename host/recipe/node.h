/* A recipe as a tree of values that know where they stand. Everything belongs to the arena. */
#ifndef DROPCL_RECIPE_NODE_H
#define DROPCL_RECIPE_NODE_H

#include "base/arena.h"
#include "recipe/faults.h"
#include <stdbool.h>
#include <stddef.h>

enum node_kind {
    NODE_SCALAR,
    NODE_LIST,
    NODE_MAPPING,
    NODE_BAD, /* stands for something that was refused while reading: already reported */
};

struct node;

struct entry { /* of a mapping; in a list, key is NULL */
    struct node *key, *value;
};

struct node {
    enum node_kind kind;
    struct place place;
    bool quoted;       /* scalar: '...' or "..." */
    const char *value; /* scalar */
    struct entry *entries;
    int count;
    size_t capacity;
};

/* NULL when out of memory, as for everything below that returns a node. */
struct node *node_new(struct arena *a, enum node_kind kind, struct place place);
struct node *node_scalar(struct arena *a, struct place place, const char *value);
/* A deep copy whose every node stands at `place`. */
struct node *node_copy(struct arena *a, const struct node *from, struct place place);

/* False when out of memory. */
bool node_append(struct arena *a, struct node *to, struct node *key, struct node *value);

/* The index of a key in a mapping, -1 when it is absent. */
int node_index(const struct node *mapping, const char *key);
/* The value of a key, NULL when `mapping` is none or has no such key. */
const struct node *node_get(const struct node *mapping, const char *key);

/* A key without a value ("cosine:"): means the same as an empty mapping. */
bool node_is_null(const struct node *n);
bool node_is_word(const struct node *n, const char *word);

/* Levels of lists and mappings; 0 for a scalar. */
int node_depth(const struct node *n);

/* "a list", "an empty mapping", "nothing", "'text'": for messages. */
struct quote node_describe(const struct node *n);

#endif
