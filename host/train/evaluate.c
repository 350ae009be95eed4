#include "train/evaluate.h"
#include "ops/table.h"
#include "train/fault.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SEGMENT: passes whose CONTROL rows are uploaded at once. */
enum { EVALUATION_BATCH = 500, SEGMENT = 256, PASSES_AHEAD = 32 };

static const struct evaluation plainly = {0};

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

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void size_batches(struct evaluator *e, size_t count) {
    size_t most = e->how.batch > 0 ? (size_t)e->how.batch : EVALUATION_BATCH;
    e->rows = count;
    e->batch = (int)least(count, most);
    e->batches = (count + (size_t)e->batch - 1) / (size_t)e->batch;
    e->points = e->how.passes ? passes_ends(e->how.passes, e->end) : 1;
}

/* CONTROL has a row for each batch, or for each pass over one. */
static enum err make_plan(const struct evaluator *e, const struct store *store,
                          const struct recipe *recipe, struct plan **out) {
    size_t passes = least((size_t)e->how.passes, SEGMENT);
    size_t rows = passes > e->batches ? passes : e->batches;
    const struct plan_options options = {.mode = e->how.passes ? PLAN_MC : PLAN_EVAL,
                                         .batch = e->batch,
                                         .rows = (int)store->rows,
                                         .control_rows = (int)rows,
                                         .mirror = e->how.mirror,
                                         .intervals = e->points};
    return plan_new(recipe, &op_table_all, &options, out);
}

/* The runner takes the plan over. */
static enum err bind(struct evaluator *e, const struct store *store, struct plan *plan) {
    struct store bound = *store;
    bound.buffer[BUFFER_PARAM] = store_model(store);
    int read = e->how.passes ? plan->ensemble : plan->probabilities;
    e->output = malloc(value_bytes(&plan->values[read]));
    if (e->output) return runner_new(&e->runner, &bound, plan);
    plan_free(plan);
    return err_memory("probabilities");
}

enum err evaluator_new(struct evaluator *e, const struct store *store, const struct recipe *recipe,
                       const struct evaluation *how, const uint32_t *rows, size_t count) {
    *e = (struct evaluator){.how = how ? *how : plainly};
    size_batches(e, count);
    struct plan *plan = NULL;
    enum err rc = make_plan(e, store, recipe, &plan);
    if (!rc) rc = control_init(&e->control, recipe, plan);
    if (rc)
        plan_free(plan);
    else
        rc = bind(e, store, plan);
    if (!rc) rc = upload_order(e, rows);
    if (rc) evaluator_free(e);
    return rc;
}

enum err evaluator_new_range(struct evaluator *e, const struct store *store,
                             const struct recipe *recipe, const struct evaluation *how,
                             size_t first, size_t count) {
    uint32_t *rows = malloc((count + 1) * sizeof *rows);
    if (!rows) return err_memory("the rows to evaluate");
    for (size_t i = 0; i < count; i++) rows[i] = (uint32_t)(first + i);
    enum err rc = evaluator_new(e, store, recipe, how, rows, count);
    free(rows);
    return rc;
}

void evaluator_free(struct evaluator *e) {
    runner_free(&e->runner);
    control_free(&e->control);
    free(e->output);
    e->output = NULL;
}

/* ---- dropout off ---- */

static enum err upload_control(struct evaluator *e) {
    control_evaluate(&e->control, e->rows, e->batch, e->runner.rows);
    TRY(runner_set_control(&e->runner, e->batches));
    return runner_clear_metric(&e->runner);
}

enum err evaluator_score(struct evaluator *e, const char *when, dropcl_score *score) {
    struct runner *r = &e->runner;
    struct tally t;
    TRY(upload_control(e));
    for (size_t i = 0; i < e->batches; i++)
        TRY(program_run(r->program, 0, r->plan->nsteps, (uint32_t)i));
    TRY(runner_tally(r, e->batches, &t));
    if (t.bad_row >= 0) return fault_explain(r, (uint32_t)t.bad_row, when);
    *score = (dropcl_score){.loss = t.loss / (double)e->rows,
                            .accuracy = (double)t.hits / (double)e->rows,
                            .rows = (int64_t)e->rows};
    return OK;
}

static enum err run_once(struct evaluator *e, size_t i, struct ensemble *sums) {
    struct runner *r = &e->runner;
    if (i == 0) TRY(upload_control(e));
    TRY(program_run(r->program, 0, r->plan->nsteps, (uint32_t)i));
    TRY(program_read(r->program, r->plan->probabilities, e->output));
    ensemble_add_output(sums, e->output);
    if (ensemble_finite(sums)) return OK;
    return fault_explain(r, (uint32_t)i, "the evaluation of the model");
}

/* ---- Monte-Carlo ---- */

static struct control_passes passes_of(const struct evaluator *e, size_t i) {
    size_t first = i * (size_t)e->batch;
    return (struct control_passes){.first = first,
                                   .valid = least(e->rows - first, (size_t)e->batch),
                                   .sample = e->how.first + (uint32_t)first,
                                   .split = e->how.split,
                                   .end = e->end};
}

/* Queues passes at->pass .. at->pass + at->count - 1. */
static enum err queue_passes(struct evaluator *e, const struct control_passes *at) {
    struct runner *r = &e->runner;
    control_passes(&e->control, at, r->rows);
    TRY(runner_set_control(r, at->count));
    if (!at->pass) TRY(program_run(r->program, 0, r->plan->pass, 0));
    for (uint32_t row = 0; row < at->count; row++) {
        TRY(program_run(r->program, r->plan->pass, r->plan->nsteps, row));
        TRY(program_throttle(r->program, PASSES_AHEAD));
    }
    return OK;
}

/* Once more, one pass after another, up to the first whose probabilities are not finite. */
static enum err explain_passes(struct evaluator *e, size_t i) {
    struct control_passes at = passes_of(e, i);
    struct runner *r = &e->runner;
    size_t n = shape_elements(&r->plan->values[r->plan->probabilities].shape);
    char when[96];
    for (at.count = 1; at.pass < (uint32_t)e->how.passes; at.pass++) {
        bool finite = true;
        TRY(queue_passes(e, &at));
        TRY(program_read(r->program, r->plan->probabilities, e->output));
        for (size_t k = 0; k < n; k++) finite = finite && e->output[k] - e->output[k] == 0;
        if (finite) continue;
        snprintf(when, sizeof when, "Monte-Carlo pass %u over %zu rows from row %u on", at.pass,
                 at.valid, at.sample);
        return fault_explain(r, 0, when);
    }
    return err_set(ERR_NUMERIC, "sums over %d Monte-Carlo passes are not finite", e->how.passes);
}

static enum err run_passes(struct evaluator *e, size_t i, struct ensemble *sums) {
    struct control_passes at = passes_of(e, i);
    const uint32_t passes = (uint32_t)e->how.passes;
    for (; at.pass < passes; at.pass += at.count) {
        at.count = passes - at.pass < SEGMENT ? passes - at.pass : SEGMENT;
        TRY(queue_passes(e, &at));
    }
    TRY(program_read(e->runner.program, e->runner.plan->ensemble, e->output));
    ensemble_add_records(sums, e->output, (size_t)e->batch, e->end);
    return ensemble_finite(sums) ? OK : explain_passes(e, i);
}

enum err evaluator_outputs(struct evaluator *e, size_t i, struct ensemble *sums) {
    return (e->how.passes ? run_passes : run_once)(e, i, sums);
}
