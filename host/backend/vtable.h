/* What the two backends implement: `cpu` (the C reference) and `opencl`. device.c, buffer.c and
 * program.c hold everything that does not depend on which one it is (checks, binding, slots, repeat
 * ranges) and call these. Each object's struct here is the first member of the backend's own. */
#ifndef DROPCL_BACKEND_VTABLE_H
#define DROPCL_BACKEND_VTABLE_H

#include "backend/backend.h"

struct backend {
    /* Devices of this backend, malloc'ed for the caller. None at all is no error. */
    enum err (*list)(struct device_info **out, int *count);
    enum err (*open)(const struct device_info *, struct device **out);
    void (*close)(struct device *);

    /* bytes > 0; the limits have been checked. Zeroed when it returns. */
    enum err (*buffer_new)(struct device *, size_t bytes, struct buffer **out);
    void (*buffer_free)(struct buffer *);
    enum err (*write)(struct buffer *, size_t offset, const void *data, size_t size);
    enum err (*read)(struct buffer *, size_t offset, void *data, size_t size);
    enum err (*copy)(struct buffer *from, struct buffer *to);

    /* buffers: by enum buffer_id, slots behind; borrowed, they outlive the program. */
    enum err (*program_new)(struct device *, const struct plan *, struct buffer *const *buffers,
                            struct program **out);
    void (*program_free)(struct program *);
    int (*launches)(const struct program *, int step);
    const char *(*fallback)(const struct program *, int step); /* NULL: never falls back */
    /* Queues one step, once. */
    enum err (*step)(struct program *, int step, uint32_t cursor, int iter);
    /* Runs one step on an idle device, waits, and adds the time it took to *seconds. */
    enum err (*step_timed)(struct program *, int step, uint32_t cursor, int iter, double *seconds);
    enum err (*mark)(struct program *, int ahead);
    enum err (*finish)(struct device *);

    enum err (*mask)(struct device *, const struct mask_query *, uint32_t *words);
};

struct device {
    const struct backend *calls;
    struct device_info info;
    struct caps caps;
    struct tuning tuning; /* what caps.tuning points to */
    size_t allocated;     /* bytes of all live buffers */
};

struct buffer {
    struct device *device;
    size_t size;
};

struct program {
    struct device *device;
    const struct plan *plan;
    struct buffer **buffers; /* by enum buffer_id (borrowed), then the slots (owned) */
};

extern const struct backend cpu_backend, ocl_backend;

/* Words that a mask query's answer takes for one sample. */
static inline size_t mask_words(const struct mask_query *q) {
    return ((size_t)q->elements + 31) / 32;
}

#endif
