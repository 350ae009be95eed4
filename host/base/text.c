#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *t, size_t more) {
    if (t->failed) return false;
    if (more < t->capacity - t->size) return true; /* strictly: the NUL needs a byte */
    size_t wanted = t->capacity ? t->capacity : 64;
    while (wanted - t->size <= more) {
        if (wanted > SIZE_MAX / 2) goto fail;
        wanted *= 2;
    }
    char *grown = realloc(t->data, wanted);
    if (!grown) goto fail;
    t->data = grown;
    t->capacity = wanted;
    return true;
fail:
    t->failed = true;
    return false;
}

void text_add(struct text *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        t->failed = true;
    } else if (reserve(t, (size_t)length)) {
        vsnprintf(t->data + t->size, (size_t)length + 1, format, again);
        t->size += (size_t)length;
    }
    va_end(again);
}

void text_add_bytes(struct text *t, const void *bytes, size_t size) {
    if (!reserve(t, size)) return;
    if (size) memcpy(t->data + t->size, bytes, size);
    t->size += size;
    t->data[t->size] = 0;
}

void text_free(struct text *t) {
    free(t->data);
    *t = (struct text){0};
}

enum err text_take(struct text *t, char **out) {
    *out = NULL;
    if (!reserve(t, 0)) {
        text_free(t);
        return err_memory("a text");
    }
    t->data[t->size] = 0;
    *out = t->data;
    *t = (struct text){0};
    return OK;
}

static const char *skip_digits(const char *s) {
    while (isdigit((unsigned char)*s)) s++;
    return s;
}

/* sign? (digits [. digits?] | . digits) ([eE] sign? digits)?  and nothing else. */
static bool is_real(const char *s) {
    if (*s == '+' || *s == '-') s++;
    const char *whole = s;
    s = skip_digits(s);
    bool digits = s > whole;
    if (*s == '.') {
        const char *fraction = ++s;
        s = skip_digits(s);
        digits = digits || s > fraction;
    }
    if (!digits) return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '+' || *s == '-') s++;
        const char *exponent = s;
        s = skip_digits(s);
        if (s == exponent) return false;
    }
    return *s == 0;
}

bool text_real(const char *s, double *out) {
    if (!is_real(s)) return false;
    /* A program that embeds us may have set a locale with a decimal comma; this thread reads in
     * "C". */
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!c) return false;
    locale_t before = uselocale(c);
    double value = strtod(s, NULL);
    uselocale(before);
    freelocale(c);
    /* Too large is refused; too small is the nearest double, a denormal or zero. */
    if (value > DBL_MAX || value < -DBL_MAX) return false;
    *out = value;
    return true;
}

bool text_unsigned(const char *s, uint64_t *out) {
    const char *digits = s + (*s == '+');
    const char *end = skip_digits(digits);
    if (end == digits || *end) return false;
    errno = 0;
    unsigned long long value = strtoull(digits, NULL, 10);
    if (errno) return false;
    *out = value;
    return true;
}

bool text_integer(const char *s, int64_t *out) {
    const char *digits = s + (*s == '+' || *s == '-');
    const char *end = skip_digits(digits);
    if (end == digits || *end) return false;
    errno = 0;
    long long value = strtoll(s, NULL, 10);
    if (errno) return false;
    *out = value;
    return true;
}

enum { LONGEST_WORD = 63 };

/* Optimal string alignment (Levenshtein with swaps of neighbours): "ouptut" is one slip from
 * "output". Three rows of the table are kept. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb) {
    size_t rows[3][LONGEST_WORD + 1];
    for (size_t j = 0; j <= nb; j++) rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two_above[j - 2] + 1 < best) best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[na % 3][nb];
}

const char *text_suggest(const char *word, const char *const *candidates) {
    size_t length = strlen(word);
    if (!length || length > LONGEST_WORD) return NULL;
    size_t best = length <= 3 ? 2 : 3; /* what must be beaten */
    const char *found = NULL;
    for (; *candidates; candidates++) {
        size_t other = strlen(*candidates);
        if (!other || other > LONGEST_WORD) continue;
        size_t d = distance(word, length, *candidates, other);
        if (d >= best) continue;
        best = d;
        found = *candidates;
    }
    return found;
}
