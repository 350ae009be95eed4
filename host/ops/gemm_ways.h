/* The ways to launch a matrix product on a device. All own ways give the same bits; which one is
 * fastest depends on device and shape, and is found by timing (train/tune.h). */
#ifndef DROPCL_OPS_GEMM_WAYS_H
#define DROPCL_OPS_GEMM_WAYS_H

#include "ops/gemm.h"
#include "ops/tile.h"

/* What a way launches for. */
struct gemm_parts {
    const struct plan *p;
    const struct step *s;
    const struct caps *caps;
    const struct gemm *g;
    const struct gemm_values *v;
    struct launch_list *list;
};

struct gemm_way {
    const char *name; /* "cpu 6x16", "gpu 64", "gpu 64 split", "simple", "clblast" */
    int rows;         /* CPU devices: rows of the register tile                    */
    struct tile tile; /* GPUs                                                      */
    bool split;       /* GPUs: chunks of the sum spread over groups                */
    void (*launch)(const struct gemm_parts *, const struct gemm_way *);
};

void gemm_launch_simple(const struct gemm_parts *, const struct gemm_way *);
void gemm_launch_cpu(const struct gemm_parts *, const struct gemm_way *);
void gemm_launch_gpu(const struct gemm_parts *, const struct gemm_way *);
void gemm_launch_library(const struct gemm_parts *, const struct gemm_way *);

/* Ways that this device has for this shape; the first is the simplest kernel, which the others are
 * checked against. At most GEMM_WAYS. */
enum { GEMM_WAYS = 8 };
int gemm_ways(const struct caps *, const struct gemm *, const struct gemm_way *out[GEMM_WAYS]);

/* Whether any device has a way of this name. */
bool gemm_way_exists(const char *name);

/* What is used when nothing was timed. */
int gemm_default_way(const struct caps *, const struct gemm *);

#endif
