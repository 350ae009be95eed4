#include "data/idx.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { HEADER = 4, STEP = 1 << 20 };
#define LARGEST ((uint64_t)1 << 32)

/* gzread passes plain files through unchanged. */
struct source {
    const char *path;
    gzFile file;
};

/* Exactly `want` bytes, or a sentence saying how many there were: `done` came before, `all` is
 * promised. */
static enum err read_bytes(struct source *s, void *out, size_t want, uint64_t done, uint64_t all) {
    size_t have = 0;
    while (have < want) {
        int n = gzread(s->file, (char *)out + have, (unsigned)(want - have));
        if (n > 0) {
            have += (size_t)n;
            continue;
        }
        int code = Z_OK;
        const char *why = gzerror(s->file, &code);
        if (code == Z_ERRNO) return err_set(ERR_IO, "%s: %s", s->path, strerror(errno));
        if (code == Z_DATA_ERROR || (n < 0 && code != Z_BUF_ERROR))
            return err_set(ERR_DATA, "%s: the gzip stream is corrupt (%s)", s->path, why);
        return err_set(ERR_DATA, "%s: truncated: %llu of %llu bytes", s->path,
                       (unsigned long long)(done + have), (unsigned long long)all);
    }
    return OK;
}

static uint32_t big_endian(const uint8_t *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static enum err read_header(struct source *s, int dimensions, struct idx *out, uint64_t *size) {
    uint8_t header[HEADER + 4 * IDX_DIMENSIONS];
    size_t bytes = HEADER + 4 * (size_t)dimensions;
    TRY(read_bytes(s, header, bytes, 0, bytes));
    uint32_t magic = big_endian(header), expected = 0x800u + (uint32_t)dimensions;
    if (magic != expected)
        return err_set(ERR_DATA,
                       "%s: IDX magic is 0x%08x, expected 0x%08x (unsigned bytes, %d dimension%s)",
                       s->path, magic, expected, dimensions, dimensions > 1 ? "s" : "");
    *size = 1;
    for (int i = 0; i < dimensions; i++) {
        out->dim[i] = big_endian(header + HEADER + 4 * i);
        if (!out->dim[i]) return err_set(ERR_DATA, "%s: dimension %d is 0", s->path, i);
        if (out->dim[i] > LARGEST / *size)
            return err_set(ERR_DATA, "%s: the header promises more than 4 GiB (dimension %d is %u)",
                           s->path, i, out->dim[i]);
        *size *= out->dim[i];
    }
    return OK;
}

/* A plain file's size is known before anything is allocated. */
static enum err check_plain_size(const struct source *s, int dimensions, uint64_t size) {
    struct stat about;
    if (!gzdirect(s->file) || stat(s->path, &about) || !S_ISREG(about.st_mode)) return OK;
    uint64_t expected = HEADER + 4 * (uint64_t)dimensions + size, found = (uint64_t)about.st_size;
    if (found == expected) return OK;
    return err_set(ERR_DATA, "%s: %s: the file has %llu bytes, its header promises %llu", s->path,
                   found < expected ? "truncated" : "oversized", (unsigned long long)found,
                   (unsigned long long)expected);
}

static enum err read_data(struct source *s, struct idx *out, uint64_t size) {
    size_t have = 0, capacity = 0;
    while (have < size) {
        size_t step = size - have < STEP ? (size_t)(size - have) : STEP;
        if (have + step > capacity) {
            capacity = 2 * capacity > have + step ? 2 * capacity : have + step;
            if (capacity > size) capacity = (size_t)size;
            uint8_t *moved = realloc(out->data, capacity);
            if (!moved) return err_memory(s->path);
            out->data = moved;
        }
        TRY(read_bytes(s, out->data + have, step, have, size));
        have += step;
    }
    out->size = have;
    char behind;
    int n = gzread(s->file, &behind, 1);
    if (n > 0)
        return err_set(ERR_DATA,
                       "%s: oversized: there are bytes behind the %llu that the header promises",
                       s->path, (unsigned long long)size);
    int code = Z_OK;
    const char *why = gzerror(s->file, &code);
    if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
        return err_set(ERR_DATA, "%s: the gzip stream is corrupt (%s)", s->path,
                       code == Z_BUF_ERROR ? "it ends before its checksum" : why);
    return OK;
}

enum err idx_read(const char *path, int dimensions, struct idx *out) {
    *out = (struct idx){0};
    struct source s = {.path = path, .file = gzopen(path, "rb")};
    if (!s.file) {
        if (errno == ENOENT) return err_set(ERR_MISSING, "%s: no such file", path);
        return err_set(ERR_IO, "%s: %s", path, errno ? strerror(errno) : "out of memory");
    }
    gzbuffer(s.file, 1 << 17);
    uint64_t size = 0;
    enum err rc = read_header(&s, dimensions, out, &size);
    if (!rc) rc = check_plain_size(&s, dimensions, size);
    if (!rc) rc = read_data(&s, out, size);
    gzclose_r(s.file);
    if (rc) {
        free(out->data);
        *out = (struct idx){0};
    }
    return rc;
}
