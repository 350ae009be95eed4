#include "base/io.h"
#include "base/text.h"
#include "data/safetensors_private.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Large elements first: every tensor is then aligned in the file without holes. */
static int by_alignment_and_name(const void *a, const void *b) {
    const struct tensor *x = a, *y = b;
    size_t p = safetensors_element(x->dtype, NULL), q = safetensors_element(y->dtype, NULL);
    if (p != q) return p > q ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b) {
    const struct tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static int by_key(const void *a, const void *b) {
    const struct metadata *x = a, *y = b;
    return strcmp(x->key, y->key);
}

/* One character of UTF-8 (RFC 3629): its bytes, 0 when it is none. */
static int utf8_character(const unsigned char *s) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000}; /* longer than needed is invalid */
    int more = s[0] < 0x80   ? 0
               : s[0] < 0xc0 ? 4
               : s[0] < 0xe0 ? 1
               : s[0] < 0xf0 ? 2
               : s[0] < 0xf8 ? 3
                             : 4;
    if (more == 4) return 0;
    uint32_t code = more ? s[0] & (0x3fu >> more) : s[0];
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[more] || surrogate || code > 0x10ffff ? 0 : more + 1;
}

/* JSON is UTF-8: a file with anything else in its header could not be read back. */
static enum err check_text(const char *path, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    for (int bytes; *s; s += bytes)
        if (!(bytes = utf8_character(s)))
            return err_set(ERR_DATA, "%s: cannot write \"%s\": it is not UTF-8", path,
                           safetensors_show(text).text);
    return OK;
}

/* A JSON string; the text is valid UTF-8. */
static void add_string(struct text *out, const char *text) {
    text_add_bytes(out, "\"", 1);
    while (*text) {
        size_t plain = 0; /* characters that stand for themselves go together */
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        text_add_bytes(out, text, plain);
        text += plain;
        if (*text == '\n')
            text_add_bytes(out, "\\n", 2);
        else if (*text == '"' || *text == '\\')
            text_add(out, "\\%c", *text);
        else if (*text)
            text_add(out, "\\u%04x", *text);
        text += *text != 0;
    }
    text_add_bytes(out, "\"", 1);
}

/* Copies `count` elements and sorts the copy, which the caller frees; NULL without memory. */
static void *sorted_copy(const void *list, int count, size_t size,
                         int (*order)(const void *, const void *)) {
    char *copy = malloc((size_t)count * size + 1);
    if (!copy || !count) return copy;
    memcpy(copy, list, (size_t)count * size);
    qsort(copy, (size_t)count, size, order);
    return copy;
}

/* The sorted keys or names are valid and differ. */
static enum err check_names(const char *path, const char *name, const char *before) {
    TRY(check_text(path, name));
    if (!before || strcmp(name, before)) return OK;
    return err_set(ERR_DATA, "%s: \"%s\" would be written twice", path,
                   safetensors_show(name).text);
}

static enum err add_metadata(const char *path, struct text *out, const struct metadata *list,
                             int n) {
    if (n == 0) return OK;
    struct metadata *sorted = sorted_copy(list, n, sizeof *list, by_key);
    if (!sorted) return err_memory(path);
    enum err rc = OK;
    text_add(out, "\"" SAFETENSORS_METADATA "\":");
    for (int i = 0; i < n && !rc; i++) {
        rc = check_names(path, sorted[i].key, i ? sorted[i - 1].key : NULL);
        if (!rc) rc = check_text(path, sorted[i].value);
        text_add(out, i ? "," : "{");
        add_string(out, sorted[i].key);
        text_add(out, ":");
        add_string(out, sorted[i].value);
    }
    text_add(out, "}");
    free(sorted);
    return rc;
}

/* Names, types, shapes and sizes, by name: whether two are alike does not depend on their types. */
static enum err check_tensors(const char *path, const struct tensor *list, int n) {
    struct tensor *sorted = sorted_copy(list, n, sizeof *list, by_name);
    if (!sorted) return err_memory(path);
    enum err rc = OK;
    for (int i = 0; i < n && !rc; i++) {
        struct tensor t = sorted[i];
        rc = check_names(path, t.name, i ? sorted[i - 1].name : NULL);
        if (!rc && strcmp(t.name, SAFETENSORS_METADATA) == 0)
            rc = err_set(ERR_DATA, "%s: no tensor may be called \"%s\"", path, t.name);
        if (!rc) rc = safetensors_measure(path, &t);
        if (!rc && t.bytes != sorted[i].bytes)
            rc = err_set(ERR_DATA, "%s: tensor \"%s\" has %zu bytes, its shape needs %zu", path,
                         safetensors_show(t.name).text, sorted[i].bytes, t.bytes);
    }
    free(sorted);
    return rc;
}

/* "NAME":{"dtype":...,"shape":[...],"data_offsets":[begin,end]} */
static void add_tensor(struct text *out, const struct tensor *t, size_t begin) {
    add_string(out, t->name);
    text_add(out, ":{\"dtype\":\"%s\",\"shape\":[", t->dtype);
    for (int i = 0; i < t->rank; i++) text_add(out, i ? ",%" PRId64 : "%" PRId64, t->shape[i]);
    text_add(out, "],\"data_offsets\":[%zu,%zu]}", begin, begin + t->bytes);
}

/* The header by hand: the JSON library can lose a member when memory runs out, and say nothing.
 * *data is the size of what follows. */
static enum err make_header(const char *path, const struct tensor *tensors, int n,
                            const struct metadata *metadata, int nmetadata, char **header,
                            size_t *data) {
    struct text out = {0};
    text_add(&out, "{");
    enum err rc = add_metadata(path, &out, metadata, nmetadata);
    *data = 0;
    for (int i = 0; i < n && !rc; i++) {
        if (i || nmetadata) text_add(&out, ",");
        add_tensor(&out, &tensors[i], *data);
        if (__builtin_add_overflow(*data, tensors[i].bytes, data) || *data > SIZE_MAX / 2)
            rc = err_set(ERR_DATA, "%s: more data than a file can hold", path);
    }
    text_add(&out, "}");
    if (!rc) return text_take(&out, header);
    text_free(&out);
    return rc;
}

/* Length, padded header, data: the whole file, which the caller frees. */
static enum err assemble(const char *path, const char *json, const struct tensor *tensors, int n,
                         size_t data, char **out, size_t *size) {
    size_t length = strlen(json);
    size_t padded = (length + SAFETENSORS_ALIGN - 1) / SAFETENSORS_ALIGN * SAFETENSORS_ALIGN;
    if (padded > SAFETENSORS_HEADER_MAX)
        return err_set(ERR_DATA, "%s: names and metadata need %zu bytes; %d are possible", path,
                       padded, SAFETENSORS_HEADER_MAX);
    char *file = malloc(SAFETENSORS_LENGTH + padded + data);
    if (!file) return err_memory(path);
    for (int i = 0; i < SAFETENSORS_LENGTH; i++)
        file[i] = (char)((uint64_t)padded >> (8 * i) & 0xff);
    char *place = file + SAFETENSORS_LENGTH;
    memcpy(place, json, length);
    memset(place + length, ' ', padded - length);
    place += padded;
    for (int i = 0; i < n; i++) {
        if (tensors[i].bytes) memcpy(place, tensors[i].data, tensors[i].bytes);
        place += tensors[i].bytes;
    }
    *out = file;
    *size = (size_t)(place - file);
    return OK;
}

enum err safetensors_write(const char *path, const struct tensor *tensors, int ntensors,
                           const struct metadata *metadata, int nmetadata) {
    TRY(check_tensors(path, tensors, ntensors));
    struct tensor *sorted = sorted_copy(tensors, ntensors, sizeof *tensors, by_alignment_and_name);
    if (!sorted) return err_memory(path);
    char *header = NULL, *file = NULL;
    size_t data = 0, size = 0;
    enum err rc = make_header(path, sorted, ntensors, metadata, nmetadata, &header, &data);
    if (!rc) rc = assemble(path, header, sorted, ntensors, data, &file, &size);
    if (!rc) rc = io_write_atomic(path, file, size);
    free(file);
    free(header);
    free(sorted);
    return rc;
}
