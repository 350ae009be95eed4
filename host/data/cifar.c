#include "data/cifar.h"

#include "data/source.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLANE = CIFAR_SIDE * CIFAR_SIDE,
    BLOCK = 64, /* records per read: fits a second-level cache */
    NAMES_BYTES = 1024,
    NAME_LENGTH = 63
};

static enum err wrong_size(const struct source *s, int rows, const char *how, uint64_t bytes) {
    return err_set(ERR_DATA, "%s: %s: expected %d records of %d bytes, %d in all, found %" PRIu64,
                   source_path(s), how, rows, CIFAR_RECORD, rows * CIFAR_RECORD, bytes);
}

/* The size of a plain file tells at once; that of a gzip file only shows in the end. */
static enum err check_size(const struct source *s, int rows) {
    uint64_t wanted = (uint64_t)rows * CIFAR_RECORD, found = source_limit(s);
    if (source_is_gzip(s) || found == wanted) return OK;
    return wrong_size(s, rows, found < wanted ? "truncated" : "oversized", found);
}

static void put_channels_last(const uint8_t *plane, uint8_t *image) {
    for (int i = 0; i < PLANE; i++) {
        image[3 * i] = plane[i];
        image[3 * i + 1] = plane[PLANE + i];
        image[3 * i + 2] = plane[2 * PLANE + i];
    }
}

/* One block of records from row `first` on. */
static enum err convert(const struct source *s, const uint8_t *records, int first, int count,
                        uint8_t *images, uint8_t *labels) {
    for (int r = 0; r < count; r++, records += CIFAR_RECORD) {
        if (records[0] >= CIFAR_CLASSES)
            return err_set(ERR_DATA, "%s: the label of row %d is %d, expected 0 to %d%s",
                           source_path(s), first + r, records[0], CIFAR_CLASSES - 1,
                           first + r ? "" : "; is this CIFAR-10's binary version?");
        labels[first + r] = records[0];
        put_channels_last(records + 1, images + (size_t)(first + r) * CIFAR_IMAGE);
    }
    return OK;
}

static enum err read_records(struct source *s, uint8_t *block, int rows, uint8_t *images,
                             uint8_t *labels) {
    size_t got;
    for (int first = 0; first < rows; first += BLOCK) {
        int count = rows - first < BLOCK ? rows - first : BLOCK;
        size_t wanted = (size_t)count * CIFAR_RECORD;
        TRY(source_read(s, block, wanted, &got));
        if (got < wanted)
            return wrong_size(s, rows, "truncated", (uint64_t)first * CIFAR_RECORD + got);
        TRY(convert(s, block, first, count, images, labels));
    }
    TRY(source_read(s, block, 1, &got));
    if (!got) return OK;
    return err_set(ERR_DATA, "%s: oversized: expected %d records of %d bytes, found more",
                   source_path(s), rows, CIFAR_RECORD);
}

/* The commonest accident, and one that a look at the name alone does not show. */
static enum err check_unpacked(const char *path) {
    struct source *s;
    uint8_t magic[2] = {0};
    size_t got = 0;
    TRY(source_open(path, &s));
    enum err rc = source_is_gzip(s) ? OK : source_read(s, magic, 2, &got);
    source_close(s);
    if (rc || got < 2 || magic[0] != 0x1f || magic[1] != 0x8b) return rc;
    return err_set(ERR_DATA, "%s: still gzipped: its name should end in .gz", path);
}

enum err cifar_read(const char *path, int rows, uint8_t *images, uint8_t *labels) {
    struct source *s = NULL;
    uint8_t *block = malloc((size_t)BLOCK * CIFAR_RECORD);
    enum err rc = block ? check_unpacked(path) : err_memory("reading CIFAR-10");
    if (!rc) rc = source_open(path, &s);
    if (!rc) rc = check_size(s, rows);
    if (!rc) rc = read_records(s, block, rows, images, labels);
    source_close(s);
    free(block);
    return rc;
}

/* Cuts `text` into lines; what follows the last name may only be blank. */
static enum err split_names(const char *path, char *text, const char **names) {
    for (int c = 0; c < CIFAR_CLASSES; c++) {
        size_t length = 0;
        while (text[length] >= ' ' && text[length] <= '~') length++;
        bool ended = text[length] == '\n' || text[length] == '\r' || !text[length];
        if (!length || length > NAME_LENGTH || !ended)
            return err_set(ERR_DATA,
                           "%s: line %d is no class name: expected 1 to %d printable ASCII "
                           "characters",
                           path, c + 1, NAME_LENGTH);
        names[c] = text;
        text += length;
        if (*text == '\r') *text++ = 0;
        if (*text) *text++ = 0;
    }
    if (text[strspn(text, " \r\n")])
        return err_set(ERR_DATA, "%s: expected %d class names, found more", path, CIFAR_CLASSES);
    return OK;
}

enum err cifar_names(const char *path, const char ***names) {
    struct source *s = NULL;
    size_t got = 0, pointers = CIFAR_CLASSES * sizeof(char *);
    *names = NULL;
    char *block = calloc(1, pointers + NAMES_BYTES + 1), *text = block ? block + pointers : NULL;
    enum err rc = block ? source_open(path, &s) : err_memory("class names");
    if (!rc) rc = source_read(s, text, NAMES_BYTES, &got);
    if (!rc && (got == NAMES_BYTES || memchr(text, 0, got)))
        rc = err_set(ERR_DATA, "%s: expected %d lines of text, found %s", path, CIFAR_CLASSES,
                     got == NAMES_BYTES ? "more" : "a NUL byte");
    if (!rc) rc = split_names(path, text, (const char **)(void *)block);
    source_close(s);
    if (rc)
        free(block);
    else
        *names = (const char **)(void *)block;
    return rc;
}
