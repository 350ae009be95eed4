#include "lab/mistakes.h"
#include "train/predict.h"
#include "train/setup.h"
#include <stdlib.h>

enum { SHOWN = 24, CLASSES_SHOWN = 25 };

struct answer {
    int row, said;
    float right; /* probability of the true class */
};

/* The least likely first; of equal ones the earlier row. */
static int by_probability(const void *a, const void *b) {
    const struct answer *x = a, *y = b;
    if (x->right != y->right) return x->right < y->right ? -1 : 1;
    return x->row - y->row;
}

static int largest(const float *p, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

/* Only wrong answers; returns their number. counts[classes][classes]. */
static int judge(const struct dataset *d, const float *p, struct answer *wrong, int *counts) {
    int n = 0, classes = d->classes;
    for (int r = 0; r < d->test.rows; r++) {
        const float *row = p + (size_t)r * (size_t)classes;
        int label = d->test.labels[r], said = largest(row, classes);
        counts[label * classes + said]++;
        if (said != label) wrong[n++] = (struct answer){r, said, row[label]};
    }
    qsort(wrong, (size_t)n, sizeof *wrong, by_probability);
    return n;
}

static void show(struct page *p, const struct dataset *d, const float *probabilities,
                 const struct answer *wrong, int n, const int *counts) {
    size_t pixels = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    page_text(p, "%d of %d test pictures wrong: %.2f %%.", n, d->test.rows,
              100.0 * n / d->test.rows);
    if (d->classes <= CLASSES_SHOWN)
        page_matrix(p, "Rows: what it is. Columns: what it was taken for.", d->class_names, counts,
                    d->classes);
    json_t *list = page_pictures(
        p, "Worst mistakes", "The pictures whose right class the model finds least likely.", 84);
    for (int i = 0; i < n && i < SHOWN; i++) {
        const struct answer *a = &wrong[i];
        int label = d->test.labels[a->row];
        float said = probabilities[(size_t)a->row * (size_t)d->classes + (size_t)a->said];
        page_picture(p, list, d->test.images + (size_t)a->row * pixels, d->width, d->height,
                     d->channels, "%s, taken for %s (%.1f %%)", d->class_names[label],
                     d->class_names[a->said], 100 * (double)said);
    }
}

static enum err evaluate(struct page *p, struct device *device, const struct model *m,
                         const struct dataset *d) {
    size_t rows = (size_t)d->test.rows, classes = (size_t)d->classes;
    float *probabilities = malloc((rows * classes + 1) * sizeof *probabilities);
    struct answer *wrong = malloc((rows + 1) * sizeof *wrong);
    int *counts = calloc(classes * classes, sizeof *counts);
    enum err rc = probabilities && wrong && counts ? OK : err_memory("the answers of a model");
    const struct predict_rows all = {.images = d->test.images, .rows = rows};
    if (!rc) rc = predict_images(device, m, &all, probabilities, NULL);
    if (!rc) show(p, d, probabilities, wrong, judge(d, probabilities, wrong, counts), counts);
    free(probabilities);
    free(wrong);
    free(counts);
    return rc;
}

enum err mistakes_add(struct page *p, struct device *device, const char *path, const char *folder) {
    struct model *m = NULL;
    struct dataset *d = NULL;
    enum err rc = model_load(path, &m);
    if (!rc) rc = setup_open_data(m->recipe, folder, &d);
    if (!rc) rc = setup_check_classes(m->recipe, m->classes, d);
    if (!rc && d->test.rows) rc = evaluate(p, device, m, d);
    dataset_close(d);
    model_free(m);
    return rc;
}
