/* Model files: safetensors with PyTorch's names and layouts, complete in themselves through the
 * metadata. */
#include "base/io.h"
#include "base/text.h"
#include "data/safetensors.h"
#include "train/model.h"
#include "train/params.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_PREFIX "dropcl-model-"
#define MASK_CONTRACT "1" /* docs/masks.md */

enum { FORMAT_VERSION = 1, METADATA_MAX = 16 };

/* ---- writing ---- */

struct writing {
    struct tensor *tensors;
    float *data;
    struct metadata metadata[METADATA_MAX];
    int nmetadata;
    char *owned[METADATA_MAX]; /* values to free */
};

static enum err put(struct writing *w, const char *key, struct text *value) {
    char *text = NULL;
    TRY(text_take(value, &text));
    w->owned[w->nmetadata] = text;
    w->metadata[w->nmetadata++] = (struct metadata){key, text ? text : ""};
    return OK;
}

static enum err put_text(struct writing *w, const char *key, const char *value) {
    struct text t = {0};
    text_add(&t, "%s", value);
    return put(w, key, &t);
}

static enum err put_number(struct writing *w, const char *key, int64_t value) {
    struct text t = {0};
    text_add(&t, "%" PRId64, value);
    return put(w, key, &t);
}

/* Nine digits tell any two floats apart, so reading gives the same bits back. */
static enum err put_norm(struct writing *w, const struct model *m) {
    struct text t = {0};
    for (int i = 0; i < 2 * m->channels; i++)
        text_add(&t, i ? " %.9g" : "%.9g", (double)m->norm[i]);
    return put(w, "normalisation", &t);
}

static enum err put_classes(struct writing *w, const struct model *m) {
    if (!m->class_names) return OK;
    json_t *list = json_array();
    bool fine = list;
    for (int i = 0; fine && m->class_names[i]; i++)
        fine = !json_array_append_new(list, json_string(m->class_names[i]));
    char *text = fine ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    enum err rc = text ? put_text(w, "classes", text) : err_memory("class names");
    free(text);
    return rc;
}

static enum err describe(struct writing *w, const struct model *m) {
    struct text seed = {0};
    text_add(&seed, "%" PRIu64, m->recipe->train.seed);
    TRY(put(w, "seed", &seed));
    TRY(put_text(w, "format", FORMAT_PREFIX "1"));
    TRY(put_text(w, "mask_contract", MASK_CONTRACT));
    TRY(put_text(w, "recipe", m->recipe->text));
    TRY(put_number(w, "step", m->step));
    TRY(put_number(w, "epoch", m->epoch));
    TRY(put_norm(w, m));
    TRY(put_classes(w, m));
    TRY(put_text(w, "dataset_sha256", m->dataset_sha256));
    TRY(put_text(w, "device", m->device));
    TRY(put_text(w, "driver", m->driver));
    return put_text(w, "program", "dropcl " DROPCL_VERSION);
}

static enum err lay_out(struct writing *w, const struct model *m) {
    int *order = NULL;
    size_t n = (size_t)m->plan->nparams, used = 0;
    TRY(model_file_order(m->plan, &order));
    w->tensors = calloc(n + 1, sizeof *w->tensors);
    w->data = malloc((m->plan->stored + 1) * sizeof *w->data);
    if (!w->tensors || !w->data) {
        free(order);
        return err_memory("a model file");
    }
    for (size_t i = 0; i < n; i++) {
        const struct param *p = &m->plan->params[order[i]];
        const struct value *v = &m->plan->values[p->value];
        size_t elements = shape_elements(&v->shape);
        struct tensor *t = &w->tensors[i];
        *t = (struct tensor){.name = v->name, .dtype = "F32", .data = w->data + used};
        t->rank = params_file_shape(m->plan, p, t->shape);
        t->bytes = elements * sizeof *w->data;
        params_to_file(m->plan, p, m->flat, w->data + used);
        used += elements;
    }
    free(order);
    return OK;
}

enum err model_save(const struct model *m, const char *path) {
    struct writing w = {0};
    enum err rc = lay_out(&w, m);
    if (!rc) rc = describe(&w, m);
    if (!rc) rc = safetensors_write(path, w.tensors, m->plan->nparams, w.metadata, w.nmetadata);
    for (int i = 0; i < w.nmetadata; i++) free(w.owned[i]);
    free(w.tensors);
    free(w.data);
    return rc;
}

/* ---- reading ---- */

struct reading {
    const char *path;
    struct safetensors *file;
};

static enum err need(const struct reading *r, const char *key, const char **value) {
    *value = safetensors_metadata(r->file, key);
    if (*value) return OK;
    return err_set(ERR_DATA, "%s: not a model of this program: its metadata has no \"%s\"", r->path,
                   key);
}

static enum err check_version(const struct reading *r, const char *key, const char *value,
                              const char *prefix, int64_t known) {
    size_t length = strlen(prefix);
    int64_t version;
    if (strncmp(value, prefix, length) || !text_integer(value + length, &version) || version < 1)
        return err_set(ERR_DATA, "%s: unknown %s \"%s\"; this program reads %s%" PRId64, r->path,
                       key, value, prefix, known);
    if (version > known)
        return err_set(ERR_DATA,
                       "%s: %s \"%s\" is newer than this program, which reads up to %s%" PRId64,
                       r->path, key, value, prefix, known);
    return OK;
}

static enum err check_format(const struct reading *r) {
    const char *value;
    TRY(need(r, "format", &value));
    TRY(check_version(r, "format", value, FORMAT_PREFIX, FORMAT_VERSION));
    TRY(need(r, "mask_contract", &value));
    return check_version(r, "mask_contract", value, "", 1);
}

static enum err read_number(const struct reading *r, const char *key, int64_t *out) {
    const char *value;
    TRY(need(r, key, &value));
    if (text_integer(value, out) && *out >= 0) return OK;
    return err_set(ERR_DATA, "%s: metadata \"%s\" is \"%s\", not a count", r->path, key, value);
}

static enum err read_norm(const struct reading *r, struct model *m) {
    const char *value;
    TRY(need(r, "normalisation", &value));
    char *copy = strdup(value), *place = NULL;
    if (!copy) return err_memory("the normalisation of a model");
    int n = 0;
    double number = 0;
    bool fine = true;
    for (char *word = strtok_r(copy, " ", &place); word && fine;
         word = strtok_r(NULL, " ", &place), n++) {
        fine = n < 2 * m->channels && text_real(word, &number);
        if (fine) m->norm[n] = (float)number;
    }
    free(copy);
    if (fine && n == 2 * m->channels) return OK;
    return err_set(ERR_DATA, "%s: metadata \"normalisation\" must hold %d numbers, it is \"%s\"",
                   r->path, 2 * m->channels, value);
}

static enum err read_classes(const struct reading *r, struct model *m) {
    const char *value = safetensors_metadata(r->file, "classes");
    if (!value) return OK;
    json_t *list = json_loads(value, 0, NULL);
    bool fine = json_is_array(list) && json_array_size(list) == (size_t)m->classes;
    char **names = fine ? calloc((size_t)m->classes + 1, sizeof *names) : NULL;
    m->class_names = (const char *const *)names;
    for (int i = 0; names && fine && i < m->classes; i++) {
        const char *name = json_string_value(json_array_get(list, (size_t)i));
        fine = name && (names[i] = strdup(name));
    }
    json_decref(list);
    if (fine && names) return OK;
    return err_set(ERR_DATA, "%s: metadata \"classes\" must be a list of %d names", r->path,
                   m->classes);
}

/* "[256,784]" of a file's tensor. */
static void file_shape_text(int rank, const int64_t *shape, char out[160]) {
    size_t used = (size_t)snprintf(out, 160, "[");
    for (int i = 0; i < rank && used < 140; i++)
        used += (size_t)snprintf(out + used, 160 - used, i ? ",%" PRId64 : "%" PRId64, shape[i]);
    snprintf(out + used, 160 - used, "]");
}

static enum err read_tensor(const struct reading *r, struct model *m, const struct param *p) {
    const struct value *v = &m->plan->values[p->value];
    const struct tensor *t = safetensors_find(r->file, v->name);
    int64_t shape[SHAPE_MAX];
    int rank = params_file_shape(m->plan, p, shape);
    char want[160], have[160];
    file_shape_text(rank, shape, want);
    if (!t)
        return err_set(ERR_DATA, "%s: tensor %s %s, which the recipe needs, is missing", r->path,
                       v->name, want);
    file_shape_text(t->rank, t->shape, have);
    if (t->rank != rank || memcmp(t->shape, shape, (size_t)rank * sizeof *shape))
        return err_set(ERR_DATA, "%s: tensor %s is %s, the recipe needs %s", r->path, v->name, have,
                       want);
    if (strcmp(t->dtype, "F32"))
        return err_set(ERR_DATA, "%s: tensor %s is of type %s, the recipe needs F32", r->path,
                       v->name, t->dtype);
    float *file = malloc(t->bytes + 1); /* a file's tensors need not be aligned */
    if (!file) return err_memory("a tensor");
    memcpy(file, t->data, t->bytes);
    params_from_file(m->plan, p, file, m->flat);
    free(file);
    return OK;
}

static enum err refuse_extras(const struct reading *r, const struct model *m) {
    for (int i = 0; i < r->file->ntensors; i++) {
        const struct tensor *t = &r->file->tensors[i];
        bool known = false;
        for (int k = 0; k < m->plan->nparams && !known; k++)
            known = !strcmp(t->name, m->plan->values[m->plan->params[k].value].name);
        char shape[160];
        file_shape_text(t->rank, t->shape, shape);
        if (!known)
            return err_set(ERR_DATA, "%s: tensor %s %s does not belong to the recipe", r->path,
                           t->name, shape);
    }
    return OK;
}

static void copy_text(const struct reading *r, const char *key, char *out, size_t size) {
    const char *value = safetensors_metadata(r->file, key);
    snprintf(out, size, "%s", value ? value : "");
}

static enum err read_model(const struct reading *r, struct model **out) {
    TRY(check_format(r));
    const char *text;
    TRY(need(r, "recipe", &text));
    struct recipe *recipe = NULL;
    enum err rc = recipe_parse(r->path, text, strlen(text), model_vocabulary(), NULL, 0, &recipe);
    if (!rc) rc = model_new(recipe, out);
    recipe_free(recipe);
    if (rc == ERR_RECIPE) { /* the user wrote no recipe here: it is the file that is bad */
        err_append("(the recipe inside %s)", r->path);
        return ERR_DATA;
    }
    TRY(rc);
    struct model *m = *out;
    for (int i = 0; i < m->plan->nparams; i++) TRY(read_tensor(r, m, &m->plan->params[i]));
    TRY(refuse_extras(r, m));
    TRY(read_norm(r, m));
    TRY(read_classes(r, m));
    TRY(read_number(r, "step", &m->step));
    TRY(read_number(r, "epoch", &m->epoch));
    copy_text(r, "dataset_sha256", m->dataset_sha256, sizeof m->dataset_sha256);
    copy_text(r, "device", m->device, sizeof m->device);
    copy_text(r, "driver", m->driver, sizeof m->driver);
    return model_seal(m);
}

enum err model_load(const char *path, struct model **out) {
    *out = NULL;
    struct text t = {0};
    char *file = NULL;
    text_add(&t, io_is_folder(path) ? "%s/model.safetensors" : "%s", path);
    TRY(text_take(&t, &file));
    struct reading r = {.path = file};
    struct model *m = NULL;
    enum err rc = safetensors_open(file, &r.file);
    if (!rc) rc = read_model(&r, &m);
    if (rc) {
        model_free(m);
        m = NULL;
    }
    safetensors_close(r.file);
    free(file);
    *out = m;
    return rc;
}
