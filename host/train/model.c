#include "train/model.h"
#include "base/hash.h"
#include "ops/table.h"
#include "train/params.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err read_recipe(const struct recipe *from, struct recipe **out) {
    return recipe_parse(from->file, from->text, strlen(from->text), model_vocabulary(), NULL, 0,
                        out);
}

static enum err fill(struct model *m, const struct recipe *recipe) {
    TRY(read_recipe(recipe, &m->recipe));
    const struct plan_options options = {.mode = PLAN_EVAL, .batch = 1, .rows = 1};
    TRY(plan_new(m->recipe, &op_table_all, &options, &m->plan));
    m->channels = (int)(shape_elements(&m->plan->values[m->plan->norm].shape) / 2);
    m->classes = shape_features(&m->plan->values[m->plan->logits].shape);
    m->flat = calloc(m->plan->stored + 1, sizeof *m->flat);
    m->norm = calloc(2 * (size_t)m->channels, sizeof *m->norm);
    return m->flat && m->norm ? OK : err_memory("the parameters of a model");
}

enum err model_new(const struct recipe *recipe, struct model **out) {
    *out = NULL;
    struct model *m = calloc(1, sizeof *m);
    if (!m) return err_memory("a model");
    enum err rc = fill(m, recipe);
    if (rc) {
        model_free(m);
        return rc;
    }
    *out = m;
    return OK;
}

static void free_names(struct model *m) {
    if (!m->class_names) return;
    for (int i = 0; m->class_names[i]; i++) free((void *)(uintptr_t)m->class_names[i]);
    free((void *)(uintptr_t)m->class_names);
    m->class_names = NULL;
}

void model_free(struct model *m) {
    if (!m) return;
    free_names(m);
    plan_free(m->plan);
    recipe_free(m->recipe);
    free(m->flat);
    free(m->norm);
    free(m);
}

enum err model_describe(struct model *m, struct dataset *d, const char *device,
                        const char *driver) {
    snprintf(m->device, sizeof m->device, "%s", device);
    snprintf(m->driver, sizeof m->driver, "%s", driver);
    memcpy(m->dataset_sha256, dataset_hash(d), sizeof m->dataset_sha256);
    char **names = calloc((size_t)d->classes + 1, sizeof *names);
    if (!names) return err_memory("class names");
    free_names(m);
    m->class_names = (const char *const *)names;
    for (int i = 0; i < d->classes; i++)
        if (!(names[i] = strdup(d->class_names[i]))) return err_memory("class names");
    return OK;
}

struct named {
    const char *name;
    int param;
};

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

enum err model_file_order(const struct plan *plan, int **out) {
    size_t n = (size_t)plan->nparams;
    struct named *all = malloc((n + 1) * sizeof *all);
    int *order = malloc((n + 1) * sizeof *order);
    if (!all || !order) {
        free(all);
        free(order);
        return err_memory("the order of tensors");
    }
    for (size_t i = 0; i < n; i++)
        all[i] = (struct named){plan->values[plan->params[i].value].name, (int)i};
    qsort(all, n, sizeof *all, compare_names);
    for (size_t i = 0; i < n; i++) order[i] = all[i].param;
    free(all);
    *out = order;
    return OK;
}

enum err model_seal(struct model *m) {
    int *order = NULL;
    TRY(model_file_order(m->plan, &order));
    float *file = malloc((m->plan->stored + 1) * sizeof *file);
    enum err rc = file ? OK : err_memory("the parameters of a model");
    struct sha256 hash;
    sha256_init(&hash);
    m->parameters = 0;
    for (int i = 0; !rc && i < m->plan->nparams; i++) {
        const struct param *p = &m->plan->params[order[i]];
        size_t n = shape_elements(&m->plan->values[p->value].shape);
        params_to_file(m->plan, p, m->flat, file);
        sha256_add(&hash, file, n * sizeof *file);
        if (!p->running) m->parameters += n;
    }
    if (!rc) sha256_hex(&hash, m->sha256);
    free(file);
    free(order);
    return rc;
}

static const struct param *find_param(const struct plan *plan, const char *name) {
    for (int i = 0; i < plan->nparams; i++)
        if (!strcmp(plan->values[plan->params[i].value].name, name)) return &plan->params[i];
    return NULL;
}

enum err model_copy_params(const struct model *m, const struct plan *plan, float *flat) {
    for (int i = 0; i < plan->nparams; i++) {
        const struct value *to = &plan->values[plan->params[i].value];
        const struct param *source = find_param(m->plan, to->name);
        if (!source) return err_set(ERR_DATA, "the model to start from has no tensor %s", to->name);
        const struct value *from = &m->plan->values[source->value];
        char have[64], want[64];
        if (!shape_equal(&from->shape, &to->shape))
            return err_set(ERR_DATA,
                           "tensor %s of the model to start from is %s, the recipe's is %s",
                           to->name, shape_text(&from->shape, have), shape_text(&to->shape, want));
        memcpy(flat + to->offset, m->flat + from->offset,
               shape_elements(&to->shape) * sizeof *flat);
    }
    for (int i = 0; i < m->plan->nparams; i++) {
        const char *name = m->plan->values[m->plan->params[i].value].name;
        if (!find_param(plan, name))
            return err_set(ERR_DATA, "the model to start from holds %s, which the recipe has not",
                           name);
    }
    return OK;
}
