/* The faults of one recipe: collected in any order, reported in the order of the text. */
#ifndef DROPCL_RECIPE_FAULTS_H
#define DROPCL_RECIPE_FAULTS_H

#include "base/err.h"
#include "recipe/recipe.h"
#include <stdbool.h>
#include <stddef.h>

/* Where something was said. A value that came from a setting keeps the place in the text that it
 * replaced, and the number of the setting (from 1; 0: the text itself). */
struct place {
    int line, column; /* from 1; columns count characters, not bytes */
    int setting;
};

enum { FAULTS_KEPT = 20, FAULT_BYTES = 360 };

struct fault {
    struct place place;
    char sentence[FAULT_BYTES];
};

/* Made by setting the first five members; the rest starts as zero. */
struct faults {
    const char *file, *text;
    size_t size;
    const struct setting *settings;
    int settings_count;
    int total, kept; /* faults seen; the first `kept` of them by place are in `at`, sorted */
    bool memory;     /* something could not be allocated: the answer is ERR_SYSTEM */
    struct fault at[FAULTS_KEPT];
};

void faults_add(struct faults *f, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* OK when there were none; otherwise sets the message: per fault `FILE:LINE:COLUMN: error: ...`,
 * the source line and a caret, or `--set KEY=VALUE: error: ...`; then `N errors` for more than one.
 */
enum err faults_report(const struct faults *f);

/* A piece of the user's text, made fit for a message: short, on one line. Used as
 * faults_quote(s).at inside a call. */
struct quote {
    char at[48];
};
struct quote faults_quote(const char *text);

#endif
