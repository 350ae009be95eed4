/* What the subcommands share: the description of one, and how faults are reported. Only this folder
 * prints, reads the environment's manners and decides the exit status. */
#ifndef DROPCL_CLI_CLI_H
#define DROPCL_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

struct option;

/* A subcommand as data: the parser, `--help` and `dropcl help` read nothing else. `run` gets a
 * zeroed struct of `size` bytes filled by the parser and returns the exit status. When there is an
 * operand, the first member of that struct is the `const char *` that receives it; of one that may
 * be repeated the struct words. */
struct command {
    const char *name;
    const char *operand; /* "RECIPE", "[RECIPE]" when it may be absent, "DIR..."; NULL: none */
    const char *summary; /* one line                                        */
    const char *details; /* printed below the options by --help             */
    const struct option *options; /* ends with a NULL name                   */
    size_t size;
    int (*run)(const void *arguments);
};

extern const struct command train_command, eval_command, compare_command, plan_command,
    devices_command, mask_command, bench_command, predict_command, sweep_command, report_command,
    lab_command;

enum {
    STATUS_USAGE = 64,
    STATUS_CREATE = 73,
    STATUS_IO = 74,
    STATUS_INTERRUPTED = 75,
};

/* Prints one sentence to stderr and returns `status`. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints what the library said about its last fault and returns `status`. */
int cli_report(int status);

/* Tells the user which device does the work (stderr). */
void cli_device(const char *name, const char *driver);

#endif
