/* What `dropcl predict` is asked about: rows of a dataset, or files of the user's. */
#ifndef DROPCL_CLI_ROWS_H
#define DROPCL_CLI_ROWS_H

#include "cli/options.h"
#include "data/dataset.h"
#include "train/model.h"

struct rows {
    const uint8_t *images; /* [count][features] */
    const uint8_t *labels; /* [count]; NULL: not known */
    const char **files;    /* [count] the file of each; NULL: rows of the dataset */
    size_t count, first;   /* first: the number of the first one in its split */
    uint32_t split;        /* SPLIT_... */
    const char *split_name;
    struct dataset *data; /* owned, as `own` and `files` */
    uint8_t *own;
};

/* The rows of a split that were asked for, all of them when range is not given. ERR_USAGE for rows
 * that are not there, and what opening the dataset reports. */
enum err rows_of_dataset(struct rows *, const struct model *, const char *folder, bool train,
                         const struct range *);
/* Every picture of these files, in order. What picture_read reports. */
enum err rows_of_files(struct rows *, const struct model *, const char *const *paths, int count);
void rows_free(struct rows *);

#endif
