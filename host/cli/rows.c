#include "cli/rows.h"
#include "data/picture.h"
#include "train/control.h"
#include "train/setup.h"
#include <stdlib.h>
#include <string.h>

static size_t features_of(const struct model *m) {
    return (size_t)shape_features(&m->plan->values[m->plan->input].shape);
}

void rows_free(struct rows *r) {
    dataset_close(r->data);
    free(r->own);
    free(r->files);
    *r = (struct rows){0};
}

enum err rows_of_dataset(struct rows *r, const struct model *m, const char *folder, bool train,
                         const struct range *range) {
    *r = (struct rows){.split = train ? SPLIT_TRAIN : SPLIT_TEST,
                       .split_name = train ? "train" : "test"};
    TRY(setup_open_data(m->recipe, folder, &r->data));
    const struct split *s = train ? &r->data->train : &r->data->test;
    size_t last = range->given ? (size_t)range->last : (size_t)s->rows;
    r->first = range->given ? (size_t)range->first : 0;
    if (last > (size_t)s->rows)
        return err_set(ERR_USAGE, "predict: --rows %zu:%zu: the %s split of %s has %d rows",
                       r->first, last, r->split_name, r->data->name, s->rows);
    r->count = last - r->first;
    r->images = s->images + r->first * features_of(m);
    r->labels = s->labels + r->first;
    return OK;
}

/* ---- files ---- */

/* Height, width and channels that the model reads; other shapes are pictures of the dataset,
 * flattened. */
static enum err axes_of(const struct model *m, int axes[3]) {
    const struct ints *in = &m->recipe->model.input;
    if (in->count == 3) {
        memcpy(axes, in->at, 3 * sizeof *axes);
        return OK;
    }
    TRY(dataset_axes(m->recipe->train.dataset, axes));
    if ((size_t)axes[0] * (size_t)axes[1] * (size_t)axes[2] == features_of(m)) return OK;
    return err_set(ERR_DATA, "the model reads %zu numbers, a picture of %s has %d x %d x %d",
                   features_of(m), m->recipe->train.dataset, axes[0], axes[1], axes[2]);
}

static enum err append(struct rows *r, const char *path, const struct pictures *p,
                       size_t features) {
    uint8_t *images = realloc(r->own, (r->count + p->rows) * features);
    if (images) r->own = images;
    const char **files = realloc(r->files, (r->count + p->rows) * sizeof *files);
    if (files) r->files = files;
    if (!images || !files) return err_memory("pictures");
    memcpy(images + r->count * features, p->data, p->rows * features);
    for (size_t i = 0; i < p->rows; i++) files[r->count++] = path;
    r->images = images;
    return OK;
}

enum err rows_of_files(struct rows *r, const struct model *m, const char *const *paths, int count) {
    int axes[3];
    *r = (struct rows){.split = SPLIT_USER, .split_name = "user"};
    TRY(axes_of(m, axes));
    for (int i = 0; i < count; i++) {
        struct pictures p;
        TRY(picture_read(paths[i], axes[0], axes[1], axes[2], &p));
        enum err rc = append(r, paths[i], &p, features_of(m));
        free(p.data);
        if (rc) return rc;
    }
    return OK;
}
