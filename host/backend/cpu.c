/* The C reference: buffers are host memory, steps run when they are called. The oracle for bits. */
#include "backend/vtable.h"
#include "base/clock.h"
#include "philox.h"
#include "plan/op.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cpu_buffer {
    struct buffer base;
    unsigned char *bytes;
};

struct cpu_program {
    struct program base;
    void **data; /* by value index */
    struct cpu_run run;
    int row_words; /* of CONTROL; 0: the plan has none */
};

/* ---- device ---- */

/* malloc promises more than there is; the physical size is the honest limit. */
static size_t host_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX / 2;
}

/* It needs no driver and no test: the language gives it all that portable bits ask for. */
static enum err cpu_list(struct device_info **out, int *count) {
    struct device_info *d = calloc(1, sizeof *d);
    if (!d) return err_memory("the list of devices");
    *d = (struct device_info){.name = "C reference",
                              .platform = "dropcl",
                              .driver = DROPCL_VERSION,
                              .version = "C11",
                              .platform_index = -1,
                              .device_index = -1,
                              .kind = DEVICE_REFERENCE,
                              .compute_units = 1,
                              .max_work_group = 1,
                              .fma = true,
                              .denormals = true,
                              .exact_divide = true,
                              .fp64 = true,
                              .portable = true};
    d->global_bytes = d->max_alloc_bytes = host_memory();
    *out = d;
    *count = 1;
    return OK;
}

static enum err cpu_open(const struct device_info *info, struct device **out) {
    struct device *d = calloc(1, sizeof *d);
    if (!d) return err_memory("a device");
    d->calls = &cpu_backend;
    d->info = *info;
    d->caps = (struct caps){.cpu_family = true, .max_work_group = 1, .compute_units = 1};
    *out = d;
    return OK;
}

static void cpu_close(struct device *d) {
    free(d);
}

/* ---- buffers ---- */

static enum err cpu_buffer_new(struct device *d, size_t bytes, struct buffer **out) {
    struct cpu_buffer *b = calloc(1, sizeof *b);
    if (b) b->bytes = calloc(1, bytes);
    if (!b || !b->bytes) {
        free(b);
        return err_set(ERR_SYSTEM, "out of memory: a buffer of %zu bytes beside %zu in use", bytes,
                       d->allocated);
    }
    *out = &b->base;
    return OK;
}

static unsigned char *bytes_of(struct buffer *b) {
    return ((struct cpu_buffer *)b)->bytes;
}

static void cpu_buffer_free(struct buffer *b) {
    free(bytes_of(b));
    free(b);
}

static enum err cpu_write(struct buffer *b, size_t offset, const void *data, size_t size) {
    memcpy(bytes_of(b) + offset, data, size);
    return OK;
}

static enum err cpu_read(struct buffer *b, size_t offset, void *data, size_t size) {
    memcpy(data, bytes_of(b) + offset, size);
    return OK;
}

static enum err cpu_copy(struct buffer *from, struct buffer *to) {
    memcpy(bytes_of(to), bytes_of(from), from->size);
    return OK;
}

/* ---- programs ---- */

/* The addresses of all values, found once; NULL for values that fusion removed. */
static enum err cpu_program_new(struct device *d, const struct plan *plan,
                                struct buffer *const *buffers, struct program **out) {
    (void)d;
    struct cpu_program *p = calloc(1, sizeof *p);
    void **data = calloc((size_t)plan->nvalues + 1, sizeof *data);
    if (!p || !data) {
        free(p);
        free(data);
        return err_memory("a plan on the reference");
    }
    for (int i = 0; i < plan->nvalues; i++) {
        const struct value *v = &plan->values[i];
        if (v->buffer >= 0 && buffers[v->buffer])
            data[i] = bytes_of(buffers[v->buffer]) + v->offset * dtype_size(v->dtype);
    }
    p->data = data;
    p->run = (struct cpu_run){.plan = plan, .data = data};
    if (plan->control >= 0) p->row_words = control_row_words(plan);
    *out = &p->base;
    return OK;
}

static void cpu_program_free(struct program *base) {
    struct cpu_program *p = (struct cpu_program *)base;
    free(p->data);
    free(p);
}

/* Launches are what a driver is asked for; here a step is a function call. */
static int cpu_launches(const struct program *p, int step) {
    (void)p;
    (void)step;
    return 0;
}

static enum err cpu_step(struct program *base, int step, uint32_t cursor, int iter) {
    struct cpu_program *p = (struct cpu_program *)base;
    p->run.cursor = cursor;
    p->run.iter = iter;
    if (p->row_words) {
        const uint32_t *table = p->data[base->plan->control];
        p->run.control = table + (size_t)cursor * (size_t)p->row_words;
    }
    step_run_cpu(&p->run, &base->plan->steps[step]);
    return OK;
}

static enum err cpu_step_timed(struct program *p, int step, uint32_t cursor, int iter,
                               double *seconds) {
    double start = clock_seconds();
    enum err rc = cpu_step(p, step, cursor, iter);
    *seconds += clock_seconds() - start;
    return rc;
}

/* Every step is complete when it returns: nothing to wait for. */
static enum err cpu_mark(struct program *p, int ahead) {
    (void)p;
    (void)ahead;
    return OK;
}

static enum err cpu_finish(struct device *d) {
    (void)d;
    return OK;
}

/* ---- masks ---- */

/* The definition, word by word: what the kernel is compared with. */
static enum err cpu_mask(struct device *d, const struct mask_query *q, uint32_t *words) {
    (void)d;
    size_t row = mask_words(q);
    memset(words, 0, row * q->samples * sizeof *words);
    for (uint32_t s = 0; s < q->samples; s++)
        for (uint32_t i = 0; i < q->elements; i++) {
            uint32_t word = philox_word(q->seed, i, q->first_sample + s, q->step, q->counter3);
            bool dropped = q->active && word <= q->limit;
            if (!dropped) words[s * row + i / 32] |= 1u << (i % 32);
        }
    return OK;
}

const struct backend cpu_backend = {.list = cpu_list,
                                    .open = cpu_open,
                                    .close = cpu_close,
                                    .buffer_new = cpu_buffer_new,
                                    .buffer_free = cpu_buffer_free,
                                    .write = cpu_write,
                                    .read = cpu_read,
                                    .copy = cpu_copy,
                                    .program_new = cpu_program_new,
                                    .program_free = cpu_program_free,
                                    .launches = cpu_launches,
                                    .step = cpu_step,
                                    .step_timed = cpu_step_timed,
                                    .mark = cpu_mark,
                                    .finish = cpu_finish,
                                    .mask = cpu_mask};
