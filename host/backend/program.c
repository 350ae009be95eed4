/* A plan bound to buffers. What runs, and in which order, is decided here; how one step runs is the
 * backend's business. */
#include "backend/vtable.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A buffer may be larger than the plan asks: training and evaluation plans share most of them. */
static enum err bind_external(const struct device *d, const struct plan *plan,
                              struct buffer *const *external, struct buffer **buffers) {
    for (int b = 0; b < BUFFER_EXTERNAL; b++) {
        size_t need = plan->buffer_bytes[b];
        if (!need) continue;
        if (!external[b])
            return err_set(ERR_SYSTEM, "the plan needs buffer %d (%zu bytes), which is not bound",
                           b, need);
        if (external[b]->device != d || external[b]->size < need)
            return err_set(ERR_SYSTEM,
                           "the plan needs %zu bytes on %s in buffer %d, bound are %zu on %s", need,
                           d->info.name, b, external[b]->size, external[b]->device->info.name);
        buffers[b] = external[b];
    }
    return OK;
}

static void free_buffers(struct buffer **buffers, int nslots) {
    if (!buffers) return;
    for (int s = 0; s < nslots; s++) buffer_free(buffers[BUFFER_EXTERNAL + s]);
    free(buffers);
}

enum err program_new(struct device *d, const struct plan *plan, struct buffer *const *external,
                     struct program **out) {
    struct program *p = NULL;
    struct buffer **buffers = calloc((size_t)(BUFFER_EXTERNAL + plan->nslots), sizeof *buffers);
    if (!buffers) return err_memory("a plan's buffers");
    enum err rc = bind_external(d, plan, external, buffers);
    for (int s = 0; s < plan->nslots && !rc; s++)
        rc = buffer_new(d, plan->slot_bytes[s], &buffers[BUFFER_EXTERNAL + s]);
    if (!rc) rc = d->calls->program_new(d, plan, buffers, &p);
    if (rc) {
        free_buffers(buffers, plan->nslots);
        return rc;
    }
    p->device = d;
    p->plan = plan;
    p->buffers = buffers;
    *out = p;
    return OK;
}

void program_free(struct program *p) {
    if (!p) return;
    struct buffer **buffers = p->buffers;
    int nslots = p->plan->nslots;
    p->device->calls->program_free(p);
    free_buffers(buffers, nslots);
}

int program_launches(const struct program *p, int step) {
    return p->device->calls->launches(p, step);
}

const char *program_fallback(const struct program *p, int step) {
    const struct backend *calls = p->device->calls;
    return calls->fallback ? calls->fallback(p, step) : NULL;
}

/* Profiling takes the same path as running, so that it cannot run something else. */
static enum err run_step(struct program *p, int step, uint32_t cursor, int iter, double *seconds) {
    const struct backend *calls = p->device->calls;
    if (seconds) return calls->step_timed(p, step, cursor, iter, &seconds[step]);
    return calls->step(p, step, cursor, iter);
}

/* The range that step lies in, NULL. Ranges neither nest nor overlap, so the first is the only one.
 */
static const struct repeat *repeat_at(const struct plan *plan, int step) {
    for (int r = 0; r < plan->nrepeats; r++)
        if (plan->repeats[r].first <= step && step < plan->repeats[r].last)
            return &plan->repeats[r];
    return NULL;
}

/* The whole range is repeated, not each step: step i + 1 at t may feed step i at the next t. */
static enum err run_repeat(struct program *p, const struct repeat *r, int first, int last,
                           uint32_t cursor, double *seconds) {
    for (int t = 0; t < r->count; t++)
        for (int i = first; i < last; i++)
            TRY(run_step(p, i, cursor, r->backward ? r->count - 1 - t : t, seconds));
    return OK;
}

static enum err run_range(struct program *p, int first, int last, uint32_t cursor,
                          double *seconds) {
    assert(0 <= first && last <= p->plan->nsteps);
    for (int i = first; i < last;) {
        const struct repeat *r = repeat_at(p->plan, i);
        if (!r) {
            TRY(run_step(p, i++, cursor, 0, seconds));
            continue;
        }
        int end = r->last < last ? r->last : last;
        TRY(run_repeat(p, r, i, end, cursor, seconds));
        i = end;
    }
    return OK;
}

enum err program_run(struct program *p, int first, int last, uint32_t cursor) {
    return run_range(p, first, last, cursor, NULL);
}

enum err program_profile(struct program *p, int first, int last, uint32_t cursor, double *seconds) {
    for (int i = first; i < last; i++) seconds[i] = 0;
    TRY(program_finish(p)); /* what is still queued must not be counted */
    return run_range(p, first, last, cursor, seconds);
}

enum err program_throttle(struct program *p, int ahead) {
    return p->device->calls->mark(p, ahead);
}

enum err program_finish(struct program *p) {
    return p->device->calls->finish(p->device);
}

/* Where a value lives; slots are shared, so it holds the value only until its last use. */
static enum err place_of(const struct program *p, int value, struct buffer **buffer,
                         size_t *offset) {
    const struct value *v = &p->plan->values[value];
    *buffer = v->buffer < 0 ? NULL : p->buffers[v->buffer];
    *offset = v->offset * dtype_size(v->dtype);
    if (!*buffer)
        return err_set(ERR_SYSTEM, "value %s is not stored: fusion removed it",
                       v->name ? v->name : "?");
    return OK;
}

enum err program_read(struct program *p, int value, void *data) {
    struct buffer *buffer;
    size_t offset;
    TRY(place_of(p, value, &buffer, &offset));
    return buffer_read(buffer, offset, data, value_bytes(&p->plan->values[value]));
}

enum err program_write(struct program *p, int value, const void *data) {
    struct buffer *buffer;
    size_t offset;
    TRY(place_of(p, value, &buffer, &offset));
    return buffer_write(buffer, offset, data, value_bytes(&p->plan->values[value]));
}
