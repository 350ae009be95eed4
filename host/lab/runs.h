/* A list of runs, read from their folders. */
#ifndef DROPCL_LAB_RUNS_H
#define DROPCL_LAB_RUNS_H

#include "lab/record.h"

struct runs {
    struct record *at; /* owned */
    int count;
};

/* Adds the run in the folder, or, when it holds none itself, those in the folders inside it, in the
 * order of their names. ERR_MISSING: neither; ERR_DATA: a damaged run. */
enum err runs_add(struct runs *, const char *folder);
void runs_free(struct runs *);

#endif
