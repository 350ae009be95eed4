#include "recipe/faults.h"

#include "recipe/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EXCERPT = 96 }; /* characters of a source line that are shown */

static int compare(struct place a, struct place b) {
    if (a.setting != b.setting) return a.setting < b.setting ? -1 : 1;
    if (a.line != b.line) return a.line < b.line ? -1 : 1;
    return (a.column > b.column) - (a.column < b.column);
}

/* A setting with a wildcard may go wrong in the same way at many places. */
static bool is_repeated(const struct faults *f, struct place place, const char *sentence) {
    for (int i = 0; place.setting && i < f->kept; i++)
        if (f->at[i].place.setting == place.setting && strcmp(f->at[i].sentence, sentence) == 0)
            return true;
    return false;
}

void faults_add(struct faults *f, struct place place, const char *format, ...) {
    struct fault fault = {.place = place};
    va_list args;
    va_start(args, format);
    vsnprintf(fault.sentence, sizeof fault.sentence, format, args);
    va_end(args);
    if (is_repeated(f, place, fault.sentence)) return;

    f->total++;
    int at = f->kept;
    while (at > 0 && compare(place, f->at[at - 1].place) < 0) at--;
    if (at == FAULTS_KEPT) return;
    if (f->kept < FAULTS_KEPT) f->kept++;
    memmove(f->at + at + 1, f->at + at, sizeof *f->at * (size_t)(f->kept - 1 - at));
    f->at[at] = fault;
}

static bool is_inside(char byte) { /* a byte that continues a UTF-8 character */
    return ((unsigned char)byte & 0xc0) == 0x80;
}

struct quote faults_quote(const char *text) {
    struct quote q;
    size_t length = strlen(text), room = sizeof q.at;
    bool cut = length >= room;
    utf8_show(q.at, cut ? room - 3 : room, text, length);
    if (cut) memcpy(q.at + strlen(q.at), "...", 4);
    return q;
}

static const char *line_start(const struct faults *f, int line) {
    const char *at = f->text, *end = f->text + f->size;
    for (; line > 1 && at; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at) at++;
    }
    return at;
}

static const char *next_character(const char *at, const char *end) {
    if (at < end) at++;
    while (at < end && is_inside(*at)) at++;
    return at;
}

/* The source line and, under it, the caret. A long line is shown from some characters before the
 * fault, so that one line of a machine-written recipe does not drown the rest. */
static void append_excerpt(const struct faults *f, struct place place) {
    const char *start = line_start(f, place.line), *end = f->text + f->size;
    if (!start || place.column < 1) return;
    const char *stop = memchr(start, '\n', (size_t)(end - start));
    if (!stop) stop = end;
    if (stop > start && stop[-1] == '\r') stop--;
    if (stop == start) return;

    int before = place.column - 1;
    for (; before > EXCERPT * 3 / 4; before--) start = next_character(start, stop);
    const char *last = start;
    for (int i = 0; i < EXCERPT; i++) last = next_character(last, stop);

    char shown[EXCERPT * 4 + 1], caret[EXCERPT + 2];
    utf8_show(shown, sizeof shown, start, (size_t)(last - start));
    /* Tabs are copied, so that the caret stands right whatever their width. */
    int pad = 0;
    for (const char *at = start; pad < before; pad++, at = next_character(at, stop))
        caret[pad] = at < stop && *at == '\t' ? '\t' : ' ';
    caret[pad] = '^';
    caret[pad + 1] = 0;
    err_append("%s\n%s", shown, caret);
}

static void append_fault(const struct faults *f, const struct fault *fault) {
    int number = fault->place.setting;
    if (number > 0 && number <= f->settings_count) {
        const struct setting *s = &f->settings[number - 1];
        err_append("--set %s=%s: error: %s", s->key, faults_quote(s->value).at, fault->sentence);
        return;
    }
    err_append("%s:%d:%d: error: %s", f->file, fault->place.line, fault->place.column,
               fault->sentence);
    append_excerpt(f, fault->place);
}

enum err faults_report(const struct faults *f) {
    if (f->memory) return err_memory(f->file);
    if (!f->total) return OK;
    err_set(ERR_RECIPE, "%s", "");
    for (int i = 0; i < f->kept; i++) append_fault(f, &f->at[i]);
    if (f->total > f->kept)
        err_append("%d errors, the first %d shown", f->total, f->kept);
    else if (f->total > 1)
        err_append("%d errors", f->total);
    return ERR_RECIPE;
}
