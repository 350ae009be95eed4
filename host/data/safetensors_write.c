#include "base/io.h"
#include "data/safetensors_private.h"

#include <jansson.h>
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

/* Checked here, so that whatever the JSON library cannot store failed for want of memory. */
static enum err check_text(const char *path, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    for (int bytes; *s; s += bytes)
        if (!(bytes = utf8_character(s)))
            return err_set(ERR_DATA, "%s: cannot write \"%s\": it is not UTF-8", path,
                           safetensors_show(text).text);
    return OK;
}

/* Takes `value` over, which is NULL when memory ran out. */
static enum err put(const char *path, json_t *object, const char *key, json_t *value) {
    enum err rc = check_text(path, key);
    if (!rc && json_object_get(object, key))
        rc = err_set(ERR_DATA, "%s: \"%s\" would be written twice", path,
                     safetensors_show(key).text);
    if (rc) {
        json_decref(value);
        return rc;
    }
    return json_object_set_new(object, key, value) ? err_memory(path) : OK;
}

static enum err add_metadata(const char *path, json_t *header, const struct metadata *list, int n) {
    if (n == 0) return OK;
    struct metadata *sorted = malloc((size_t)n * sizeof *sorted);
    json_t *object = json_object();
    if (!sorted || !object) {
        free(sorted);
        json_decref(object);
        return err_memory("the metadata of a file");
    }
    memcpy(sorted, list, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_key);
    enum err rc = OK;
    for (int i = 0; i < n && !rc; i++) {
        rc = check_text(path, sorted[i].value);
        if (!rc) rc = put(path, object, sorted[i].key, json_string(sorted[i].value));
    }
    free(sorted);
    if (!rc) return put(path, header, SAFETENSORS_METADATA, object);
    json_decref(object);
    return rc;
}

/* {"dtype": ..., "shape": [...], "data_offsets": [begin, end]} */
static json_t *entry_of(const struct tensor *t, size_t begin) {
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++)
        if (json_array_append_new(shape, json_integer(t->shape[i]))) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->dtype, "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + t->bytes));
}

/* Adds the tensors in the order given and checks them on the way; *size is that of their data. */
static enum err add_tensors(const char *path, json_t *header, const struct tensor *tensors, int n,
                            size_t *size) {
    *size = 0;
    for (int i = 0; i < n; i++) {
        struct tensor t = tensors[i];
        struct safetensors_shown name = safetensors_show(t.name);
        if (strcmp(t.name, SAFETENSORS_METADATA) == 0)
            return err_set(ERR_DATA, "%s: no tensor may be called \"%s\"", path, t.name);
        TRY(safetensors_measure(path, &t));
        if (t.bytes != tensors[i].bytes)
            return err_set(ERR_DATA, "%s: tensor \"%s\" has %zu bytes, its shape needs %zu", path,
                           name.text, tensors[i].bytes, t.bytes);
        TRY(put(path, header, t.name, entry_of(&t, *size)));
        if (__builtin_add_overflow(*size, t.bytes, size))
            return err_set(ERR_DATA, "%s: more data than a file can hold", path);
    }
    return OK;
}

/* Length, padded header, data: the whole file, which the caller frees. */
static enum err assemble(const char *path, const char *json, const struct tensor *tensors, int n,
                         size_t data, char **out, size_t *size) {
    size_t length = strlen(json);
    size_t padded = (length + SAFETENSORS_ALIGN - 1) / SAFETENSORS_ALIGN * SAFETENSORS_ALIGN;
    if (padded > SAFETENSORS_HEADER_MAX)
        return err_set(ERR_DATA, "%s: names and metadata need %zu bytes; %d are possible", path,
                       padded, SAFETENSORS_HEADER_MAX);
    char *file = data < SIZE_MAX / 2 ? malloc(SAFETENSORS_LENGTH + padded + data) : NULL;
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
    size_t bytes = (size_t)ntensors * sizeof *tensors, data = 0, size = 0;
    struct tensor *sorted = malloc(bytes + 1);
    json_t *header = json_object();
    char *json = NULL, *file = NULL;
    enum err rc = OK;
    if (!sorted || !header) {
        rc = err_memory(path);
        goto out;
    }
    if (ntensors) {
        memcpy(sorted, tensors, bytes);
        qsort(sorted, (size_t)ntensors, sizeof *sorted, by_alignment_and_name);
    }
    rc = add_metadata(path, header, metadata, nmetadata);
    if (!rc) rc = add_tensors(path, header, sorted, ntensors, &data);
    if (rc) goto out;
    /* Without JSON_SORT_KEYS the members keep the order they were added in. */
    json = json_dumps(header, JSON_COMPACT);
    rc = json ? assemble(path, json, sorted, ntensors, data, &file, &size) : err_memory(path);
    if (!rc) rc = io_write_atomic(path, file, size);
out:
    free(file);
    free(json);
    json_decref(header);
    free(sorted);
    return rc;
}
