/* What the files of `dropcl bench` share. */
#ifndef DROPCL_CLI_BENCH_PRIVATE_H
#define DROPCL_CLI_BENCH_PRIVATE_H

#include "cli/options.h"
#include "train/bench.h"

struct bench_arguments {
    const char *recipe, *data, *device;
    struct words set, only;
    struct number steps;
    bool json, tune;
};

/* Where rows go: a table with a head for each section, or JSON lines. */
struct bench_printer {
    bool json;
    int cores;
    struct bench_limits limits;
    char section[16]; /* of the last row */
};

void bench_print_row(struct bench_printer *, const struct bench_row *);

/* Seconds since the process was started, by the kernel's record; of `now` when there is none. */
double bench_process_age(void);

/* Starts this program twice with an empty cache folder, cold and then warm, and hands over the rows
 * of the two starts. 0, or the exit status of the one that failed. */
int bench_starts(const struct bench_arguments *, struct bench_printer *);

#endif
