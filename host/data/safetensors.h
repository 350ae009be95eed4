/* safetensors files: u64 header length, JSON header, tensors. The reader enforces every rule of the
 * format (no holes, no overlap, no trailing bytes, no duplicate names, string metadata) and uses
 * pread; the writer sorts names and pads the header, so that equal content gives equal bytes, and
 * replaces the file atomically. */
#ifndef DROPCL_DATA_SAFETENSORS_H
#define DROPCL_DATA_SAFETENSORS_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { TENSOR_RANK = 8 };

struct tensor {
    const char *name;
    const char *dtype; /* "F32", "U32", "U8", ... as the format spells it */
    int rank;
    int64_t shape[TENSOR_RANK];
    const void *data; /* row-major, little-endian */
    size_t bytes;
};

struct metadata {
    const char *key, *value;
};

struct safetensors {
    struct tensor *tensors;
    int ntensors;
    struct metadata *metadata;
    int nmetadata;
    void *owner; /* what safetensors_close releases */
};

enum err safetensors_write(const char *path, const struct tensor *, int ntensors,
                           const struct metadata *, int nmetadata);
/* ERR_MISSING, ERR_DATA (one precise sentence), ERR_IO, ERR_SYSTEM. */
enum err safetensors_open(const char *path, struct safetensors **out);
void safetensors_close(struct safetensors *);
const struct tensor *safetensors_find(const struct safetensors *, const char *name); /* NULL */
const char *safetensors_metadata(const struct safetensors *, const char *key);       /* NULL */

#endif
