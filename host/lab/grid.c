#include "lab/grid.h"
#include <stdlib.h>
#include <string.h>

enum { SEEDS_MAX = 1000 };

void grid_init(struct grid *g) {
    *g = (struct grid){.points = 1};
}

void grid_free(struct grid *g) {
    for (int a = 0; a < g->naxes; a++) {
        for (int v = 0; v < g->axes[a].count; v++) free(g->axes[a].values[v]);
        free(g->axes[a].values);
        free(g->axes[a].key);
    }
    grid_init(g);
}

/* The end of the value that starts at `s`: a comma outside of brackets and quotes, or the NUL.
 * NULL: something that was opened is not closed. */
static const char *value_end(const char *s) {
    int depth = 0;
    char quote = 0;
    for (; *s; s++) {
        if (quote) {
            if (*s == quote) quote = 0;
        } else if (*s == '"' || *s == '\'') {
            quote = *s;
        } else if (strchr("[{", *s)) {
            depth++;
        } else if (strchr("]}", *s)) {
            depth--;
        } else if (*s == ',' && depth == 0) {
            return s;
        }
        if (depth < 0) return NULL;
    }
    return depth || quote ? NULL : s;
}

static char *copy(const char *from, size_t length) {
    char *text = malloc(length + 1);
    if (!text) return NULL;
    memcpy(text, from, length);
    text[length] = '\0';
    return text;
}

static enum err add_value(struct grid_axis *axis, const char *from, size_t length) {
    char **grown = realloc(axis->values, ((size_t)axis->count + 1) * sizeof *grown);
    if (!grown) return err_memory("the values of a grid");
    axis->values = grown;
    if (!(grown[axis->count] = copy(from, length))) return err_memory("the values of a grid");
    axis->count++;
    return OK;
}

static enum err split(struct grid_axis *axis, const char *text, const char *values) {
    for (const char *at = values;; at++) {
        const char *end = value_end(at);
        if (!end)
            return err_set(ERR_USAGE, "a bracket or quote is not closed in the values of %s", text);
        if (end == at || strspn(at, " ") == (size_t)(end - at))
            return err_set(ERR_USAGE, "an empty value in %s: expected KEY=V1,V2,...", text);
        TRY(add_value(axis, at, (size_t)(end - at)));
        if (!*end) return OK;
        at = end;
    }
}

enum err grid_add(struct grid *g, const char *text) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return err_set(ERR_USAGE, "'%s' is not of the form KEY=V1,V2,...", text);
    if (g->naxes == GRID_AXES)
        return err_set(ERR_USAGE, "a grid has at most %d keys; %s is one too many", GRID_AXES,
                       text);
    struct grid_axis *axis = &g->axes[g->naxes];
    *axis = (struct grid_axis){.key = copy(text, (size_t)(equals - text))};
    if (!axis->key) return err_memory("the key of a grid");
    g->naxes++; /* from here on grid_free finds it */
    for (int a = 0; a < g->naxes - 1; a++)
        if (!strcmp(g->axes[a].key, axis->key))
            return err_set(ERR_USAGE, "%s is varied twice: give all its values at once", axis->key);
    TRY(split(axis, text, equals + 1));
    if (axis->count > GRID_POINTS / g->points)
        return err_set(ERR_USAGE, "a grid has at most %d points; %s makes it larger", GRID_POINTS,
                       axis->key);
    g->points *= axis->count;
    return OK;
}

const char *grid_value(const struct grid *g, int point, int axis) {
    for (int a = g->naxes - 1; a > axis; a--) point /= g->axes[a].count;
    return g->axes[axis].values[point % g->axes[axis].count];
}

void grid_describe(const struct grid *g, int point, struct text *out) {
    if (!g->naxes) text_add(out, "the recipe as it is");
    for (int a = 0; a < g->naxes; a++)
        text_add(out, "%s%s=%s", a ? ", " : "", g->axes[a].key, grid_value(g, point, a));
}

static enum err add_seed(const char *word, uint64_t *seeds, int *count) {
    uint64_t seed;
    if (!text_unsigned(word, &seed))
        return err_set(ERR_USAGE, "'%s' is no seed: expected whole numbers, 1,2,3", word);
    if (*count == SEEDS_MAX) return err_set(ERR_USAGE, "more than %d seeds", SEEDS_MAX);
    for (int i = 0; i < *count; i++)
        if (seeds[i] == seed) return err_set(ERR_USAGE, "seed %s is given twice", word);
    seeds[(*count)++] = seed;
    return OK;
}

enum err grid_seeds(const char *text, uint64_t **out, int *count) {
    char *words = strdup(text);
    uint64_t *seeds = malloc(SEEDS_MAX * sizeof *seeds);
    enum err rc = words && seeds ? OK : err_memory("seeds");
    *count = 0;
    for (char *at = words; !rc && at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        rc = add_seed(at, seeds, count);
        at = comma ? comma + 1 : NULL;
    }
    free(words);
    if (rc) {
        free(seeds);
        seeds = NULL;
    }
    *out = seeds;
    return rc;
}
