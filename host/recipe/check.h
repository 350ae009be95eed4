/* A tree of nodes against attribute tables, into C structs. */
#ifndef DROPCL_RECIPE_CHECK_H
#define DROPCL_RECIPE_CHECK_H

#include "recipe/node.h"
#include "recipe/schema.h"

struct layer_seen;

struct check {
    struct arena *arena;
    struct faults *faults;
    const struct vocabulary *vocabulary;
    /* What the layers of the whole recipe have in common (layers.c). */
    struct layer_seen *seen;
    size_t seen_count, seen_capacity;
    int *types;     /* layers so far, per schema of the vocabulary */
    int stochastic; /* stochastic layers so far */
};

/* One value to check: of which thing, which attribute, and the field to fill. */
struct slot {
    const struct schema *owner;
    const struct attr *attr;
    const struct node *node;
    void *out;
    struct place place; /* of the attribute's key; of the owner when it is absent */
};

/* Attributes and the struct that they fill. Several tables may share a mapping: a layer's own
 * attributes and those that every layer has. */
struct table {
    const struct attr *attrs; /* ends with a NULL name; may be NULL */
    void *out;
};

/* Checks a mapping against the tables; NULL or a node without a value counts as an empty mapping
 * that stands at `place`. The structs hold zeros or what the caller wishes for absent optional
 * attributes. */
void check_tables(struct check *c, const struct schema *owner, const struct table *tables,
                  int count, const struct node *node, struct place place);

/* Checks one value by the type of its attribute. */
void check_slot(struct check *c, const struct slot *s);

/* A bare word or a one-key mapping among the schemas of a list. NULL with a fault when it is
 * neither. *body: the attributes, NULL for a bare word; *place: the word. `what` names the kind in
 * messages. */
const struct schema *check_pick(struct check *c, const char *what, const struct schema *const *list,
                                const struct node *node, const struct node **body,
                                struct place *place);

/* Zeroed memory for a schema's struct; NULL after setting faults->memory. */
void *check_alloc(struct check *c, size_t size);

/* "dense.units"; for the recipe itself just the key. */
struct label {
    char at[96];
};
struct label check_label(const struct slot *s);

/* "; did you mean 'rate'?" or " (known: a, b, c)". */
struct hint {
    char at[240];
};
struct hint check_hint(const char *word, const char *const *known);

#endif
