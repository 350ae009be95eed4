/* What the files of `dropcl sweep` share. */
#ifndef DROPCL_CLI_SWEEP_PRIVATE_H
#define DROPCL_CLI_SWEEP_PRIVATE_H

#include "cli/options.h"
#include "lab/sweep.h"

struct sweep_arguments {
    const char *recipe, *data, *device, *out, *init, *seeds;
    struct words vary, set;
    struct number jobs, epochs, steps, score_every;
    bool json;
};

/* One sweep as the command runs it. */
struct sweep_work {
    const struct sweep_arguments *arguments;
    struct sweep_source source;
    struct grid grid;
    struct sweep sweep;
    char *name, *folder, *report; /* of the model; of the sweep; its report.html, NULL: none */
    int done;                     /* runs that ended, in whatever way          */
};

/* ---- sweep_run.c ---- */

/* Runs what is not finished yet. 0, or the status of the first run that failed; 75 when it was
 * interrupted; faults of single runs are told as they happen. */
int sweep_run_all(struct sweep_work *);

/* ---- sweep_print.c ---- */

void sweep_print_run(struct sweep_work *, int run);
void sweep_print_points(struct sweep_work *);
void sweep_print_end(struct sweep_work *, bool interrupted);

#endif
