#include "train/ensemble.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int ensemble_width(int classes) {
    return 2 * classes + 1;
}

static double *row_of(const struct ensemble *e, int point, size_t row) {
    return e->sum + ((size_t)point * e->rows + row) * (size_t)ensemble_width(e->classes);
}

const double *ensemble_row(const struct ensemble *e, int point, size_t row) {
    return row_of(e, point, row);
}

enum err ensemble_new(struct ensemble *e, int classes, int points, size_t rows) {
    *e = (struct ensemble){.classes = classes, .points = points, .rows = rows};
    e->sum = calloc((size_t)points * rows * (size_t)ensemble_width(classes), sizeof *e->sum);
    return e->sum ? OK : err_memory("sums over outputs");
}

void ensemble_free(struct ensemble *e) {
    free(e->sum);
    e->sum = NULL;
}

void ensemble_clear(struct ensemble *e, size_t rows) {
    size_t count = (size_t)e->points * rows * (size_t)ensemble_width(e->classes);
    e->rows = rows;
    memset(e->sum, 0, count * sizeof *e->sum);
    memset(e->outputs, 0, sizeof e->outputs);
}

void ensemble_add_output(struct ensemble *e, const float *p) {
    e->outputs[0]++;
    for (size_t row = 0; row < e->rows; row++, p += e->classes) {
        double *sum = row_of(e, 0, row), *votes = sum + e->classes, entropy = 0;
        int best = 0;
        for (int c = 0; c < e->classes; c++) {
            if (p[c] > p[best]) best = c;
            if (p[c] > 0) entropy -= (double)p[c] * log((double)p[c]);
            sum[c] += (double)p[c];
        }
        votes[best] += 1;
        sum[2 * e->classes] += entropy;
    }
}

/* sum += what one interval adds to the row. */
static void add_record(double *sum, const float *record, int classes) {
    const float *low = record + classes, *votes = low + classes, *entropy = votes + classes;
    for (int c = 0; c < classes; c++) {
        sum[c] += (double)record[c] + (double)low[c];
        sum[classes + c] += (double)votes[c];
    }
    sum[2 * classes] += (double)entropy[0] + (double)entropy[1];
}

/* A point holds all intervals up to its own. */
void ensemble_add_records(struct ensemble *e, const float *records, size_t batch, const int *end) {
    size_t width = 3 * (size_t)e->classes + 2;
    for (int point = 0; point < e->points; point++) {
        e->outputs[point] += end[point];
        for (int interval = 0; interval <= point; interval++)
            for (size_t row = 0; row < e->rows; row++)
                add_record(row_of(e, point, row),
                           records + ((size_t)interval * batch + row) * width, e->classes);
    }
}

int ensemble_finite(const struct ensemble *e) {
    size_t count = (size_t)e->points * e->rows * (size_t)ensemble_width(e->classes);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(e->sum[i])) return 0;
    return 1;
}
