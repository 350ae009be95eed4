/* One JSON line: an object with `event` and `"schema":1`, fields in the order they were added.
 * Running out of memory is remembered and reported by event_write, so that adding needs no checks.
 */
#ifndef DROPCL_CLI_EVENT_H
#define DROPCL_CLI_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct event {
    json_t *object;
    bool failed;
};

struct event event_new(const char *name);
void event_text(struct event *, const char *field, const char *value); /* NULL gives null */
void event_real(struct event *, const char *field, double value);      /* null when not finite */
void event_integer(struct event *, const char *field, int64_t value);
void event_bool(struct event *, const char *field, bool value);

void event_reals(struct event *, const char *field, const float *values, size_t count);

/* Writes the line and flushes it, so that a reader sees every epoch at once. False when it could
 * not. */
bool event_write(const struct event *, FILE *out);
void event_free(struct event *);

#endif
