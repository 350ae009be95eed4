/* Whole files in and out. Writing goes to a temporary file that is synced and renamed, so that a
 * reader sees the old content or the new one, never a part. */
#ifndef DROPCL_BASE_IO_H
#define DROPCL_BASE_IO_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Reads a file of at most `limit` bytes into malloc'ed memory with a NUL behind it; the caller
 * frees. ERR_MISSING when it does not exist, ERR_DATA when it is larger than `limit`, ERR_IO
 * otherwise. */
enum err io_read(const char *path, size_t limit, char **data, size_t *size);

/* Writes, syncs and renames. ERR_CREATE when the file cannot be created or is no regular one, which
 * the renaming would destroy; ERR_IO when writing fails. */
enum err io_write_atomic(const char *path, const void *data, size_t size);

/* mkdir -p. ERR_CREATE. */
enum err io_make_folder(const char *path);

bool io_exists(const char *path);
bool io_is_folder(const char *path);

#endif
