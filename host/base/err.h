/* Errors are values. A function that can fail because of its input, a file, memory or a device
 * returns `enum err` and leaves one precise sentence in a thread-local buffer, written where the
 * fault was detected. The codes are the exit codes of the command line (after sysexits.h). Bugs are
 * `assert`s. */
#ifndef DROPCL_BASE_ERR_H
#define DROPCL_BASE_ERR_H

#define ERR_MAP(X)                                                                                 \
    X(OK, 0, "ok")                                                                                 \
    X(ERR_NO, 1, "the answer is no")                                                               \
    X(ERR_USAGE, 64, "usage")                                                                      \
    X(ERR_DATA, 65, "bad data or model file")                                                      \
    X(ERR_MISSING, 66, "missing input")                                                            \
    X(ERR_DEVICE, 69, "no such device")                                                            \
    X(ERR_NUMERIC, 70, "numerical failure")                                                        \
    X(ERR_SYSTEM, 71, "system or memory, host or device")                                          \
    X(ERR_CREATE, 73, "cannot create")                                                             \
    X(ERR_IO, 74, "input or output failed")                                                        \
    X(ERR_INTERRUPTED, 75, "interrupted")                                                          \
    X(ERR_RECIPE, 78, "bad recipe")

enum err {
#define ERR_ENUM(name, code, text) name = (code),
    ERR_MAP(ERR_ENUM)
#undef ERR_ENUM
};

/* Stores the sentence and returns `code`, so that a fault is one statement: return err_set(...). */
enum err err_set(enum err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a line to the sentence, for the places that report more than one fault (recipes). */
void err_append(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Out of host memory while making `what`. */
enum err err_memory(const char *what);

/* The last sentence set on this thread; valid until the next err_set on it. */
const char *err_message(void);

/* What a code means, a few words; "unknown" for a code that is not in the table. */
const char *err_name(enum err code);

/* Returns early; for functions that hold nothing at that point. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_rc = (call);                                                                  \
        if (try_rc) return try_rc;                                                                 \
    } while (0)

#endif
