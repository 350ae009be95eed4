#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for the twenty faults that a recipe may report, each with its source line and caret. */
enum { MESSAGE_SIZE = 16 * 1024 };

static _Thread_local char message[MESSAGE_SIZE];

/* An argument may well be the previous message ("while reading x: %s"): format beside it, then
 * copy. */
static void write_at(size_t offset, const char *format, va_list args) {
    char fresh[MESSAGE_SIZE];
    vsnprintf(fresh, sizeof fresh - offset, format, args);
    if (offset) message[offset - 1] = '\n';
    memcpy(message + offset, fresh, strlen(fresh) + 1);
}

enum err err_set(enum err code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_at(0, format, args);
    va_end(args);
    return code;
}

void err_append(const char *format, ...) {
    size_t used = strlen(message);
    if (used + 2 >= sizeof message) return; /* full: the first faults are the ones worth keeping */
    va_list args;
    va_start(args, format);
    write_at(used ? used + 1 : 0, format, args);
    va_end(args);
}

enum err err_memory(const char *what) {
    return err_set(ERR_SYSTEM, "out of memory: %s", what);
}

const char *err_message(void) {
    return message;
}

const char *err_name(enum err code) {
    switch (code) {
#define ERR_CASE(name, value, text)                                                                \
    case name: return text;
        ERR_MAP(ERR_CASE)
#undef ERR_CASE
    }
    return "unknown";
}
