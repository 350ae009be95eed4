/* The public functions of dropcl.h: argument checks and a name for everything below. The handles
 * are the library's own structs. */
#include "base/text.h"
#include "dropcl.h"
#include "train/predict.h"
#include "train/train.h"
#include <stdlib.h>
#include <string.h>

static struct device *device_of(const dropcl_device *d) {
    return (struct device *)(uintptr_t)d;
}

static const struct recipe *recipe_of(const dropcl_recipe *r) {
    return (const struct recipe *)(const void *)r;
}

static const struct model *model_of(const dropcl_model *m) {
    return (const struct model *)(const void *)m;
}

static int missing(const char *what) {
    return (int)err_set(ERR_USAGE, "%s must not be NULL", what);
}

const char *dropcl_error(void) {
    return err_message();
}

const char *dropcl_version(void) {
    return DROPCL_VERSION;
}

/* ---- devices ---- */

int dropcl_device_open(const char *spec, dropcl_device **out) {
    if (!out) return missing("out");
    *out = NULL;
    struct device_info info;
    struct device *d = NULL;
    enum err rc = device_find(spec, &info);
    if (!rc) rc = device_open(&info, &d);
    *out = (dropcl_device *)d;
    return (int)rc;
}

void dropcl_device_close(dropcl_device *d) {
    device_close(device_of(d));
}

const char *dropcl_device_name(const dropcl_device *d) {
    return device_about(device_of(d))->name;
}

const char *dropcl_device_driver(const dropcl_device *d) {
    return device_about(device_of(d))->driver;
}

/* ---- recipes ---- */

struct settings {
    struct setting *at;
    int count;
};

static void settings_free(struct settings *s) {
    for (int i = 0; s->at && i < s->count; i++) free((void *)(uintptr_t)s->at[i].key);
    free(s->at);
}

static enum err settings_read(const char *const *texts, int count, struct settings *out) {
    *out = (struct settings){calloc((size_t)(count > 0 ? count : 0) + 1, sizeof *out->at), 0};
    if (!out->at) return err_memory("settings");
    for (; out->count < count; out->count++)
        TRY(recipe_setting(texts[out->count], &out->at[out->count]));
    return OK;
}

int dropcl_recipe_read(const char *path, const char *const *settings, int count,
                       dropcl_recipe **out) {
    if (out) *out = NULL;
    if (!path || !out || (count > 0 && !settings)) return missing("path, settings or out");
    struct settings s;
    struct recipe *r = NULL;
    enum err rc = settings_read(settings, count, &s);
    if (!rc) rc = recipe_read(path, model_vocabulary(), s.at, s.count, &r);
    settings_free(&s);
    *out = (dropcl_recipe *)r;
    return (int)rc;
}

int dropcl_recipe_parse(const char *text, const char *const *settings, int count,
                        dropcl_recipe **out) {
    if (out) *out = NULL;
    if (!text || !out || (count > 0 && !settings)) return missing("text, settings or out");
    struct settings s;
    struct recipe *r = NULL;
    enum err rc = settings_read(settings, count, &s);
    if (!rc) rc = recipe_parse("recipe", text, strlen(text), model_vocabulary(), s.at, s.count, &r);
    settings_free(&s);
    *out = (dropcl_recipe *)r;
    return (int)rc;
}

void dropcl_recipe_close(dropcl_recipe *r) {
    recipe_free((struct recipe *)r);
}

const char *dropcl_recipe_name(const dropcl_recipe *r) {
    return recipe_of(r)->model.name;
}

const char *dropcl_recipe_text(const dropcl_recipe *r) {
    return recipe_of(r)->text;
}

uint64_t dropcl_recipe_seed(const dropcl_recipe *r) {
    return recipe_of(r)->train.seed;
}

int dropcl_dataset_found(const dropcl_recipe *r, const char *data) {
    return dataset_available(recipe_of(r)->train.dataset, data) ? 1 : 0;
}

/* ---- training and using models ---- */

int dropcl_train(dropcl_device *device, const dropcl_recipe *recipe, const dropcl_options *options,
                 dropcl_model **out, dropcl_event *last) {
    if (out) *out = NULL;
    static const dropcl_options none = {0};
    if (!device || !recipe || !out) return missing("device, recipe or out");
    if (options && options->steps < 0)
        return (int)err_set(ERR_USAGE, "%lld optimizer steps make no sense",
                            (long long)options->steps);
    struct model *m = NULL;
    enum err rc =
        train_run(device_of(device), recipe_of(recipe), options ? options : &none, &m, last);
    *out = (dropcl_model *)m;
    return (int)rc;
}

static enum err check_inference(const dropcl_inference *how) {
    if (!how || (how->passes >= 0 && how->passes <= PASSES_MAX)) return OK;
    return err_set(ERR_USAGE, "%d Monte-Carlo passes make no sense: from 0 to %d", how->passes,
                   PASSES_MAX);
}

int dropcl_evaluate(dropcl_device *device, const dropcl_model *model, const char *data,
                    const dropcl_inference *how, dropcl_score *score) {
    if (!device || !model || !score) return missing("device, model or score");
    enum err rc = check_inference(how);
    return (int)(rc ? rc : predict_score(device_of(device), model_of(model), data, how, score));
}

int dropcl_predict(dropcl_device *device, const dropcl_model *model, const uint8_t *images,
                   size_t rows, const dropcl_inference *how, float *probabilities,
                   dropcl_uncertainty *uncertainty) {
    if (!device || !model || (rows && (!images || !probabilities)))
        return missing("device, model, images or probabilities");
    TRY(check_inference(how));
    const struct predict_rows all = {.images = images,
                                     .rows = rows,
                                     .split = SPLIT_USER,
                                     .passes = how ? how->passes : 0,
                                     .flip = how && how->flip};
    if (rows > UINT32_MAX) return (int)err_set(ERR_USAGE, "more than 2^32 rows cannot be numbered");
    return (int)predict_images(device_of(device), model_of(model), &all, probabilities,
                               uncertainty);
}

int dropcl_model_load(const char *path, dropcl_model **out) {
    if (out) *out = NULL;
    if (!path || !out) return missing("path or out");
    struct model *m = NULL;
    enum err rc = model_load(path, &m);
    *out = (dropcl_model *)m;
    return (int)rc;
}

int dropcl_model_save(const dropcl_model *m, const char *path) {
    if (!m || !path) return missing("model or path");
    return (int)model_save(model_of(m), path);
}

void dropcl_model_close(dropcl_model *m) {
    model_free((struct model *)m);
}

size_t dropcl_model_parameters(const dropcl_model *m) {
    return model_of(m)->parameters;
}

int dropcl_model_classes(const dropcl_model *m) {
    return model_of(m)->classes;
}

size_t dropcl_model_features(const dropcl_model *m) {
    const struct plan *plan = model_of(m)->plan;
    return (size_t)shape_features(&plan->values[plan->input].shape);
}

const char *dropcl_model_sha256(const dropcl_model *m) {
    return model_of(m)->sha256;
}

const char *dropcl_model_recipe(const dropcl_model *m) {
    return model_of(m)->recipe->text;
}
