/* What the files of the OpenCL backend share. Only they include the OpenCL headers. */
#ifndef DROPCL_BACKEND_OCL_PRIVATE_H
#define DROPCL_BACKEND_OCL_PRIVATE_H

#include "backend/vtable.h"
#include <CL/cl.h>

enum { OPTIONS_MAX = 160, KEY_SIZE = 65 };

/* A built program. Kernels differ in state (their arguments), so each user makes its own. */
struct ocl_build {
    char key[KEY_SIZE]; /* SHA-256 of the options and of every source text */
    cl_program program;
};

struct ocl_device {
    struct device base;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;    /* in order; everything goes through it                        */
    cl_command_queue profile;  /* the same with time stamps; made when first needed, else NULL */
    char options[OPTIONS_MAX]; /* of every build                                             */
    size_t align;              /* bytes that a sub-buffer's offset must be a multiple of      */
    struct ocl_build *builds;
    size_t nbuilds;
    bool used_gemm; /* the GEMM library holds programs of this context */
};

struct ocl_buffer {
    struct buffer base;
    cl_mem mem;
};

static inline struct ocl_device *ocl_of(struct device *d) {
    return (struct ocl_device *)d;
}

static inline cl_mem ocl_mem(const struct buffer *b) {
    return ((const struct ocl_buffer *)b)->mem;
}

/* ---- ocl_error.c ---- */
const char *ocl_error_name(cl_int code); /* "CL_OUT_OF_RESOURCES"; "unknown" */
/* ERR_SYSTEM "WHAT failed on DEVICE: CL_NAME (code)"; OK when code is CL_SUCCESS. */
enum err ocl_error(const struct device *, cl_int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- ocl_list.c ---- */
enum err ocl_list(struct device_info **out, int *count);
/* The ids at a place of the list. ERR_DEVICE when it is no longer there. */
enum err ocl_list_find(const struct device_info *, cl_platform_id *, cl_device_id *);

/* ---- ocl_device.c ---- */
enum err ocl_device_open(const struct device_info *, struct device **out);
void ocl_device_close(struct device *);
enum err ocl_device_finish(struct device *);
enum err ocl_device_profile_queue(struct ocl_device *, cl_command_queue *out);

/* ---- ocl_program.c ---- */
/* A new kernel of files[] (NAME.cl without the ending) under `defines`, built when it is the first
 * of its kind. ERR_SYSTEM with the file, the defines and the compiler's first lines. The caller
 * releases it. */
enum err ocl_program_kernel(struct ocl_device *, const char *const *files, int nfiles,
                            const char *defines, const char *kernel, cl_kernel *out);

/* ---- ocl_buffer.c ---- */
enum err ocl_buffer_new(struct device *, size_t bytes, struct buffer **out);
void ocl_buffer_free(struct buffer *);
enum err ocl_buffer_write(struct buffer *, size_t offset, const void *data, size_t size);
enum err ocl_buffer_read(struct buffer *, size_t offset, void *data, size_t size);
enum err ocl_buffer_copy(struct buffer *from, struct buffer *to);

/* ---- ocl_gemm.c ---- */
/* Row-major single precision through CLBlast; mem and offset (in floats) of a, b and c. */
struct ocl_gemm {
    struct launch_gemm shape;
    cl_mem mem[3];
    size_t offset[3];
};
enum err ocl_gemm_run(struct ocl_device *, const struct ocl_gemm *, cl_command_queue);
void ocl_gemm_forget(
    struct ocl_device *); /* drops what the library cached, before the context goes */

/* ---- ocl_prepare.c ---- */
struct ocl_launch {
    cl_kernel kernel; /* every argument set but the two below; NULL: a GEMM */
    struct ocl_gemm gemm;
    int cursor_at, iter_at; /* argument indices, -1: none */
    cl_uint dims;
    size_t global[3], local[3];
};

enum { RING = 64 };

struct ocl_run {
    struct program base;
    struct ocl_launch *launches;
    int nlaunches;
    int *first;              /* [nsteps + 1]: launches of step i are first[i] .. first[i + 1] */
    cl_mem *views;           /* by value: sub-buffer of a value at an offset, else NULL       */
    struct buffer **scratch; /* by step, NULL without                                         */
    bool *fallen;            /* by step: the library failed, our kernels are launched instead */
    char fault[512];         /* why, of the last of them                                      */
    cl_event marks[RING];    /* in the queue, the oldest at `oldest`                          */
    int oldest, nmarks;
    int unmarked; /* optimizer steps since the last mark */
};
enum err ocl_prepare(struct device *, const struct plan *, struct buffer *const *buffers,
                     struct program **out);
void ocl_prepare_free(struct program *);
const char *ocl_prepare_fallback(const struct program *, int step);

/* ---- ocl_run.c, ocl_mask.c ---- */
int ocl_run_launches(const struct program *, int step);
enum err ocl_run_step(struct program *, int step, uint32_t cursor, int iter);
enum err ocl_run_timed(struct program *, int step, uint32_t cursor, int iter, double *seconds);
enum err ocl_run_mark(struct program *, int ahead);
enum err ocl_mask(struct device *, const struct mask_query *, uint32_t *words);

#endif
