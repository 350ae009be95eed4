/* Listing, finding and opening devices of every backend. */
#include "backend/choose.h"
#include "backend/vtable.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The order of the list: the reference is last. */
static const struct backend *const backends[] = {&ocl_backend, &cpu_backend};

enum { BACKENDS = sizeof backends / sizeof backends[0] };

enum err device_list(struct device_info **out, int *count) {
    struct device_info *all = NULL;
    int n = 0;
    for (int b = 0; b < BACKENDS; b++) {
        struct device_info *some = NULL;
        int more = 0;
        enum err rc = backends[b]->list(&some, &more);
        /* one more than needed: realloc(p, 0) would be a free */
        struct device_info *grown = rc ? NULL : realloc(all, (size_t)(n + more + 1) * sizeof *all);
        if (!grown) {
            free(some);
            free(all);
            return rc ? rc : err_memory("the list of devices");
        }
        all = grown;
        if (more) memcpy(all + n, some, (size_t)more * sizeof *all);
        n += more;
        free(some);
    }
    *out = all;
    *count = n;
    return OK;
}

enum err device_find(const char *spec, struct device_info *out) {
    struct device_info *list;
    int count, index;
    TRY(device_list(&list, &count));
    enum err rc = choose_device(list, count, spec, &index);
    if (!rc) *out = list[index];
    free(list);
    return rc;
}

enum err device_find_two(const char *spec, struct device_info *a, struct device_info *b) {
    struct device_info *list;
    int count, first, second;
    TRY(device_list(&list, &count));
    enum err rc = choose_two(list, count, spec, &first, &second);
    if (!rc) {
        *a = list[first];
        *b = list[second];
    }
    free(list);
    return rc;
}

enum err device_open(const struct device_info *info, struct device **out) {
    if (info->kind == DEVICE_REFERENCE) return cpu_backend.open(info, out);
#ifdef REAL_IS_DOUBLE
    /* Plans of this build count 8 bytes for a number; kernels are written in float. */
    return err_set(ERR_DEVICE, "the double-precision build runs on the reference only, not on %s",
                   info->name);
#else
    return ocl_backend.open(info, out);
#endif
}

void device_close(struct device *d) {
    if (!d) return;
    free(d->tuning.at);
    assert(!d->allocated); /* a buffer outlives its device */
    d->calls->close(d);
}

const struct device_info *device_about(const struct device *d) {
    return &d->info;
}

const struct caps *device_caps(const struct device *d) {
    return &d->caps;
}

enum err device_tune(struct device *d, const char *key, const char *way) {
    struct tuning *t = &d->tuning;
    d->caps.tuning = t;
    int i = 0;
    while (i < t->count && strcmp(t->at[i].key, key)) i++;
    if (!way) {
        if (i < t->count) t->at[i] = t->at[--t->count];
        return OK;
    }
    if (i == t->count) {
        struct tuned *moved = realloc(t->at, ((size_t)t->count + 1) * sizeof *moved);
        if (!moved) return err_memory("the tuning table");
        t->at = moved;
        t->count++;
    }
    snprintf(t->at[i].key, sizeof t->at[i].key, "%s", key);
    snprintf(t->at[i].way, sizeof t->at[i].way, "%s", way);
    return OK;
}

enum err device_mask(struct device *d, const struct mask_query *q, uint32_t *words) {
    if (!q->samples || !q->elements) return OK;
    return d->calls->mask(d, q, words);
}
