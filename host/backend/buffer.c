/* Buffers of any backend: limits and bounds are checked here, once. */
#include "backend/vtable.h"

enum err buffer_new(struct device *d, size_t bytes, struct buffer **out) {
    size_t size = bytes ? bytes : 1; /* OpenCL has no empty buffers */
    /* Asked here and not left to the driver: POCL and the host would overcommit, and the process
     * would be killed in the middle of a run. */
    const struct device_info *i = &d->info;
    if (size > i->max_alloc_bytes || size > i->global_bytes - d->allocated)
        return err_set(
            ERR_SYSTEM,
            "%zu bytes do not fit on %s: it allows %zu bytes in one buffer and %zu in all, "
            "of which %zu are in use",
            bytes, i->name, i->max_alloc_bytes, i->global_bytes, d->allocated);
    TRY(d->calls->buffer_new(d, size, out));
    (*out)->device = d;
    (*out)->size = size;
    d->allocated += size;
    return OK;
}

void buffer_free(struct buffer *b) {
    if (!b) return;
    b->device->allocated -= b->size;
    b->device->calls->buffer_free(b);
}

size_t buffer_size(const struct buffer *b) {
    return b->size;
}

static enum err check_bounds(const struct buffer *b, const char *what, size_t offset, size_t size) {
    if (offset <= b->size && size <= b->size - offset) return OK;
    return err_set(ERR_SYSTEM, "%s of %zu bytes at %zu passes the end of a buffer of %zu bytes",
                   what, size, offset, b->size);
}

enum err buffer_write(struct buffer *b, size_t offset, const void *data, size_t size) {
    TRY(check_bounds(b, "a write", offset, size));
    return size ? b->device->calls->write(b, offset, data, size) : OK;
}

enum err buffer_read(struct buffer *b, size_t offset, void *data, size_t size) {
    TRY(check_bounds(b, "a read", offset, size));
    return size ? b->device->calls->read(b, offset, data, size) : OK;
}

enum err buffer_copy(struct buffer *from, struct buffer *to) {
    if (from->device != to->device || from->size != to->size)
        return err_set(ERR_SYSTEM,
                       "a copy needs two buffers of one device and size, not %zu and %zu bytes",
                       from->size, to->size);
    return from == to ? OK : from->device->calls->copy(from, to);
}
