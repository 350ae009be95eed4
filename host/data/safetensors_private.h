/* What the reader and the writer of safetensors files share: the element types, the size of a
 * tensor and the rules of the layout. */
#ifndef DROPCL_DATA_SAFETENSORS_PRIVATE_H
#define DROPCL_DATA_SAFETENSORS_PRIVATE_H

#include "data/safetensors.h"

#define SAFETENSORS_METADATA "__metadata__" /* the one name that is no tensor */

enum {
    SAFETENSORS_HEADER_MAX = 100000000, /* the limit of the reference implementation */
    SAFETENSORS_LENGTH = 8,             /* bytes of the header's length */
    SAFETENSORS_ALIGN = 8               /* the largest element */
};

/* One tensor of a file with its place there, counted from the end of the header. */
struct safetensors_entry {
    struct tensor tensor;
    uint64_t begin, end;
    size_t order; /* of appearance in the header */
};

/* Bytes of an element, 0 for an unknown type. *known (unless NULL) is the table's own spelling. */
size_t safetensors_element(const char *dtype, const char **known);

/* Fills tensor->bytes from type, rank and shape. ERR_DATA: unknown type, bad rank, negative
 * dimension, overflow. */
enum err safetensors_measure(const char *path, struct tensor *tensor);

/* Sorts the entries by their place and requires that they cover the `size` bytes behind the header
 * exactly once. ERR_DATA. */
enum err safetensors_check_layout(const char *path, struct safetensors_entry *entries, size_t count,
                                  uint64_t size);

/* A text from a file made fit for an error message: cut at 60 bytes, control characters as '?'. */
struct safetensors_shown {
    char text[64];
};
struct safetensors_shown safetensors_show(const char *text);

#endif
