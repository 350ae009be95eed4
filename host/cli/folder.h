/* The folder of a run: model.safetensors, metrics.jsonl, recipe.yaml.
 *
 * folder_reserve makes sure, before any work, that the folder can be written; folder_start takes it
 * over once the first step is done, so that bad input found on the way leaves an older run as it
 * was and an empty folder behind never. The struct owns its strings and the open file; folder_close
 * frees them. */
#ifndef DROPCL_CLI_FOLDER_H
#define DROPCL_CLI_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct folder {
    char *path, *model; /* DIR, DIR/model.safetensors */
    FILE *metrics;
    bool created, started;
};

/* out: the folder to use; NULL: runs/NAME-SEED, or the first free of runs/NAME-SEED-2, -3, ...
 * A folder that holds a run needs `force`. 0, or the exit status after telling what is wrong. */
int folder_reserve(struct folder *, const char *out, bool force, const char *name, uint64_t seed);

/* Removes what an older run left and writes recipe.yaml; opens metrics.jsonl. */
int folder_start(struct folder *, const char *recipe);

void folder_close(struct folder *);

#endif
