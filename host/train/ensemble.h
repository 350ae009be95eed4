/* Outputs of a network for the same rows, added up in double: passes with dropout on, pictures and
 * their mirror images. Uncertainties are made from these sums (train/uncertainty.h). */
#ifndef DROPCL_TRAIN_ENSEMBLE_H
#define DROPCL_TRAIN_ENSEMBLE_H

#include "base/err.h"
#include "train/passes.h"
#include <stddef.h>

/* Of each row, at each point: the sum of the probabilities, in how many outputs each class had the
 * largest one, the sum of the outputs' entropies (in nats). */
struct ensemble {
    int classes, points;
    int outputs[PASSES_POINTS]; /* up to each point */
    size_t rows;
    double *sum; /* [points][rows][ensemble_width] */
};

/* Room for up to `rows` rows. ERR_SYSTEM. */
enum err ensemble_new(struct ensemble *, int classes, int points, size_t rows);
void ensemble_free(struct ensemble *);
/* Forgets all outputs; from now on there are so many rows. */
void ensemble_clear(struct ensemble *, size_t rows);

int ensemble_width(int classes); /* 2 * classes + 1 */
const double *ensemble_row(const struct ensemble *, int point, size_t row);

/* Adds one output of each row, p[rows][classes], to a single point. */
void ensemble_add_output(struct ensemble *, const float *p);
/* Adds what ops/ensemble.c sums up in the intervals that end at end[points]: records
 * [points][batch][3 * classes + 2], of which the first `rows` of a batch count. */
void ensemble_add_records(struct ensemble *, const float *records, size_t batch, const int *end);
/* Whether every sum is a finite number. */
int ensemble_finite(const struct ensemble *);

#endif
