/* Datasets in host memory, as they go to the device: uint8 rows, channels last.
 *
 * A dataset is found by the command line's rule: DIR or DIR/NAME when a folder is given, else
 * $DROPCL_DATA/NAME, datasets/NAME, $XDG_DATA_HOME/dropcl/NAME ($HOME/.local/share/dropcl/NAME).
 * Files are plain or .gz. `synthetic` is built in: stroke-drawn digits, the same bytes for
 * everyone. */
#ifndef DROPCL_DATA_DATASET_H
#define DROPCL_DATA_DATASET_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct split {
    int rows;
    uint8_t *images; /* [rows][height][width][channels] */
    uint8_t *labels; /* [rows], each below `classes`    */
};

struct dataset {
    const char *name;
    int height, width, channels, classes;
    const char *const *class_names; /* classes of them, as long as the dataset lives */
    const char **owned_names;       /* the block they are in when a file gave them, else NULL */
    struct split train, test;
    int shares;      /* of dataset_share that are not closed yet */
    char sha256[65]; /* of dataset_hash, empty before            */
};

/* ERR_MISSING names every file looked for and how to get them; ERR_DATA a file that is not what it
 * should be, saying which field and what it holds; ERR_USAGE an unknown dataset name. */
enum err dataset_open(const char *name, const char *folder, struct dataset **out);
void dataset_close(struct dataset *d);
/* The same dataset once more, for another owner on the same thread: it lives until each has closed
 * it. Nobody may change it. */
struct dataset *dataset_share(struct dataset *d);

/* SHA-256 of all images and labels, train then test, in memory order. The first time takes a good
 * part of a second for MNIST and more than one for CIFAR-10, so it is left until a model is
 * described. The text is the dataset's. */
const char *dataset_hash(struct dataset *d);

/* Height, width and channels of a dataset's pictures, without opening it. ERR_USAGE. */
enum err dataset_axes(const char *name, int axes[3]);

/* The known names, NULL-terminated; whether the files of `name` can be found. */
const char *const *dataset_names(void);
bool dataset_available(const char *name, const char *folder);

#endif
