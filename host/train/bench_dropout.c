/* Dropout as a pass of its own: the kernels that run where fusion finds no producer. */
#include "train/bench_private.h"
#include "train/observe.h"
#include <stdio.h>

/* A million numbers a launch, as features and as maps. Only the step that masks of the recipe's
 * unfused plan is ever run. */
static const struct row {
    const char *name, *detail, *input, *layer;
    int batch;
} rows[] = {
    {"element-wise", "rate 0.5", "1024", "dropout: {rate: 0.5}", 1024},
    {"channel-wise", "rate 0.1", "32, 32, 64", "dropout2d: {rate: 0.1}", 16},
    {"dropblock", "rate 0.1, size 1", "32, 32, 64", "dropblock: {rate: 0.1, size: 1}", 16},
    {"dropblock", "rate 0.1, size 4", "32, 32, 64", "dropblock: {rate: 0.1, size: 4}", 16},
    {"dropblock", "rate 0.1, size 7", "32, 32, 64", "dropblock: {rate: 0.1, size: 7}", 16},
    {"dropblock", "rate 0.1, size 11", "32, 32, 64", "dropblock: {rate: 0.1, size: 11}", 16},
};

enum { ROWS = sizeof rows / sizeof *rows };

struct part {
    struct program *program;
    int step;
};

static enum err run_part(void *what, int64_t runs) {
    const struct part *p = what;
    for (int64_t i = 0; i < runs; i++) TRY(program_run(p->program, p->step, p->step + 1, 0));
    return program_finish(p->program);
}

static int find_masking(const struct plan *p) {
    for (int i = 0; i < p->nsteps; i++)
        if (observe_draws(&p->steps[i])) return i;
    return -1;
}

static enum err measure(struct world *w, struct device *d, const struct bench_options *o,
                        const struct row *r) {
    TRY(setup_plan_unfused(&w->setup, &w->plan));
    TRY(setup_store(&w->setup, d, w->plan, &w->store));
    TRY(world_programs(w));
    TRY(setup_epoch(&w->setup, &w->runner, 0, 1));
    const struct plan *plan = w->runner.plan;
    struct part part = {w->runner.program, find_masking(plan)};
    if (part.step < 0) return err_set(ERR_SYSTEM, "the plan to measure dropout with has none");
    const struct value *y = &plan->values[plan->steps[part.step].out[0]];
    struct bench_row row = bench_row("dropout", r->name, r->detail);
    shape_text(&y->shape, row.shape);
    row.elements = (double)shape_elements(&y->shape);
    row.bytes = 2 * (double)value_bytes(y);
    row.launches = program_launches(part.program, part.step);
    TRY(bench_measure(o, run_part, &part, &row));
    o->report(&row, o->user);
    return OK;
}

static enum err measure_row(struct device *d, const struct bench_options *o, const struct row *r) {
    char text[512];
    struct recipe *recipe = NULL;
    struct world w = {0};
    int size = snprintf(text, sizeof text,
                        "dropcl: 1\nmodel:\n  input: [%s]\n  layers:\n    - %s\n"
                        "    - dense: {units: 10}\ntrain:\n  dataset: mnist\n  batch: %d\n"
                        "  optimizer: {sgd: {lr: 0.1}}\n",
                        r->input, r->layer, r->batch);
    enum err rc = recipe_parse("dropout", text, (size_t)size, model_vocabulary(), NULL, 0, &recipe);
    if (!rc) rc = world_data(&w, recipe, o, r->batch);
    if (!rc) rc = measure(&w, d, o, r);
    world_close(&w);
    recipe_free(recipe);
    return rc;
}

enum err bench_dropout(struct device *d, const struct bench_options *o) {
    for (int i = 0; i < ROWS; i++) TRY(measure_row(d, o, &rows[i]));
    return OK;
}
