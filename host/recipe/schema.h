/* Attribute tables. What a recipe may say is data: a schema lists the attributes of one thing (a
 * layer type, an optimizer, the train section) with type, range, default and a sentence of
 * documentation. The parser checks against it, `--set` goes through it, docs/recipes.md is printed
 * from it, and the checked values land in a plain C struct described by the offsets. */
#ifndef DROPCL_RECIPE_SCHEMA_H
#define DROPCL_RECIPE_SCHEMA_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recipe;

enum attr_type {               /* the C type at `offset` */
                 ATTR_INT,     /* int; with `names`: also these words, for -1, -2, ...         */
                 ATTR_SEED,    /* uint64_t                                                    */
                 ATTR_REAL,    /* double; words as of ATTR_INT                                 */
                 ATTR_BOOL,    /* bool: true or false, nothing else                           */
                 ATTR_ENUM,    /* int: index into `names`                                     */
                 ATTR_NAME,    /* const char *: [A-Za-z0-9_.-]+, NULL when absent and optional */
                 ATTR_INTS,    /* struct ints: a list of integers, each within the range      */
                 ATTR_CHOICE,  /* struct choice: a bare word or a one-key mapping among `kind` */
                 ATTR_LAYERS,  /* struct layers: a list of layers                             */
                 ATTR_SECTION, /* a nested struct described by `section`                      */
};

/* Which list of schemas of the vocabulary an ATTR_CHOICE picks from. */
enum choice_kind {
    CHOICE_LOSS,
    CHOICE_OPTIMIZER,
    CHOICE_SCHEDULE,
    CHOICE_RATE_SCHEDULE,
    CHOICE_KINDS
};

struct ints {
    int count, at[8];
};

struct schema;

struct attr {
    const char *name;
    enum attr_type type;
    size_t offset;
    double min, max;              /* inclusive; for INT, REAL and each of INTS. Both 0: no limit */
    bool above_min, below_max;    /* the limit itself is excluded                           */
    const char *fallback;         /* the default, as a recipe would spell it; NULL: required;
                                     "" : optional without a value (NULL, 0, empty)         */
    const char *const *names;     /* ENUM, INT, REAL: NULL-terminated                       */
    enum choice_kind kind;        /* CHOICE                                                 */
    const struct schema *section; /* SECTION                                              */
    const char *doc;
};

struct schema {
    const char *name, *doc;
    size_t size;              /* of the C struct */
    const struct attr *attrs; /* ends with a NULL name; NULL when there are none */
    bool stochastic;          /* draws random numbers: takes part in the numbering of stochastic
                                 layers and accepts `id` and `share` */
};

/* A checked choice: which schema, and its attribute struct. */
struct choice {
    const struct schema *schema; /* NULL when absent */
    const void *attr;
    int line, column;
};

/* A checked layer. `schema` is the first member of the layer type it came from. */
struct layer {
    const struct schema *schema;
    const void *attr;
    const char *name; /* name: or type and ordinal ("dense1", from 1), unique in the recipe */
    const char *from; /* from: or NULL                                                      */
    int stochastic;   /* the mask contract's layer field; -1 when the type draws nothing     */
    int draw;         /* ordinal from 0 among the layers that draw random numbers; -1. Differs from
                         `stochastic` where that was given by `id` */
    int line, column;
};

struct layers {
    int count;
    const struct layer *at;
};

/* The vocabulary a recipe is checked against: NULL-terminated lists, filled by the layers above. */
struct vocabulary {
    const struct schema *const *layers;
    const struct schema *const *choices[CHOICE_KINDS];
    const char *const *datasets; /* what train.dataset may name; NULL: any name */
    /* Puts in what no attribute says by itself, when all else is right; may be NULL. */
    enum err (*complete)(struct recipe *);
};

#endif
