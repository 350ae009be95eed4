#include "data/idx.h"

#include "data/source.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TYPE_BYTE = 8 };

static enum err read_header(struct source *s, uint8_t *bytes, size_t size, const char *field) {
    size_t got;
    TRY(source_read(s, bytes, size, &got));
    if (got == size) return OK;
    return err_set(ERR_DATA, "%s: truncated in the IDX header: expected %zu bytes of %s, found %zu",
                   source_path(s), size, field, got);
}

static enum err check_magic(struct source *s, int dimensions) {
    uint8_t m[4];
    const char *path = source_path(s);
    TRY(read_header(s, m, sizeof m, "magic number"));
    /* The commonest accident, and one that a look at the name alone does not show. */
    if (!source_is_gzip(s) && m[0] == 0x1f && m[1] == 0x8b)
        return err_set(ERR_DATA,
                       "%s: still gzipped: the IDX magic is 1f8b%02x%02x, expected 0000080%d; "
                       "its name should end in .gz",
                       path, m[2], m[3], dimensions);
    if (m[0] || m[1] || m[2] != TYPE_BYTE)
        return err_set(ERR_DATA,
                       "%s: IDX magic is %02x%02x%02x%02x, expected 0000080%d (unsigned bytes, "
                       "dimensions: %d)",
                       path, m[0], m[1], m[2], m[3], dimensions, dimensions);
    if (m[3] == dimensions) return OK;
    const char *guess = "";
    if (dimensions == 3 && m[3] == 1) guess = "; are these labels in the place of images?";
    if (dimensions == 1 && m[3] == 3) guess = "; are these images in the place of labels?";
    return err_set(ERR_DATA, "%s: the number of dimensions is %d, expected %d%s", path, m[3],
                   dimensions, guess);
}

static enum err too_many(struct source *s, int dimensions, const struct idx *x, uint64_t room) {
    char shape[16 * IDX_DIMENSIONS] = "";
    for (int i = 0, n = 0; i < dimensions; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%s%" PRIu32, i ? " x " : "", x->dim[i]);
    return err_set(ERR_DATA,
                   "%s: truncated, or a header that lies: its dimensions promise %s values, "
                   "the file can hold %" PRIu64,
                   source_path(s), shape, room);
}

/* Reads the dimensions; *size becomes their product, which is never more than the file can hold. */
static enum err read_shape(struct source *s, int dimensions, struct idx *out, uint64_t *size) {
    uint8_t b[4 * IDX_DIMENSIONS];
    uint64_t header = 4 + 4 * (uint64_t)dimensions, limit = source_limit(s);
    uint64_t room = limit > header ? limit - header : 0;
    TRY(read_header(s, b, 4 * (size_t)dimensions, "dimensions"));
    for (int i = 0; i < dimensions; i++) {
        const uint8_t *d = b + 4 * i;
        out->dim[i] = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
        if (out->dim[i] == 0)
            return err_set(ERR_DATA, "%s: dimension %d is 0, expected at least 1", source_path(s),
                           i);
    }
    *size = 1;
    for (int i = 0; i < dimensions; i++) {
        /* By division, because the product of the dimensions need not fit into 64 bits. */
        if (out->dim[i] > room / *size) return too_many(s, dimensions, out, room);
        *size *= out->dim[i];
    }
    return OK;
}

enum err idx_read(const char *path, int dimensions, struct idx *out) {
    assert(dimensions >= 1 && dimensions <= IDX_DIMENSIONS);
    struct source *s = NULL;
    uint64_t size = 0;
    *out = (struct idx){0};
    enum err rc = source_open(path, &s);
    if (!rc) rc = check_magic(s, dimensions);
    if (!rc) rc = read_shape(s, dimensions, out, &size);
    if (!rc) rc = source_read_rest(s, (size_t)size, "the IDX header", &out->data);
    if (!rc) out->size = (size_t)size;
    source_close(s);
    return rc;
}
