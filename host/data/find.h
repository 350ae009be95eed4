/* Where a dataset's files are: the search rule of dataset.h. */
#ifndef DROPCL_DATA_FIND_H
#define DROPCL_DATA_FIND_H

#include "base/err.h"
#include "base/text.h"
#include <stdbool.h>

enum { FIND_PATH = 4096 };

/* The first folder that holds every one of `files` (NULL-terminated), plain or with .gz. `names`
 * (NULL-terminated): what the dataset's folder may be called. False: none; then `looked` (may be
 * NULL) gets a line for each folder, with the files that it lacks. */
bool find_folder(const char *const *names, const char *given, const char *const *files,
                 char *folder, struct text *looked);

/* FOLDER/FILE or FOLDER/FILE.gz, whichever exists. */
bool find_file(const char *folder, const char *file, char *path);

#endif
