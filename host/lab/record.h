/* A finished or interrupted run, read back from its folder: recipe.yaml, metrics.jsonl and, when
 * training reached it, model.safetensors. */
#ifndef DROPCL_LAB_RECORD_H
#define DROPCL_LAB_RECORD_H

#include "base/err.h"
#include <stdbool.h>

/* The numbers of an epoch that are read, by the names of docs/json.md. */
enum record_field {
    RECORD_EPOCH,
    RECORD_TRAIN_LOSS,
    RECORD_TRAIN_ACCURACY,
    RECORD_VAL_LOSS,
    RECORD_VAL_ACCURACY,
    RECORD_TEST_LOSS,
    RECORD_TEST_ACCURACY,
    RECORD_SECONDS,
    RECORD_RATE,
    RECORD_FIELDS
};
extern const char *const record_names[RECORD_FIELDS];

struct record {
    char *folder; /* as given                                            */
    char *name;   /* the last part of that path                          */
    char *family; /* runs of one family share a colour and its name; NULL: on its own */
    char *recipe; /* text of recipe.yaml                                 */
    double (*epochs)[RECORD_FIELDS]; /* NaN: not measured                                   */
    int nepochs;
    double last[RECORD_FIELDS]; /* of the end line; NaN without one                    */
    bool ended;                 /* training came to its end line and saved a model     */
    bool interrupted;
    char *model;                 /* path of model.safetensors, NULL: there is none      */
    long long parameters, steps; /* -1: unknown */
    char sha256[65], device[128];
};

/* ERR_MISSING: no such folder, or one that holds no run, naming the file that is not there.
 * ERR_DATA: metrics.jsonl is damaged, with its line. The caller frees the record. */
enum err record_read(const char *folder, struct record *out);
void record_free(struct record *);

/* Whether the folder holds a run that was trained to its end. */
bool record_finished(const char *folder);

#endif
