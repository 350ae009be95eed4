#define _FILE_OFFSET_BITS 64
#include "data/safetensors_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What safetensors_close releases. Names and metadata point into the header. */
struct reader {
    struct safetensors file;
    const char *path; /* the caller's, while reading */
    int fd;
    uint64_t size; /* of the file */
    uint64_t base; /* where the data begins */
    json_t *header;
    struct safetensors_entry *entries;
    size_t count;
    char *data;
};

/* ---- bytes ---- */

static enum err open_file(struct reader *r) {
    /* Not blocking: a pipe without a writer would otherwise be waited for. */
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        return err_set(absent ? ERR_MISSING : ERR_IO, "%s: %s", r->path, strerror(errno));
    }
    struct stat st;
    if (fstat(r->fd, &st)) return err_set(ERR_IO, "%s: %s", r->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(ERR_IO, "%s: is %s, not a file", r->path,
                       S_ISDIR(st.st_mode) ? "a folder" : "a device or a pipe");
    r->size = (uint64_t)st.st_size;
    return OK;
}

/* Reads with pread: a file that another program cuts while it is read gives an error here, where a
 * mapping would give a signal. */
static enum err read_at(const struct reader *r, uint64_t offset, char *to, size_t size) {
    while (size) {
        ssize_t got = pread(r->fd, to, size, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_set(ERR_IO, "%s: cannot read: %s", r->path, strerror(errno));
        if (got == 0) return err_set(ERR_DATA, "%s: became shorter while it was read", r->path);
        to += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return OK;
}

/* ---- header ---- */

static enum err parse_header(struct reader *r, const char *text, size_t length) {
    if (text[0] != '{')
        return err_set(ERR_DATA, "%s: is no safetensors file: its header does not begin with '{'",
                       r->path);
    json_error_t fault;
    r->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    if (r->header) return OK;
    /* jansson says nothing at all where most of its allocations fail. */
    if (json_error_code(&fault) == json_error_out_of_memory || !fault.text[0])
        return err_memory(r->path);
    struct safetensors_shown why = safetensors_show(fault.text);
    if (json_error_code(&fault) == json_error_duplicate_key)
        return err_set(ERR_DATA, "%s: a name occurs twice in the header, byte %d: %s", r->path,
                       fault.position, why.text);
    return err_set(ERR_DATA, "%s: the header is no valid JSON, byte %d: %s", r->path,
                   fault.position, why.text);
}

/* The length is checked against the limit and the file before anything is allocated. */
static enum err read_header(struct reader *r) {
    if (r->size < SAFETENSORS_LENGTH)
        return err_set(ERR_DATA, "%s: has %" PRIu64 " bytes, too few for a safetensors file",
                       r->path, r->size);
    unsigned char bytes[SAFETENSORS_LENGTH];
    TRY(read_at(r, 0, (char *)bytes, sizeof bytes));
    uint64_t length = 0;
    for (int i = SAFETENSORS_LENGTH - 1; i >= 0; i--) length = length << 8 | bytes[i];
    if (length > SAFETENSORS_HEADER_MAX)
        return err_set(ERR_DATA,
                       "%s: is no safetensors file: a header of %" PRIu64 " bytes; %d are possible",
                       r->path, length, SAFETENSORS_HEADER_MAX);
    if (length > r->size - SAFETENSORS_LENGTH)
        return err_set(ERR_DATA,
                       "%s: is no safetensors file, or cut off: the header has %" PRIu64
                       " bytes, the file %" PRIu64,
                       r->path, length, r->size);
    if (length == 0) return err_set(ERR_DATA, "%s: the header is empty", r->path);
    r->base = SAFETENSORS_LENGTH + length;
    char *text = malloc((size_t)length);
    if (!text) return err_memory(r->path);
    enum err rc = read_at(r, SAFETENSORS_LENGTH, text, (size_t)length);
    if (!rc) rc = parse_header(r, text, (size_t)length);
    free(text);
    return rc;
}

/* Strings to strings, the values without NUL (jansson refuses it). */
static enum err take_metadata(struct reader *r, json_t *object) {
    if (!json_is_object(object))
        return err_set(ERR_DATA, "%s: " SAFETENSORS_METADATA " is no object", r->path);
    r->file.metadata = calloc(json_object_size(object) + 1, sizeof *r->file.metadata);
    if (!r->file.metadata) return err_memory(r->path);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return err_set(ERR_DATA, "%s: metadata \"%s\" is no string", r->path,
                           safetensors_show(key).text);
        r->file.metadata[r->file.nmetadata++] = (struct metadata){key, json_string_value(value)};
    }
    return OK;
}

/* ---- one tensor of the header ---- */

static enum err wrong(const struct reader *r, const struct tensor *t, const char *what) {
    return err_set(ERR_DATA, "%s: tensor \"%s\": %s", r->path, safetensors_show(t->name).text,
                   what);
}

/* 1.0 and "1" are no counts, and a number beyond 64 bits is no valid JSON to jansson. */
static bool is_count(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static enum err take_shape(const struct reader *r, struct tensor *t, const json_t *shape) {
    if (!json_is_array(shape)) return wrong(r, t, "\"shape\" is no list");
    size_t rank = json_array_size(shape);
    if (rank > TENSOR_RANK)
        return err_set(ERR_DATA, "%s: tensor \"%s\" has %zu dimensions; 0 to %d are possible",
                       r->path, safetensors_show(t->name).text, rank, TENSOR_RANK);
    for (size_t i = 0; i < rank; i++) {
        const json_t *extent = json_array_get(shape, i);
        if (!is_count(extent)) return wrong(r, t, "\"shape\" holds something else than counts");
        t->shape[i] = json_integer_value(extent);
    }
    t->rank = (int)rank;
    return OK;
}

static enum err take_place(const struct reader *r, struct safetensors_entry *e, json_t *place) {
    const json_t *begin = json_array_get(place, 0), *end = json_array_get(place, 1);
    if (json_array_size(place) != 2 || !is_count(begin) || !is_count(end))
        return wrong(r, &e->tensor, "\"data_offsets\" are no two counts");
    e->begin = (uint64_t)json_integer_value(begin);
    e->end = (uint64_t)json_integer_value(end);
    if (e->begin > e->end) return wrong(r, &e->tensor, "\"data_offsets\" run backwards");
    if (e->end - e->begin == e->tensor.bytes) return OK;
    return err_set(ERR_DATA, "%s: tensor \"%s\" has %" PRIu64 " bytes, its type and shape need %zu",
                   r->path, safetensors_show(e->tensor.name).text, e->end - e->begin,
                   e->tensor.bytes);
}

static enum err take_tensor(const struct reader *r, struct safetensors_entry *e, json_t *entry) {
    struct tensor *t = &e->tensor;
    if (!json_is_object(entry)) return wrong(r, t, "is described by something else than an object");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype) return wrong(r, t, "\"dtype\" is no text, or missing");
    t->dtype = dtype;
    TRY(take_shape(r, t, json_object_get(entry, "shape")));
    TRY(safetensors_measure(r->path, t));
    safetensors_element(dtype, &t->dtype);
    TRY(take_place(r, e, json_object_get(entry, "data_offsets")));
    /* All three are there, and no name occurs twice: a fourth is unknown. */
    if (json_object_size(entry) > 3)
        return wrong(r, t, "is described by more than dtype, shape and data_offsets");
    return OK;
}

static enum err take_entries(struct reader *r) {
    r->entries = calloc(json_object_size(r->header) + 1, sizeof *r->entries);
    if (!r->entries) return err_memory(r->path);
    const char *name;
    json_t *value;
    json_object_foreach(r->header, name, value) {
        if (strcmp(name, SAFETENSORS_METADATA) == 0) {
            TRY(take_metadata(r, value));
            continue;
        }
        struct safetensors_entry *e = &r->entries[r->count];
        e->tensor.name = name;
        e->order = r->count++;
        TRY(take_tensor(r, e, value));
    }
    return safetensors_check_layout(r->path, r->entries, r->count, r->size - r->base);
}

/* ---- data ---- */

static size_t aligned(size_t bytes) {
    return (bytes + SAFETENSORS_ALIGN - 1) / SAFETENSORS_ALIGN * SAFETENSORS_ALIGN;
}

/* In memory every tensor is aligned, which the format does not promise for the file. The layout is
 * known to be good: no tensor is larger than the file. */
static enum err read_data(struct reader *r) {
    if (r->size > SIZE_MAX / 4) return err_memory(r->path);
    size_t total = 0;
    for (size_t i = 0; i < r->count; i++) total += aligned(r->entries[i].tensor.bytes);
    r->data = malloc(total + 1);
    r->file.tensors = calloc(r->count + 1, sizeof *r->file.tensors);
    if (!r->data || !r->file.tensors) return err_memory(r->path);
    char *place = r->data;
    for (size_t i = 0; i < r->count; i++) {
        struct safetensors_entry *e = &r->entries[i];
        TRY(read_at(r, r->base + e->begin, place, e->tensor.bytes));
        e->tensor.data = place;
        r->file.tensors[i] = e->tensor;
        place += aligned(e->tensor.bytes);
    }
    r->file.ntensors = (int)r->count; /* a header within the limit holds fewer than INT_MAX */
    return OK;
}

enum err safetensors_open(const char *path, struct safetensors **out) {
    *out = NULL;
    struct reader *r = calloc(1, sizeof *r);
    if (!r) return err_memory(path);
    r->path = path;
    r->file.owner = r;
    enum err rc = open_file(r);
    if (!rc) rc = read_header(r);
    if (!rc) rc = take_entries(r);
    if (!rc) rc = read_data(r);
    if (r->fd >= 0) close(r->fd);
    free(r->entries);
    r->entries = NULL;
    r->path = NULL;
    if (rc)
        safetensors_close(&r->file);
    else
        *out = &r->file;
    return rc;
}

void safetensors_close(struct safetensors *s) {
    if (!s) return;
    struct reader *r = s->owner;
    free(s->tensors);
    free(s->metadata);
    free(r->data);
    json_decref(r->header);
    free(r);
}

const struct tensor *safetensors_find(const struct safetensors *s, const char *name) {
    for (int i = 0; i < s->ntensors; i++)
        if (strcmp(s->tensors[i].name, name) == 0) return &s->tensors[i];
    return NULL;
}

const char *safetensors_metadata(const struct safetensors *s, const char *key) {
    for (int i = 0; i < s->nmetadata; i++)
        if (strcmp(s->metadata[i].key, key) == 0) return s->metadata[i].value;
    return NULL;
}
