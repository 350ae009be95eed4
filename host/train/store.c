#include "train/store.h"

enum err store_new(struct store *s, struct device *device, const struct plan *plan) {
    static const enum buffer_id shared[] = {BUFFER_NORM,  BUFFER_PARAM,   BUFFER_GRAD,
                                            BUFFER_STATE, BUFFER_PARTIAL, BUFFER_AVERAGE};
    *s = (struct store){.device = device};
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        enum buffer_id id = shared[i];
        if (!plan->buffer_bytes[id]) continue;
        enum err rc = buffer_new(device, plan->buffer_bytes[id], &s->buffer[id]);
        if (rc) {
            store_free(s);
            return rc;
        }
    }
    return OK;
}

void store_free(struct store *s) {
    for (int i = 0; i < BUFFER_EXTERNAL; i++) {
        buffer_free(s->buffer[i]);
        s->buffer[i] = NULL;
    }
}

enum err store_images(struct store *s, size_t rows, size_t pixels) {
    TRY(buffer_new(s->device, rows * pixels, &s->buffer[BUFFER_IMAGES]));
    TRY(buffer_new(s->device, rows, &s->buffer[BUFFER_LABELS]));
    s->rows = rows;
    return OK;
}

enum err store_dataset(struct store *s, const struct dataset *d) {
    size_t pixels = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    size_t train = (size_t)d->train.rows, test = (size_t)d->test.rows;
    TRY(store_images(s, train + test, pixels));
    struct buffer *images = s->buffer[BUFFER_IMAGES], *labels = s->buffer[BUFFER_LABELS];
    TRY(buffer_write(images, 0, d->train.images, train * pixels));
    TRY(buffer_write(labels, 0, d->train.labels, train));
    if (!test) return OK;
    TRY(buffer_write(images, train * pixels, d->test.images, test * pixels));
    return buffer_write(labels, train, d->test.labels, test);
}

struct buffer *store_model(const struct store *s) {
    return s->buffer[BUFFER_AVERAGE] ? s->buffer[BUFFER_AVERAGE] : s->buffer[BUFFER_PARAM];
}

enum err store_write_params(struct store *s, const float *flat, size_t count) {
    if (!count) return OK;
    TRY(buffer_write(s->buffer[BUFFER_PARAM], 0, flat, count * sizeof *flat));
    return buffer_write(store_model(s), 0, flat, count * sizeof *flat);
}

enum err store_read_params(const struct store *s, float *flat, size_t count) {
    return count ? buffer_read(store_model(s), 0, flat, count * sizeof *flat) : OK;
}

enum err store_write_norm(struct store *s, const float *norm, size_t count) {
    return buffer_write(s->buffer[BUFFER_NORM], 0, norm, count * sizeof *norm);
}
