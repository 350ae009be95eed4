/* dropcl: one program, one table of subcommands. */
#include "base/text.h"
#include "cli/cache.h"
#include "cli/cli.h"
#include "cli/options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
    &train_command, &eval_command,    &predict_command, &compare_command,
    &plan_command,  &devices_command, &mask_command,    &bench_command,
    &sweep_command, &report_command,  &lab_command,     NULL,
};

static const char exit_statuses[] =
    "Exit status: 0 ok; 1 the answer is no; 64 usage; 65 bad data or model file; 66 missing input;\n"
    "69 no such device; 70 numerical failure; 71 system or memory; 73 cannot create; 74 input or\n"
    "output failed; 75 interrupted, model saved; 78 bad recipe.\n";

static void usage(FILE *out) {
    fputs(
        "Usage: dropcl COMMAND [ARGUMENT]...\n\nTrains neural networks on any OpenCL device, with "
        "dropout masks that everyone can reproduce.\n\nCommands:\n",
        out);
    for (const struct command *const *c = commands; *c; c++)
        fprintf(out, "  %-9s %s\n", (*c)->name, (*c)->summary);
    fprintf(out, "\n  help CMD  the options of a command\n  --version\n\n%s", exit_statuses);
}

static const struct command *find(const char *name) {
    for (const struct command *const *c = commands; *c; c++)
        if (!strcmp((*c)->name, name)) return *c;
    return NULL;
}

static int unknown(const char *word) {
    enum { COMMANDS = sizeof commands / sizeof *commands - 1 };
    const char *names[COMMANDS + 2]; /* and help, and the end */
    for (int i = 0; i < COMMANDS; i++) names[i] = commands[i]->name;
    names[COMMANDS] = "help";
    names[COMMANDS + 1] = NULL;
    const char *near = text_suggest(word, names);
    return cli_fail(STATUS_USAGE, "unknown command '%s'%s%s%s (dropcl --help lists them)", word,
                    near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool asks_for_help(int argc, char *const *argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

static int run_command(const struct command *command, int argc, char *const *argv) {
    if (asks_for_help(argc, argv)) {
        options_help(command, stdout);
        return 0;
    }
    void *arguments = calloc(1, command->size);
    if (!arguments) return cli_fail(71, "out of memory for the arguments");
    int status = options_parse(command, argc, argv, arguments);
    if (!status) {
        cache_prepare();
        status = command->run(arguments);
    }
    options_release(command, arguments);
    free(arguments);
    return status;
}

static int help(const char *name) {
    const struct command *command = name ? find(name) : NULL;
    if (name && !command) return unknown(name);
    if (command)
        options_help(command, stdout);
    else
        usage(stdout);
    return 0;
}

static int dispatch(int argc, char *const *argv) {
    const char *word = argc > 1 ? argv[1] : NULL;
    if (!word) {
        usage(stderr);
        return STATUS_USAGE;
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) return help(NULL);
    if (!strcmp(word, "help")) return help(argc > 2 ? argv[2] : NULL);
    if (!strcmp(word, "--version")) {
        puts("dropcl " DROPCL_VERSION);
        return 0;
    }
    const struct command *command = find(word);
    return command ? run_command(command, argc - 1, argv + 1) : unknown(word);
}

/* A result that never reached its file (a full disk) must not end with 0. */
int main(int argc, char **argv) {
    int status = dispatch(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && status == 0)
        return cli_fail(STATUS_IO, "standard output cannot be written");
    return status;
}
