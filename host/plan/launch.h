/* A launch is one kernel call as data. Operations describe their launches from the step and the
 * device's capabilities; only the backend calls OpenCL. */
#ifndef DROPCL_PLAN_LAUNCH_H
#define DROPCL_PLAN_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAUNCH_ARGS = 24, LAUNCH_FILES = 12, LAUNCH_DEFINES = 1024, LAUNCH_MAX = 6 };

/* Which of its ways each kind of step is launched in, found by timing (train/tune.h). A key has
 * room for the dozen numbers of a convolution, whatever they are. */
enum { TUNE_KEY = 160, TUNE_WAY = 24, TUNE_WAYS = 8 };
struct tuned {
    char key[TUNE_KEY], way[TUNE_WAY];
};
struct tuning {
    struct tuned *at;
    int count;
};
const char *tuning_find(const struct tuning *, const char *key); /* the way, NULL: not tuned */

/* What launches may depend on. Two kernel families: CPU devices (one work-item per group, float16
 * register tiles, no local memory, no barriers) and GPUs (local-memory tiles of at most 32 KiB and
 * 256 work-items). */
struct caps {
    bool cpu_family;
    size_t max_work_group; /* work-items */
    size_t local_bytes;
    int compute_units;
    const struct tuning *tuning; /* borrowed; NULL: shipped defaults */
    bool gemm_any;               /* of this step: library GEMM allowed (step_caps)         */
};

enum arg_kind { ARG_VALUE, ARG_UINT, ARG_FLOAT, ARG_CURSOR, ARG_ITER, ARG_SCRATCH };

struct arg {
    enum arg_kind kind;
    int value; /* ARG_VALUE: index into plan.values (its buffer, at its offset) */
    union {
        uint32_t u;
        float f;
    } as;
};

enum launch_kind { LAUNCH_KERNEL, LAUNCH_GEMM };

/* C = op(A) op(B), row-major, for a library: C [m][n], k the summed extent. */
struct launch_gemm {
    bool a_transposed, b_transposed;
    int m, n, k;
    int a, b, c; /* values */
};

struct launch {
    enum launch_kind kind;
    const char *files[LAUNCH_FILES]; /* kernels/NAME.cl pieces in order, or headers by their whole
                                        name; the last one holds the kernel */
    int nfiles;
    const char *kernel;
    char defines[LAUNCH_DEFINES]; /* "-DTILE=4 -DBIAS=1 " */
    struct arg args[LAUNCH_ARGS]; /* kernel arguments in order */
    int nargs;
    int dims;
    size_t global[3], local[3]; /* global is a multiple of local */
    struct launch_gemm gemm;    /* LAUNCH_GEMM only */
};

/* The launches of one step, in order. `scratch` bytes are private to the step (ARG_SCRATCH). */
struct launch_list {
    struct launch at[LAUNCH_MAX];
    int count;
    size_t scratch;
};

struct launch *launch_new(struct launch_list *, const char *file, const char *kernel);
void launch_piece(struct launch *,
                  const char *file); /* put before the file that holds the kernel, once */
void launch_define(struct launch *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void launch_value(struct launch *, int value);
void launch_uint(struct launch *, uint32_t u);
void launch_float(struct launch *, float f);
void launch_cursor(struct launch *);
void launch_iter(struct launch *);
void launch_scratch(struct launch *);
/* Work-items per axis (rounded up to a multiple of local) and per group. */
void launch_size(struct launch *, int dims, const size_t *global, const size_t *local);

#endif
