/* A model: a recipe's text with trained parameters in host memory, in the internal layouts. */
#ifndef DROPCL_TRAIN_MODEL_H
#define DROPCL_TRAIN_MODEL_H

#include "base/err.h"
#include "data/dataset.h"
#include "plan/plan.h"
#include "recipe/recipe.h"

struct model {
    struct recipe *recipe; /* owned */
    struct plan *plan; /* an evaluation plan: names, shapes and places of the parameters; owned */
    float *flat;       /* [plan->stored] */
    float *norm;       /* [2 * channels]: scale, shift */
    int channels, classes;
    int64_t step, epoch; /* where training was      */
    char dataset_sha256[65];
    char device[128], driver[128];
    const char *const *class_names; /* owned array of owned strings, may be NULL */
    size_t parameters;
    char sha256[65]; /* model_seal */
};

/* The schemas of all layers, losses, optimizers and schedules, for recipe_parse. */
const struct vocabulary *model_vocabulary(void);

/* A model of this recipe (read again from its text) with parameters and normalisation zero. */
enum err model_new(const struct recipe *, struct model **out);
/* Remembers which data and device the parameters come from. */
enum err model_describe(struct model *, struct dataset *, const char *device, const char *driver);

enum err model_load(const char *path, struct model **out);
enum err model_save(const struct model *, const char *path);
void model_free(struct model *);
/* Computes `parameters` and `sha256` from `flat`. */
enum err model_seal(struct model *);

/* Copies the parameters by name into the flat buffer of another plan. ERR_DATA naming a tensor that
 * is missing on either side or has another shape. */
enum err model_copy_params(const struct model *, const struct plan *, float *flat);

/* The parameters as a file holds them, sorted by name: indices into plan->params. Caller frees. */
enum err model_file_order(const struct plan *, int **out);

#endif
