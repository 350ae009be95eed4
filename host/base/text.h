/* A growing string, strict numbers and suggestions. A text with `failed` set has lost something for
 * want of memory; text_take reports it, so that appending needs no checks. */
#ifndef DROPCL_BASE_TEXT_H
#define DROPCL_BASE_TEXT_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data; /* NUL-terminated once anything was added; NULL when empty */
    size_t size, capacity;
    bool failed;
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *t, const void *bytes, size_t size);
void text_free(struct text *t);
/* Hands the string over (caller frees) and empties t; ERR_SYSTEM when memory ran out on the way. */
enum err text_take(struct text *t, char **out);

/* Strict, locale-independent: the whole string must be the number. False on anything else, range
 * overflow included. Accepts 1e-3, -2, .5, 5.; no hex, no inf, no nan, no blanks, no underscores.
 */
bool text_real(const char *s, double *out);
bool text_integer(const char *s, int64_t *out);
bool text_unsigned(const char *s, uint64_t *out);

/* The candidate (NULL-terminated list) nearest to `word` within edit distance 2 (1 for words of up
 * to 3 letters), NULL when none is. */
const char *text_suggest(const char *word, const char *const *candidates);

#endif
