/* The store: what all plans of a recipe share on one device. The dataset (uploaded once), the
 * normalisation, and parameters, gradients, optimizer state and partial sums as one flat buffer
 * each. It is laid out from the recipe alone, so training and evaluation plans bind the same one.
 */
#ifndef DROPCL_TRAIN_STORE_H
#define DROPCL_TRAIN_STORE_H

#include "backend/backend.h"
#include "data/dataset.h"

struct store {
    struct device *device;                  /* borrowed */
    struct buffer *buffer[BUFFER_EXTERNAL]; /* owned; ORDER, CONTROL and METRIC belong to runners */
    size_t rows;                            /* images that fit */
};

/* Buffers for everything but images and labels, as large as `plan` (the training plan where there
 * is one) asks for. ERR_SYSTEM naming the bytes. On failure nothing is left to free. */
enum err store_new(struct store *, struct device *, const struct plan *);
void store_free(struct store *);

/* Makes room for `rows` images of `pixels` bytes and their labels. */
enum err store_images(struct store *, size_t rows, size_t pixels);
/* Uploads both splits: test row i becomes dataset row train.rows + i. */
enum err store_dataset(struct store *, const struct dataset *);

/* What is evaluated and saved: the averaged parameters where training keeps an average, else the
 * parameters. */
struct buffer *store_model(const struct store *);
/* plan->stored floats: written to the parameters and their average, read from store_model. norm: 2
 * * channels floats. */
enum err store_write_params(struct store *, const float *flat, size_t count);
enum err store_read_params(const struct store *, float *flat, size_t count);
enum err store_write_norm(struct store *, const float *norm, size_t count);

#endif
