/* What the tuner keeps: one text file for each device, number of compute units, driver, kernel
 * family and program version, a line KEY <tab> WAY for each step kind. A file that is damaged in
 * any line is ignored as a whole.
 */
#ifndef DROPCL_TRAIN_TUNE_FILE_H
#define DROPCL_TRAIN_TUNE_FILE_H

#include "backend/backend.h"

/* The file's path; false when there is no place for caches. */
bool tune_file_path(const struct device *, char *path, size_t size);
/* Hands every kept choice to device_tune; *count of them. A missing or damaged file gives none. */
enum err tune_file_load(struct device *, const char *path, int *count);
/* Writes the device's whole table, atomically. */
enum err tune_file_save(const struct device *, const char *path);

#endif
