/* Batch normalisation: what its operations share. Private to ops/.
 *
 * x [..][C] is R rows of C channels. Sums over the rows have an order fixed by R alone: chunks of
 * BATCH_NORM_CHUNK rows, or more where that would be over BATCH_NORM_CHUNKS chunks; in a chunk lane
 * l of 4 adds rows l, l + 4, ... and the lanes are added as (0 + 1) + (2 + 3); the sums of the
 * chunks are added in the same way. */
#ifndef DROPCL_OPS_BATCH_NORM_H
#define DROPCL_OPS_BATCH_NORM_H

#include "ops/internal.h"

enum { BATCH_NORM_CHUNK = 64, BATCH_NORM_CHUNKS = 256 };

/* Rows of MOMENTS [3][C]. */
enum { MOMENT_MEAN, MOMENT_RSTD, MOMENT_VARIANCE, MOMENTS };

struct batch_norm_attr {
    double momentum, epsilon;
};

/* What its steps carry: the layer's attributes and where its running statistics are. */
struct batch_norm_step {
    struct batch_norm_attr attr;
    int mean, variance; /* values */
};

/* Of a value's shape: rows, channels, rows of a chunk (the last one may have fewer), chunks. */
struct batch_norm_size {
    size_t rows, channels, chunk, chunks;
};
struct batch_norm_size batch_norm_size(const struct plan *, int value);

/* statistics: in x; out moments: mean, 1 / sqrt(variance + epsilon) and the (biased) variance.
 * reduce: in dy, x, moments, metric, and in and out the running statistics; out dgamma, dbeta. */
extern const struct op op_batch_norm_statistics, op_batch_norm_reduce;

#endif
