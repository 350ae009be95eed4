/* A recipe: the text of a model and its training, checked and turned into plain structs.
 *
 * The format is a strict subset of YAML (docs/recipes.md): no anchors, aliases, tags or second
 * documents; unknown and duplicate keys are errors; every fault of a text is reported, each as
 * `FILE:LINE:COLUMN: error: ...`, the source line and a caret. The recipe owns everything it points
 * to, through one arena; it is immutable once read. */
#ifndef DROPCL_RECIPE_RECIPE_H
#define DROPCL_RECIPE_RECIPE_H

#include "base/err.h"
#include "recipe/schema.h"

enum { NORMALIZE_STANDARD, NORMALIZE_UNIT };
enum { GEMM_PORTABLE, GEMM_ANY };

struct model_section {
    const char *name;
    struct ints input; /* H, W, C; or F for flat data */
    struct layers layers;
};

/* How training pictures are changed at random; all 0: not at all. */
struct augment_section {
    int crop;   /* pixels of padding on every side, from which a window is cut */
    bool flip;  /* left and right exchanged, half of the time */
    int cutout; /* side of a square that is blanked */
};

struct train_section {
    const char *dataset;
    int normalize;
    struct augment_section augment;
    struct choice loss, optimizer, schedule;
    int batch, micro_batch; /* micro_batch 0: the whole batch at once; it must divide batch */
    int epochs;
    uint64_t seed;
    int validation, limit; /* rows held out; training rows used, 0: all */
    bool shuffle;
    double ema; /* decay of the averaged model, 0: none */
    int precision, gemm;
};

struct recipe {
    struct model_section model;
    struct train_section train;
    const char *file; /* as named in messages */
    const char
        *text; /* canonical YAML of the recipe as run, settings applied; parses to the same */
    int stochastic_layers; /* layers that draw random numbers: their `draw` is below this */
    int lines;
    struct arena *arena;
};

/* KEY=VALUE as given to --set. KEY is a path of names, 0-based indices or `*`. */
struct setting {
    const char *key, *value;
};

/* Splits "KEY=VALUE" in place of a copy made in *s (caller frees s->key only). ERR_USAGE when
 * malformed. */
enum err recipe_setting(const char *text, struct setting *s);

/* ERR_RECIPE with all faults (20 at most); ERR_USAGE for a setting that matches nothing;
 * ERR_MISSING, ERR_IO from recipe_read. Depth is limited to 32, size to 1 MiB. */
enum err recipe_parse(const char *file, const char *text, size_t size, const struct vocabulary *,
                      const struct setting *settings, int count, struct recipe **out);
enum err recipe_read(const char *path, const struct vocabulary *, const struct setting *settings,
                     int count, struct recipe **out);
void recipe_free(struct recipe *r);

/* Calls `visit` with every layer in the order of the text: a layer before the layers inside it, a
 * body before a shortcut. */
void recipe_walk(const struct layers *, void (*visit)(const struct layer *, void *user),
                 void *user);

/* A fault found after parsing (shapes), pointing at a place of the text: "FILE:LINE:COL: error:
 * ...", the source line and a caret. Returns ERR_RECIPE. */
enum err recipe_fault(const struct recipe *r, int line, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The reference part of docs/recipes.md as Markdown, from the tables. */
struct text;
void recipe_document(const struct vocabulary *, struct text *out);

#endif
