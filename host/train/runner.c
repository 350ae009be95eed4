#include "train/runner.h"
#include "plan/control.h"
#include "plan/op.h"
#include "train/tree.h"
#include <stdlib.h>
#include <string.h>

enum { STEPS_AHEAD = 32 }; /* optimizer steps the host may queue before it waits */

static enum err make_buffers(struct runner *r, struct device *device) {
    const size_t *bytes = r->plan->buffer_bytes;
    TRY(buffer_new(device, bytes[BUFFER_ORDER], &r->order));
    TRY(buffer_new(device, bytes[BUFFER_CONTROL], &r->control));
    TRY(buffer_new(device, bytes[BUFFER_METRIC], &r->metric));
    if (bytes[BUFFER_PASSES]) TRY(buffer_new(device, bytes[BUFFER_PASSES], &r->passes));
    r->rows = calloc(1, bytes[BUFFER_CONTROL]);
    r->totals = calloc(1, bytes[BUFFER_METRIC]);
    return r->rows && r->totals ? OK : err_memory("the CONTROL table");
}

enum err runner_new(struct runner *r, const struct store *store, struct plan *plan) {
    *r = (struct runner){.plan = plan, .words = control_row_words(plan)};
    enum err rc = make_buffers(r, store->device);
    struct buffer *external[BUFFER_EXTERNAL];
    memcpy(external, store->buffer, sizeof external);
    external[BUFFER_ORDER] = r->order;
    external[BUFFER_CONTROL] = r->control;
    external[BUFFER_METRIC] = r->metric;
    external[BUFFER_PASSES] = r->passes;
    if (!rc) rc = program_new(store->device, plan, external, &r->program);
    if (rc) runner_free(r);
    return rc;
}

void runner_free(struct runner *r) {
    program_free(r->program);
    buffer_free(r->order);
    buffer_free(r->control);
    buffer_free(r->metric);
    buffer_free(r->passes);
    plan_free(r->plan);
    free(r->rows);
    free(r->totals);
    *r = (struct runner){0};
}

enum err runner_step(struct runner *r, int micro_batches, uint32_t cursor) {
    const struct plan *plan = r->plan;
    for (int m = 0; m < micro_batches; m++, cursor++) {
        TRY(program_run(r->program, 0, plan->combine, cursor));
        TRY(tree_run(r->program, plan, m, micro_batches, cursor));
    }
    TRY(program_run(r->program, plan->update, plan->nsteps, cursor - 1));
    return program_throttle(r->program, STEPS_AHEAD);
}

enum err runner_set_order(struct runner *r, const uint32_t *order, size_t count) {
    return buffer_write(r->order, 0, order, count * sizeof *order);
}

enum err runner_set_control(struct runner *r, size_t count) {
    return buffer_write(r->control, 0, r->rows, count * (size_t)r->words * sizeof *r->rows);
}

enum err runner_clear_metric(struct runner *r) {
    size_t bytes = r->plan->buffer_bytes[BUFFER_METRIC];
    memset(r->totals, 0, bytes);
    return buffer_write(r->metric, 0, r->totals, bytes);
}

enum err runner_tally(struct runner *r, size_t count, struct tally *t) {
    TRY(program_finish(r->program));
    TRY(buffer_read(r->metric, 0, r->totals, r->plan->buffer_bytes[BUFFER_METRIC]));
    *t = (struct tally){.bad_row = (int64_t)r->totals[METRIC_LATCH] - 1};
    for (size_t i = 0; i < count; i++) {
        const uint32_t *row = r->totals + METRIC_FIRST + 2 * i;
        t->loss += (double)control_float(row, 0);
        t->hits += row[1];
    }
    return OK;
}
