#include "cli/event.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 15 digits print 0.978 as 0.978 and still tell apart any two losses that matter. */
enum { DIGITS = 15 };

static void add(struct event *e, const char *field, json_t *value) {
    if (json_object_set_new(e->object, field, value)) e->failed = true;
}

struct event event_new(const char *name) {
    struct event e = {json_object(), false};
    event_text(&e, "event", name);
    event_integer(&e, "schema", 1);
    return e;
}

/* Paths and driver names may hold bytes that are no UTF-8, which JSON cannot carry. */
static json_t *ascii_only(const char *value) {
    char *copy = strdup(value);
    if (!copy) return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    json_t *text = json_string(copy);
    free(copy);
    return text;
}

void event_text(struct event *e, const char *field, const char *value) {
    json_t *text = value ? json_string(value) : json_null();
    add(e, field, text ? text : ascii_only(value));
}

void event_real(struct event *e, const char *field, double value) {
    add(e, field, isfinite(value) ? json_real(value) : json_null());
}

void event_integer(struct event *e, const char *field, int64_t value) {
    add(e, field, json_integer(value));
}

void event_bool(struct event *e, const char *field, bool value) {
    add(e, field, json_boolean(value));
}

void event_reals(struct event *e, const char *field, const float *values, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_real((double)values[i]))) e->failed = true;
    add(e, field, list);
}

bool event_write(const struct event *e, FILE *out) {
    if (e->failed) return false;
    char *line = json_dumps(e->object, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    if (!line) return false;
    bool fine = fprintf(out, "%s\n", line) > 0 && !fflush(out);
    free(line);
    return fine;
}

void event_free(struct event *e) {
    json_decref(e->object);
}
