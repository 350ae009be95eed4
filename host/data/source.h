/* A file read once from front to back, plain or gzip (by the name's .gz). Nothing is read or
 * decompressed beyond what is asked for, so a decompression bomb costs no more than an honest file.
 */
#ifndef DROPCL_DATA_SOURCE_H
#define DROPCL_DATA_SOURCE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

/* The caller closes. ERR_MISSING, ERR_IO, ERR_SYSTEM; ERR_DATA for a .gz file without a gzip
 * header. */
enum err source_open(const char *path, struct source **out);
void source_close(struct source *s); /* NULL is fine */

/* Reads `want` bytes, fewer only at the end of the content: *got says how many. ERR_DATA for
 * damaged or cut gzip data and for bytes after it, ERR_IO. */
enum err source_read(struct source *s, void *buffer, size_t want, size_t *got);

/* The most bytes the content can have: the size of a plain file, 1032 times that of a gzip file,
 * which is the best that deflate can do. */
uint64_t source_limit(const struct source *s);
bool source_is_gzip(const struct source *s);
const char *source_path(const struct source *s); /* lives as long as the source */

/* Reads exactly `size` bytes into *data (malloc'ed here, the caller frees) and demands that the
 * content ends there; `promise` says in messages who announced that many. Memory grows with what
 * was really read. ERR_DATA when there are fewer bytes or more. */
enum err source_read_rest(struct source *s, size_t size, const char *promise, uint8_t **data);

#endif
