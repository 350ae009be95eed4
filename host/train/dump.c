#include "train/dump.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tensor *find(struct dump *d, const char *name) {
    for (int i = 0; i < d->count; i++)
        if (!strcmp(d->tensors[i].name, name)) return &d->tensors[i];
    return NULL;
}

static enum err append(struct dump *d, const struct value *v, const char *name,
                       struct tensor **out) {
    static const char *const dtypes[] = {
        [DTYPE_F32] = "F32", [DTYPE_U32] = "U32", [DTYPE_U8] = "U8"};
    if (d->count == d->capacity) {
        int capacity = d->capacity ? 2 * d->capacity : 32;
        struct tensor *moved = realloc(d->tensors, (size_t)capacity * sizeof *moved);
        if (!moved) return err_memory("a dump");
        d->tensors = moved;
        d->capacity = capacity;
    }
    struct tensor t = {.name = strdup(name),
                       .dtype = dtypes[v->dtype],
                       .rank = v->shape.rank,
                       .bytes = value_bytes(v),
                       .data = malloc(value_bytes(v) + 1)};
    for (int i = 0; i < t.rank; i++) t.shape[i] = v->shape.dim[i];
    d->tensors[d->count++] = t;
    *out = &d->tensors[d->count - 1];
    return t.name && t.data ? OK : err_memory("a dump");
}

enum err dump_add(struct dump *d, const struct value *v, int micro, const void *data,
                  bool first_only) {
    char name[160];
    snprintf(name, sizeof name, "%s", v->name);
    if (micro >= 0) snprintf(name, sizeof name, "micro%d/%s", micro, v->name);
    struct tensor *t = find(d, name);
    if (t && first_only) return OK;
    if (!t) TRY(append(d, v, name, &t));
    memcpy((void *)(uintptr_t)t->data, data, t->bytes);
    return OK;
}

enum err dump_write(const struct dump *d, const char *folder, int64_t step, const char *side) {
    struct text t = {0};
    char *path = NULL, number[32];
    snprintf(number, sizeof number, "%" PRId64, step);
    text_add(&t, "%s/step-%06" PRId64 "-%s.safetensors", folder, step, side);
    TRY(text_take(&t, &path));
    const struct metadata about[] = {{"format", "dropcl-dump-1"}, {"step", number}};
    enum err rc = safetensors_write(path, d->tensors, d->count, about, 2);
    free(path);
    return rc;
}

void dump_clear(struct dump *d) {
    for (int i = 0; i < d->count; i++) {
        free((void *)(uintptr_t)d->tensors[i].name);
        free((void *)(uintptr_t)d->tensors[i].data);
    }
    free(d->tensors);
    *d = (struct dump){0};
}
