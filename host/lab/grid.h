/* A grid over recipe keys: every combination of the values given for each key, the last key's
 * values changing fastest. */
#ifndef DROPCL_LAB_GRID_H
#define DROPCL_LAB_GRID_H

#include "base/err.h"
#include "base/text.h"

enum { GRID_AXES = 8, GRID_POINTS = 10000 };

struct grid_axis {
    char *key;     /* owned, as for --set   */
    char **values; /* owned, count of them  */
    int count;
};

struct grid {
    struct grid_axis axes[GRID_AXES];
    int naxes, points; /* points is 1 for a grid without axes */
};

void grid_init(struct grid *);
void grid_free(struct grid *);

/* Adds the axis "KEY=V1,V2,...". Commas inside brackets, braces and quotes belong to a value.
 * ERR_USAGE when it is malformed, has an empty value, a key twice, or makes the grid too large. */
enum err grid_add(struct grid *, const char *text);

/* The value of an axis at a point, 0 <= point < points. */
const char *grid_value(const struct grid *, int point, int axis);

/* "KEY=VALUE, KEY=VALUE" of a point, "the recipe as it is" without axes: for people. */
void grid_describe(const struct grid *, int point, struct text *out);

/* Seeds "1,2,3": *out is malloc'ed, the caller frees. ERR_USAGE for anything else, and for a seed
 * given twice. */
enum err grid_seeds(const char *text, uint64_t **out, int *count);

#endif
