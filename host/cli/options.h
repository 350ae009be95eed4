/* Strict options from a table: `--name VALUE` or `--name=VALUE`, no abbreviations, every number
 * checked for trailing junk and range before anything is opened. The same table prints `--help`. */
#ifndef DROPCL_CLI_OPTIONS_H
#define DROPCL_CLI_OPTIONS_H

#include "cli/cli.h"
#include <stdint.h>
#include <stdio.h>

enum option_kind {                  /* the C type at `offset` */
                   OPTION_FLAG,     /* bool                                      */
                   OPTION_TEXT,     /* const char *, NULL when absent            */
                   OPTION_NUMBER,   /* struct number, within [min, max]          */
                   OPTION_FRACTION, /* struct fraction, within [0, 1]            */
                   OPTION_RANGE,    /* struct range, A:B with A < B <= max       */
                   OPTION_WORDS,    /* struct words, may be repeated             */
};

struct number {
    bool given;
    uint64_t value;
};

struct fraction {
    bool given;
    double value;
};

struct range { /* half-open: first <= i < last */
    bool given;
    uint64_t first, last;
};

struct words { /* borrowed from argv; the parser allocates `at`, options_release frees it */
    const char **at;
    int count;
};

struct option {
    const char *name; /* without the dashes */
    enum option_kind kind;
    size_t offset;
    const char *metavar, *doc; /* "N", "what it does" */
    uint64_t min, max;
    bool required;
    bool many; /* OPTION_WORDS: takes all words up to the next option */
};

/* One row of the table for `struct arguments`, whose member has the option's name. */
#define OPTION(kind_, member, metavar_, doc_, ...)                                                 \
    OPTION_NAMED(#member, kind_, member, metavar_, doc_, __VA_ARGS__)
#define OPTION_NAMED(name_, kind_, member, metavar_, doc_, ...)                                    \
    {                                                                                              \
        .name = name_, .kind = OPTION_##kind_, .offset = offsetof(struct arguments, member),       \
        .metavar = metavar_, .doc = doc_, __VA_ARGS__                                              \
    }

/* The rows that several commands share. */
#define OPTION_DATA OPTION(TEXT, data, "DIR", "folder of the dataset's files, or the one above it")
#define OPTION_DEVICE                                                                              \
    OPTION(TEXT, device, "D", "cpu, gpu, opencl, PLATFORM:DEVICE or part of a name")
#define OPTION_INIT OPTION(TEXT, init, "MODEL", "start from the parameters of a saved model")
#define OPTION_SET                                                                                 \
    OPTION(WORDS, set, "KEY=VALUE",                                                                \
           "change the recipe: train.batch=64, model.layers.*.dropout.rate=0")
#define OPTION_SCORE_EVERY                                                                         \
    OPTION_NAMED("score-every", NUMBER, score_every, "N",                                          \
                 "score after every N epochs and the last, not after each", .min = 1,              \
                 .max = INT32_MAX)
#define OPTION_JSON OPTION(FLAG, json, NULL, "JSON lines on stdout")
#define OPTION_END                                                                                 \
    { .name = NULL }

/* argv[0] is the subcommand. 0, or 64 after telling what is wrong. */
int options_parse(const struct command *, int argc, char *const *argv, void *arguments);
void options_release(const struct command *, void *arguments);

/* The text of `dropcl CMD --help`. */
void options_help(const struct command *, FILE *out);

#endif
