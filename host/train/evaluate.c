#include "train/evaluate.h"
#include "ops/table.h"
#include "train/fault.h"
#include <stdlib.h>
#include <string.h>

enum { EVALUATION_BATCH = 500 };

/* Padding repeats row 0 of the dataset; CONTROL_VALID keeps it out of the sums. */
static enum err upload_order(struct evaluator *e, const uint32_t *rows) {
    size_t entries = e->batches * (size_t)e->batch;
    uint32_t *order = calloc(entries, sizeof *order);
    if (!order) return err_memory("the order of evaluation");
    memcpy(order, rows, e->rows * sizeof *order);
    enum err rc = runner_set_order(&e->runner, order, entries);
    free(order);
    return rc;
}

static enum err open_evaluator(struct evaluator *e, const struct store *store,
                               const struct recipe *recipe, enum plan_mode mode, bool mirror,
                               const uint32_t *rows, size_t count) {
    *e = (struct evaluator){.rows = count};
    e->batch = count < EVALUATION_BATCH ? (int)count : EVALUATION_BATCH;
    e->batches = (count + (size_t)e->batch - 1) / (size_t)e->batch;
    const struct plan_options options = {.mode = mode,
                                         .batch = e->batch,
                                         .rows = (int)store->rows,
                                         .control_rows = (int)e->batches,
                                         .mirror = mirror};
    struct plan *plan = NULL;
    struct store bound = *store;
    bound.buffer[BUFFER_PARAM] = store_model(store);
    enum err rc = plan_new(recipe, &op_table_all, &options, &plan);
    if (!rc) rc = control_init(&e->control, recipe, plan);
    if (rc) plan_free(plan);
    if (!rc) rc = runner_new(&e->runner, &bound, plan);
    if (!rc) rc = upload_order(e, rows);
    if (rc) evaluator_free(e);
    return rc;
}

static enum err open_range(struct evaluator *e, const struct store *store,
                           const struct recipe *recipe, enum plan_mode mode, bool mirror,
                           size_t first, size_t count) {
    uint32_t *rows = malloc((count + 1) * sizeof *rows);
    if (!rows) return err_memory("the rows to evaluate");
    for (size_t i = 0; i < count; i++) rows[i] = (uint32_t)(first + i);
    enum err rc = open_evaluator(e, store, recipe, mode, mirror, rows, count);
    free(rows);
    return rc;
}

enum err evaluator_new(struct evaluator *e, const struct store *store, const struct recipe *recipe,
                       enum plan_mode mode, const uint32_t *rows, size_t count) {
    return open_evaluator(e, store, recipe, mode, false, rows, count);
}

enum err evaluator_new_range(struct evaluator *e, const struct store *store,
                             const struct recipe *recipe, enum plan_mode mode, size_t first,
                             size_t count) {
    return open_range(e, store, recipe, mode, false, first, count);
}

enum err evaluator_new_mirrored(struct evaluator *e, const struct store *store,
                                const struct recipe *recipe, enum plan_mode mode, size_t first,
                                size_t count) {
    return open_range(e, store, recipe, mode, true, first, count);
}

void evaluator_free(struct evaluator *e) {
    runner_free(&e->runner);
    control_free(&e->control);
}

static enum err upload_control(struct evaluator *e, uint32_t pass, uint32_t split) {
    control_evaluate(&e->control, e->rows, e->batch, pass, split, e->runner.rows);
    TRY(runner_set_control(&e->runner, e->batches));
    return runner_clear_metric(&e->runner);
}

enum err evaluator_score(struct evaluator *e, const char *when, dropcl_score *score) {
    struct runner *r = &e->runner;
    struct tally t;
    TRY(upload_control(e, 0, 0));
    for (size_t i = 0; i < e->batches; i++)
        TRY(program_run(r->program, 0, r->plan->nsteps, (uint32_t)i));
    TRY(runner_tally(r, e->batches, &t));
    if (t.bad_row >= 0) return fault_explain(r, (uint32_t)t.bad_row, when);
    *score = (dropcl_score){.loss = t.loss / (double)e->rows,
                            .accuracy = (double)t.hits / (double)e->rows,
                            .rows = (int64_t)e->rows};
    return OK;
}

enum err evaluator_probabilities(struct evaluator *e, uint32_t pass, uint32_t split,
                                 void (*take)(void *user, size_t first, size_t valid,
                                              const float *p),
                                 void *user) {
    struct runner *r = &e->runner;
    const struct value *v = &r->plan->values[r->plan->probabilities];
    float *p = malloc(value_bytes(v));
    enum err rc = p ? upload_control(e, pass, split) : err_memory("probabilities");
    for (size_t i = 0; !rc && i < e->batches; i++) {
        size_t first = i * (size_t)e->batch, left = e->rows - first;
        rc = program_run(r->program, 0, r->plan->nsteps, (uint32_t)i);
        if (!rc) rc = program_read(r->program, r->plan->probabilities, p);
        if (!rc) take(user, first, left < (size_t)e->batch ? left : (size_t)e->batch, p);
    }
    free(p);
    return rc;
}
