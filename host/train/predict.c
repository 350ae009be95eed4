#include "train/predict.h"
#include "train/fault.h"
#include "train/setup.h"
#include "train/uncertainty.h"
#include <stdlib.h>
#include <string.h>

/* Bytes of pictures on the device at once: enough for a test set, few enough for any device. */
enum { CHUNK_BYTES = 1 << 26 };

static size_t features_of(const struct model *m) {
    return (size_t)shape_features(&m->plan->values[m->plan->input].shape);
}

/* A store with the model's parameters and normalisation, and these pictures. */
static enum err open_store(struct store *s, struct device *device, const struct model *m,
                           const struct predict_rows *r, size_t first, size_t rows) {
    size_t features = features_of(m);
    const uint8_t *images = r->images + first * features;
    TRY(store_new(s, device, m->plan));
    enum err rc = store_write_norm(s, m->norm, 2 * (size_t)m->channels);
    if (!rc) rc = store_write_params(s, m->flat, m->plan->stored);
    if (!rc) rc = store_images(s, rows, features);
    if (!rc) rc = buffer_write(s->buffer[BUFFER_IMAGES], 0, images, rows * features);
    if (!rc && r->labels) rc = buffer_write(s->buffer[BUFFER_LABELS], 0, r->labels + first, rows);
    if (rc) store_free(s);
    return rc;
}

/* ---- all outputs of some rows ---- */

/* What one chunk of rows runs on: the pictures and, where asked for, their mirror images. */
struct views {
    struct store store;
    struct evaluator at[2];
    int count;
    struct ensemble sums;
};

static void close_views(struct views *v) {
    for (int i = 0; i < v->count; i++) evaluator_free(&v->at[i]);
    ensemble_free(&v->sums);
    store_free(&v->store);
}

static enum err open_views(struct views *v, struct device *device, const struct model *m,
                           const struct predict_rows *r, size_t first, size_t rows) {
    struct evaluation how = {.passes = r->passes,
                             .split = r->split,
                             .first = r->first + (uint32_t)first,
                             .batch = r->batch};
    *v = (struct views){.count = 0};
    TRY(open_store(&v->store, device, m, r, first, rows));
    enum err rc = OK;
    for (int i = 0; !rc && i < 1 + r->flip; i++, how.mirror = true) {
        rc = evaluator_new_range(&v->at[i], &v->store, m->recipe, &how, 0, rows);
        if (!rc) v->count++;
    }
    if (!rc) rc = ensemble_new(&v->sums, m->classes, v->at[0].points, (size_t)v->at[0].batch);
    if (rc) close_views(v);
    return rc;
}

/* Of the rows as they are, not of their mirror images. */
static enum err take_tally(struct evaluator *e, struct tally *tally) {
    TRY(runner_tally(&e->runner, e->batches, tally));
    if (tally->bad_row < 0) return OK;
    return fault_explain(&e->runner, (uint32_t)tally->bad_row, "the evaluation of the model");
}

static enum err run_chunk(struct device *device, const struct model *m,
                          const struct predict_rows *r, size_t first, size_t rows,
                          void (*take)(void *user, size_t first, const struct ensemble *sums),
                          void *user) {
    struct views v;
    TRY(open_views(&v, device, m, r, first, rows));
    struct evaluator *e = &v.at[0];
    enum err rc = OK;
    for (size_t i = 0; !rc && i < e->batches; i++) {
        size_t at = i * (size_t)e->batch, left = rows - at;
        ensemble_clear(&v.sums, left < (size_t)e->batch ? left : (size_t)e->batch);
        for (int view = 0; !rc && view < v.count; view++)
            rc = evaluator_outputs(&v.at[view], i, &v.sums);
        if (!rc) take(user, first + at, &v.sums);
    }
    if (!rc && r->tally) rc = take_tally(e, r->tally);
    close_views(&v);
    return rc;
}

enum err predict_run(struct device *device, const struct model *m, const struct predict_rows *r,
                     void (*take)(void *user, size_t first, const struct ensemble *sums),
                     void *user) {
    const struct ints *in = &m->recipe->model.input;
    if (r->flip && in->count != 3)
        return err_set(ERR_USAGE, "mirror images need pictures; this model reads lists of %d",
                       in->at[0]);
    size_t chunk = r->chunk > 0 ? (size_t)r->chunk : CHUNK_BYTES / features_of(m) + 1;
    for (size_t first = 0; first < r->rows; first += chunk) {
        size_t left = r->rows - first;
        TRY(run_chunk(device, m, r, first, left < chunk ? left : chunk, take, user));
    }
    return OK;
}

/* ---- predictions ---- */

struct results {
    float *probabilities;
    dropcl_uncertainty *figures;
};

static void take_results(void *user, size_t first, const struct ensemble *sums) {
    const struct results *to = user;
    int classes = sums->classes, last = sums->points - 1, outputs = sums->outputs[last];
    for (size_t row = 0; row < sums->rows; row++) {
        const double *sum = ensemble_row(sums, last, row);
        float *p = to->probabilities + (first + row) * (size_t)classes;
        for (int c = 0; c < classes; c++) p[c] = (float)(sum[c] / outputs);
        if (to->figures) uncertainty_of(sum, classes, outputs, &to->figures[first + row]);
    }
}

enum err predict_images(struct device *device, const struct model *m, const struct predict_rows *r,
                        float *probabilities, dropcl_uncertainty *figures) {
    struct results results = {probabilities, figures};
    return predict_run(device, m, r, take_results, &results);
}

/* ---- scores ---- */

struct scorer {
    const uint8_t *labels;
    struct scoring at[PASSES_POINTS];
};

static void take_scores(void *user, size_t first, const struct ensemble *sums) {
    struct scorer *s = user;
    for (int point = 0; point < sums->points; point++)
        for (size_t row = 0; row < sums->rows; row++)
            scoring_add(&s->at[point], ensemble_row(sums, point, row), sums->classes,
                        sums->outputs[point], s->labels[first + row]);
}

/* Appends the points of one run; the groups are those of its last one. */
static enum err score_run(struct device *device, const struct model *m,
                          const struct predict_rows *rows, const uint8_t *labels,
                          dropcl_score *score) {
    struct scorer *s = calloc(1, sizeof *s);
    if (!s) return err_memory("scores");
    s->labels = labels;
    enum err rc = predict_run(device, m, rows, take_scores, s);
    int end[PASSES_POINTS] = {0}, n = rows->passes ? passes_ends(rows->passes, end) : 1;
    for (int i = 0; !rc && i < n; i++)
        scoring_point(&s->at[i], end[i], &score->point[score->points++]);
    if (!rc) scoring_groups(&s->at[n - 1], score);
    free(s);
    return rc;
}

/* Dropout off: without mirror images, loss and accuracy are the ones that training reports, to the
 * last bit. */
static enum err score_plainly(struct device *device, const struct model *m,
                              const struct split *split, bool flip, dropcl_score *score) {
    struct tally tally;
    struct predict_rows rows = {.images = split->images,
                                .labels = split->labels,
                                .rows = (size_t)split->rows,
                                .chunk = split->rows,
                                .flip = flip,
                                .tally = flip ? NULL : &tally};
    TRY(score_run(device, m, &rows, split->labels, score));
    if (flip) return OK;
    score->point[0].loss = tally.loss / split->rows;
    score->point[0].accuracy = (double)tally.hits / split->rows;
    return OK;
}

static enum err score_split(struct device *device, const struct model *m, const struct split *split,
                            const dropcl_inference *how, dropcl_score *score) {
    const struct predict_rows rows = {.images = split->images,
                                      .rows = (size_t)split->rows,
                                      .split = SPLIT_TEST,
                                      .passes = how->passes,
                                      .flip = how->flip != 0};
    *score = (dropcl_score){.rows = split->rows};
    TRY(score_plainly(device, m, split, rows.flip, score));
    if (rows.passes) TRY(score_run(device, m, &rows, split->labels, score));
    const dropcl_point *last = &score->point[score->points - 1];
    score->loss = last->loss;
    score->accuracy = last->accuracy;
    score->brier = last->brier;
    score->calibration_error = last->calibration_error;
    return OK;
}

enum err predict_score(struct device *device, const struct model *m, const char *folder,
                       const dropcl_inference *how, dropcl_score *score) {
    static const dropcl_inference plainly = {0};
    struct dataset *data = NULL;
    enum err rc = setup_open_data(m->recipe, folder, &data);
    if (!rc) rc = setup_check_classes(m->recipe, m->classes, data);
    if (!rc && !data->test.rows) rc = err_set(ERR_DATA, "dataset %s has no test rows", data->name);
    if (!rc) rc = score_split(device, m, &data->test, how ? how : &plainly, score);
    dataset_close(data);
    return rc;
}
