/* The order of the rules is the contract of the command line; nothing here touches a device. */
#include "backend/choose.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Simulators and accelerators come after CPUs: they build every kernel at a price. */
static const int opencl_order[] = {DEVICE_GPU, DEVICE_CPU, DEVICE_OTHER, -1};
static const int any_order[] = {DEVICE_GPU, DEVICE_CPU, DEVICE_OTHER, DEVICE_REFERENCE, -1};
static const int gpu_order[] = {DEVICE_GPU, -1};
static const int reference_order[] = {DEVICE_REFERENCE, -1};

static const struct keyword {
    const char *word;
    const int *order; /* kinds, the wanted one first */
} keywords[] = {
    {"cpu", reference_order},
    {"gpu", gpu_order},
    {"opencl", opencl_order},
};

/* The first device of the first kind that is there, -1. */
static int first_of(const struct device_info *list, int count, const int *order) {
    for (; *order >= 0; order++)
        for (int i = 0; i < count; i++)
            if ((int)list[i].kind == *order) return i;
    return -1;
}

/* "12:3"; false for anything else, which is then looked up as a name. Six digits fit an int. */
static bool parse_indices(const char *spec, int *platform, int *device) {
    size_t first = strspn(spec, "0123456789");
    if (!first || first > 6 || spec[first] != ':') return false;
    const char *rest = spec + first + 1;
    size_t second = strspn(rest, "0123456789");
    if (!second || second > 6 || rest[second]) return false;
    *platform = (int)strtol(spec, NULL, 10);
    *device = (int)strtol(rest, NULL, 10);
    return true;
}

static bool contains(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; *text; text++)
        if (!strncasecmp(text, part, length)) return true;
    return false;
}

/* Two boards of one model: nobody could name one of them but by its indices, so the first will do.
 */
static bool same_device(const struct device_info *a, const struct device_info *b) {
    return !strcmp(a->name, b->name) && !strcmp(a->platform, b->platform);
}

/* One line for each device, led by what would choose it. */
static enum err refuse(const struct device_info *list, int count, const char *why,
                       const char *spec) {
    err_set(ERR_DEVICE, "%s \"%s\"; the devices are:", why, spec);
    for (int i = 0; i < count; i++) {
        const struct device_info *d = &list[i];
        if (d->kind == DEVICE_REFERENCE)
            err_append("  cpu  %s", d->name);
        else
            err_append("  %d:%d  %s (%s)", d->platform_index, d->device_index, d->name,
                       d->platform);
    }
    return ERR_DEVICE;
}

/* POCL calls itself "PoCL" nowhere but in its devices' version. */
static bool answers_to(const struct device_info *d, const char *part) {
    return contains(d->name, part) || contains(d->platform, part) || contains(d->version, part);
}

static enum err by_name(const struct device_info *list, int count, const char *spec, int *index) {
    int found = -1;
    for (int i = 0; i < count; i++) {
        if (!answers_to(&list[i], spec)) continue;
        if (found >= 0 && !same_device(&list[found], &list[i]))
            return refuse(list, count, "several different devices match", spec);
        if (found < 0) found = i;
    }
    if (found < 0) return refuse(list, count, "no device matches", spec);
    *index = found;
    return OK;
}

static enum err by_index(const struct device_info *list, int count, const char *spec, int platform,
                         int device, int *index) {
    for (int i = 0; i < count; i++)
        if (list[i].platform_index == platform && list[i].device_index == device) {
            *index = i;
            return OK;
        }
    return refuse(list, count, "there is no device", spec);
}

/* Keywords come first, so that `cpu` is the reference even where a device has "CPU" in its name. */
enum err choose_device(const struct device_info *list, int count, const char *spec, int *index) {
    if (!spec) {
        *index = first_of(list, count, any_order);
        return *index < 0 ? err_set(ERR_DEVICE, "there is no device at all") : OK;
    }
    if (!*spec) return refuse(list, count, "no device has the empty name", spec);
    for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++) {
        if (strcasecmp(spec, keywords[k].word)) continue;
        *index = first_of(list, count, keywords[k].order);
        return *index < 0 ? refuse(list, count, "no device is of the kind", spec) : OK;
    }
    int platform, device;
    if (parse_indices(spec, &platform, &device))
        return by_index(list, count, spec, platform, device, index);
    return by_name(list, count, spec, index);
}

static enum err split_at(const struct device_info *list, int count, const char *spec,
                         const char *comma, int *a, int *b) {
    char *left = strndup(spec, (size_t)(comma - spec));
    if (!left) return err_memory("device names");
    enum err rc = choose_device(list, count, left, a);
    free(left);
    return rc ? rc : choose_device(list, count, comma + 1, b);
}

enum err choose_two(const struct device_info *list, int count, const char *spec, int *a, int *b) {
    if (!spec) {
        TRY(choose_device(list, count, "cpu", a));
        return choose_device(list, count, NULL, b);
    }
    const char *last = strrchr(spec, ',');
    if (!last) return err_set(ERR_USAGE, "\"%s\" names one device; two are needed, as A,B", spec);
    for (const char *comma = last; comma >= spec; comma--)
        if (*comma == ',' && !split_at(list, count, spec, comma, a, b)) return OK;
    return split_at(list, count, spec, last, a, b); /* for its message: the likeliest reading */
}
