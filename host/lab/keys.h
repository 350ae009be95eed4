/* A recipe as a flat list of keys and values, for comparing several. */
#ifndef DROPCL_LAB_KEYS_H
#define DROPCL_LAB_KEYS_H

#include "base/arena.h"
#include "base/err.h"

struct key {
    const char *path, *value; /* "model.layers.0.dense.units", "256" */
};

struct keys {
    struct arena *arena; /* owns the strings */
    struct key *at;
    int count;
    size_t capacity;
};

/* In the order of the text. Lists without mappings in them are one value: "[28, 28, 1]". ERR_DATA
 * for a text that is no recipe. */
enum err keys_read(const char *text, struct keys *out);
void keys_free(struct keys *);

/* The value of a path, NULL when it is not there. */
const char *keys_find(const struct keys *, const char *path);

#endif
