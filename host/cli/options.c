#include "cli/options.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 32 };

static const struct option *find(const struct command *command, const char *name, size_t length) {
    for (const struct option *o = command->options; o->name; o++)
        if (strlen(o->name) == length && !memcmp(o->name, name, length)) return o;
    return NULL;
}

static int unknown(const struct command *command, const char *word, size_t length) {
    const char *names[OPTIONS_MAX + 1] = {NULL};
    int count = 0;
    for (const struct option *o = command->options; o->name && count < OPTIONS_MAX; o++)
        names[count++] = o->name;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    const char *near = text_suggest(name, names);
    return cli_fail(STATUS_USAGE, "%s: unknown option --%s%s%s%s (dropcl help %s lists them)",
                    command->name, name, near ? ", did you mean --" : "", near ? near : "",
                    near ? "?" : "", command->name);
}

static int bad_value(const struct command *command, const struct option *o, const char *value,
                     const char *expected) {
    return cli_fail(STATUS_USAGE, "%s: --%s wants %s, not '%s'", command->name, o->name, expected,
                    value);
}

static int set_number(const struct command *command, const struct option *o, const char *value,
                      struct number *out) {
    uint64_t n = 0;
    if (!text_unsigned(value, &n) || n < o->min || n > o->max) {
        char expected[96];
        snprintf(expected, sizeof expected, "a whole number from %llu to %llu",
                 (unsigned long long)o->min, (unsigned long long)o->max);
        return bad_value(command, o, value, expected);
    }
    *out = (struct number){true, n};
    return 0;
}

static int set_fraction(const struct command *command, const struct option *o, const char *value,
                        struct fraction *out) {
    double x = 0;
    if (!text_real(value, &x) || !(x >= 0 && x <= 1))
        return bad_value(command, o, value, "a number from 0 to 1");
    *out = (struct fraction){true, x};
    return 0;
}

static int set_range(const struct command *command, const struct option *o, const char *value,
                     struct range *out) {
    const char *colon = strchr(value, ':');
    char first[32];
    struct range r = {true, 0, 0};
    bool fine = colon && (size_t)(colon - value) < sizeof first;
    if (fine) {
        snprintf(first, sizeof first, "%.*s", (int)(colon - value), value);
        fine = text_unsigned(first, &r.first) && text_unsigned(colon + 1, &r.last) &&
               r.first < r.last && r.last <= o->max;
    }
    if (!fine) {
        char expected[96];
        snprintf(expected, sizeof expected, "A:B, meaning A <= i < B, with A < B <= %llu",
                 (unsigned long long)o->max);
        return bad_value(command, o, value, expected);
    }
    *out = r;
    return 0;
}

static int add_word(const char *value, struct words *out) {
    const char **at = realloc(out->at, ((size_t)out->count + 1) * sizeof *at);
    if (!at) return cli_fail(71, "out of memory reading the command line");
    at[out->count++] = value;
    out->at = at;
    return 0;
}

static int set(const struct command *command, const struct option *o, const char *value,
               void *arguments) {
    void *place = (char *)arguments + o->offset;
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)place = true; return 0;
    case OPTION_TEXT:
        if (!*value) return bad_value(command, o, value, "a value");
        *(const char **)place = value;
        return 0;
    case OPTION_NUMBER: return set_number(command, o, value, place);
    case OPTION_FRACTION: return set_fraction(command, o, value, place);
    case OPTION_RANGE: return set_range(command, o, value, place);
    case OPTION_WORDS: return add_word(value, place);
    }
    return 0;
}

/* One `--name`, with its value in the same word or the next one; *next moves past what was used. A
 * value that starts with two dashes must be joined by `=`: `--data --json` is a forgotten value. */
static int parse_long(const struct command *command, int argc, char *const *argv, int *next,
                      void *arguments) {
    const char *word = argv[(*next)++] + 2;
    size_t length = strcspn(word, "=");
    const struct option *o = find(command, word, length);
    if (!o) return unknown(command, word, length);
    bool joined = word[length] == '=';
    if (o->kind == OPTION_FLAG) {
        if (joined)
            return cli_fail(STATUS_USAGE, "%s: --%s takes no value", command->name, o->name);
        return set(command, o, NULL, arguments);
    }
    if (joined) return set(command, o, word + length + 1, arguments);
    if (*next >= argc || !strncmp(argv[*next], "--", 2))
        return cli_fail(STATUS_USAGE, "%s: --%s needs a value: --%s %s", command->name, o->name,
                        o->name, o->metavar);
    int status = set(command, o, argv[(*next)++], arguments);
    while (o->many && !status && *next < argc && strncmp(argv[*next], "--", 2) != 0)
        status = set(command, o, argv[(*next)++], arguments);
    return status;
}

/* "DIR...": one or more, collected in a struct words. */
static bool takes_many(const struct command *command) {
    return command->operand && strstr(command->operand, "...");
}

static int take_operand(const struct command *command, const char *word, void *arguments) {
    if (takes_many(command)) return add_word(word, arguments);
    const char **place = arguments;
    if (!command->operand || *place)
        return cli_fail(STATUS_USAGE, "%s: one argument too many: %s", command->name, word);
    *place = word;
    return 0;
}

static bool operand_missing(const struct command *command, const void *arguments) {
    if (!command->operand || *command->operand == '[') return false;
    if (takes_many(command)) return !((const struct words *)arguments)->count;
    return !*(const char *const *)arguments;
}

static bool missing(const struct option *o, const void *arguments) {
    const void *place = (const char *)arguments + o->offset;
    if (!o->required) return false;
    switch (o->kind) {
    case OPTION_NUMBER: return !((const struct number *)place)->given;
    case OPTION_FRACTION: return !((const struct fraction *)place)->given;
    case OPTION_RANGE: return !((const struct range *)place)->given;
    case OPTION_TEXT: return !*(const char *const *)place;
    default: return false;
    }
}

int options_parse(const struct command *command, int argc, char *const *argv, void *arguments) {
    bool only_operands = false;
    for (int next = 1; next < argc;) {
        const char *word = argv[next];
        if (!only_operands && !strcmp(word, "--")) {
            only_operands = true;
            next++;
        } else if (!only_operands && !strncmp(word, "--", 2)) {
            int status = parse_long(command, argc, argv, &next, arguments);
            if (status) return status;
        } else if (!only_operands && word[0] == '-' && word[1]) {
            return cli_fail(STATUS_USAGE, "%s: unknown option %s (options have two dashes)",
                            command->name, word);
        } else {
            int status = take_operand(command, argv[next++], arguments);
            if (status) return status;
        }
    }
    if (operand_missing(command, arguments))
        return cli_fail(STATUS_USAGE, "%s: %s is missing (dropcl help %s)", command->name,
                        command->operand, command->name);
    for (const struct option *o = command->options; o->name; o++)
        if (missing(o, arguments))
            return cli_fail(STATUS_USAGE, "%s: --%s %s is missing (dropcl help %s)", command->name,
                            o->name, o->metavar, command->name);
    return 0;
}

void options_release(const struct command *command, void *arguments) {
    if (takes_many(command)) free(((struct words *)arguments)->at);
    for (const struct option *o = command->options; o->name; o++)
        if (o->kind == OPTION_WORDS) free(((struct words *)((char *)arguments + o->offset))->at);
}

void options_help(const struct command *command, FILE *out) {
    fprintf(out, "Usage: dropcl %s", command->name);
    if (command->operand) fprintf(out, " %s", command->operand);
    for (const struct option *o = command->options; o->name; o++)
        if (o->required) fprintf(out, " --%s %s", o->name, o->metavar);
    fprintf(out, " [OPTION]...\n\n%s.\n\nOptions:\n", command->summary);
    for (const struct option *o = command->options; o->name; o++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->metavar ? " " : "",
                 o->metavar ? o->metavar : "");
        fprintf(out, "  %-20s %s\n", left, o->doc);
    }
    fprintf(out, "  %-20s %s\n", "--help", "print this and exit");
    if (command->details) fprintf(out, "\n%s", command->details);
}
