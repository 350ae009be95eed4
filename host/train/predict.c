#include "train/predict.h"
#include "train/evaluate.h"
#include "train/setup.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Enough for the memory of any device, few enough launches. */
enum { CHUNK = 4096 };

/* A store with the model's parameters and normalisation, no data yet. */
static enum err open_store(struct store *s, struct device *device, const struct model *m) {
    TRY(store_new(s, device, m->plan));
    enum err rc = store_write_norm(s, m->norm, 2 * (size_t)m->channels);
    if (!rc) rc = store_write_params(s, m->flat, m->plan->stored);
    if (rc) store_free(s);
    return rc;
}

/* ---- means of several outputs: Monte-Carlo, mirror images ---- */

struct mean {
    double *sum; /* [rows][classes] */
    int classes;
};

static void add_probabilities(void *user, size_t first, size_t valid, const float *p) {
    const struct mean *mean = user;
    double *sum = mean->sum + first * (size_t)mean->classes;
    for (size_t i = 0; i < valid * (size_t)mean->classes; i++) sum[i] += (double)p[i];
}

static void score_means(const struct mean *mean, const uint8_t *labels, size_t rows, int passes,
                        dropcl_score *score) {
    double loss = 0;
    size_t hits = 0;
    for (size_t r = 0; r < rows; r++) {
        const double *p = mean->sum + r * (size_t)mean->classes;
        int best = 0;
        for (int c = 1; c < mean->classes; c++)
            if (p[c] > p[best]) best = c;
        hits += best == labels[r];
        loss -= log(p[labels[r]] / passes);
    }
    *score = (dropcl_score){loss / (double)rows, (double)hits / (double)rows, (int64_t)rows};
}

/* Adds up the passes over each of the evaluators, which see the same rows. */
static enum err score_means_of(struct evaluator *const *views, const struct model *m,
                               const uint8_t *labels, int passes, dropcl_score *score) {
    size_t rows = views[0]->rows;
    struct mean mean = {calloc(rows * (size_t)m->classes, sizeof(double)), m->classes};
    if (!mean.sum) return err_memory("mean probabilities");
    enum err rc = OK;
    int added = 0;
    for (; *views && !rc; views++)
        for (int k = 0; !rc && k < passes; k++, added++)
            rc = evaluator_probabilities(*views, (uint32_t)k, SPLIT_TEST, add_probabilities, &mean);
    if (!rc) score_means(&mean, labels, rows, added, score);
    free(mean.sum);
    return rc;
}

static enum err score_on(const struct store *store, const struct model *m, const struct dataset *d,
                         const struct predict_options *o, dropcl_score *score) {
    enum plan_mode mode = o->passes > 0 ? PLAN_MC : PLAN_EVAL;
    size_t first = (size_t)d->train.rows, rows = (size_t)d->test.rows;
    struct evaluator plain, mirrored = {0}, *views[] = {&plain, o->flip ? &mirrored : NULL, NULL};
    TRY(evaluator_new_range(&plain, store, m->recipe, mode, first, rows));
    enum err rc = OK;
    if (o->flip) rc = evaluator_new_mirrored(&mirrored, store, m->recipe, mode, first, rows);
    if (!rc && (o->passes > 0 || o->flip))
        rc = score_means_of(views, m, d->test.labels, o->passes > 0 ? o->passes : 1, score);
    else if (!rc)
        rc = evaluator_score(&plain, "the evaluation of the model", score);
    if (o->flip) evaluator_free(&mirrored);
    evaluator_free(&plain);
    return rc;
}

enum err predict_score(struct device *device, const struct model *m, const char *folder,
                       const struct predict_options *o, dropcl_score *score) {
    struct dataset *data = NULL;
    struct store store = {0};
    static const struct predict_options none = {0};
    if (!o) o = &none;
    int numbers = m->recipe->model.input.count;
    if (o->flip && numbers != 3)
        return err_set(ERR_USAGE, "mirror images need pictures; this model reads lists of %d",
                       m->recipe->model.input.at[0]);
    enum err rc = setup_open_data(m->recipe, folder, &data);
    if (!rc) rc = setup_check_classes(m->recipe, m->classes, data);
    if (!rc && !data->test.rows) rc = err_set(ERR_DATA, "dataset %s has no test rows", data->name);
    if (!rc) rc = open_store(&store, device, m);
    if (!rc) rc = store_dataset(&store, data);
    if (!rc) rc = score_on(&store, m, data, o, score);
    store_free(&store);
    dataset_close(data);
    return rc;
}

/* ---- predictions ---- */

struct copy {
    float *to;
    size_t classes;
};

static void copy_probabilities(void *user, size_t first, size_t valid, const float *p) {
    const struct copy *c = user;
    memcpy(c->to + first * c->classes, p, valid * c->classes * sizeof *p);
}

enum err predict_images(struct device *device, const struct model *m, const uint8_t *images,
                        size_t rows, float *probabilities) {
    size_t pixels = (size_t)shape_features(&m->plan->values[m->plan->input].shape);
    size_t classes = (size_t)m->classes;
    enum err rc = OK;
    for (size_t first = 0; !rc && first < rows; first += CHUNK) {
        size_t n = rows - first < CHUNK ? rows - first : CHUNK;
        struct copy copy = {probabilities + first * classes, classes};
        struct store store = {0};
        struct evaluator e = {0};
        rc = open_store(&store, device, m);
        if (!rc) rc = store_images(&store, n, pixels);
        if (!rc)
            rc = buffer_write(store.buffer[BUFFER_IMAGES], 0, images + first * pixels, n * pixels);
        if (!rc) rc = evaluator_new_range(&e, &store, m->recipe, PLAN_EVAL, 0, n);
        if (!rc) rc = evaluator_probabilities(&e, 0, SPLIT_USER, copy_probabilities, &copy);
        evaluator_free(&e);
        store_free(&store);
    }
    return rc;
}
