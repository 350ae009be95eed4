/* IDX files, the format of MNIST: a magic (0, 0, 8 = unsigned byte, number of dimensions), one
 * big-endian u32 for each dimension, then the bytes in row-major order. Plain or gzip. */
#ifndef DROPCL_DATA_IDX_H
#define DROPCL_DATA_IDX_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { IDX_DIMENSIONS = 3 };

struct idx {
    uint32_t dim[IDX_DIMENSIONS];
    uint8_t *data; /* product of dim bytes; the caller frees */
    size_t size;
};

/* Reads a file that must have `dimensions` of them (1 or 3). Nothing is believed: magic,
 * dimensions, the promised size against the real one (of a gzip: what it unpacks to), bytes behind
 * the end. Memory grows with what was really read. ERR_MISSING, ERR_DATA naming file, field, found
 * and expected; ERR_SYSTEM. */
enum err idx_read(const char *path, int dimensions, struct idx *out);

#endif
