/* Dropout as a pass of its own: the kernel that runs where fusion finds no producer. */
#include "train/bench_private.h"
#include <string.h>

/* A million numbers a launch. Only the dropout step of this recipe's unfused plan is ever run. */
static const char text[] = "dropcl: 1\n"
                           "model:\n"
                           "  name: dropout\n"
                           "  input: [1024]\n"
                           "  layers:\n"
                           "    - dropout: {rate: 0.5}\n"
                           "    - dense: {units: 10}\n"
                           "train:\n"
                           "  dataset: mnist\n"
                           "  batch: 1024\n"
                           "  optimizer: {sgd: {lr: 0.1}}\n";

struct part {
    struct program *program;
    int step;
};

static enum err run_part(void *what, int64_t runs) {
    const struct part *p = what;
    for (int64_t i = 0; i < runs; i++) TRY(program_run(p->program, p->step, p->step + 1, 0));
    return program_finish(p->program);
}

static int find_dropout(const struct plan *p) {
    for (int i = 0; i < p->nsteps; i++)
        if (p->steps[i].nstages && !strcmp(p->steps[i].stage[0].op->name, "dropout")) return i;
    return -1;
}

static enum err measure(struct world *w, struct device *d, const struct bench_options *o) {
    TRY(setup_plan_unfused(&w->setup, &w->plan));
    TRY(setup_store(&w->setup, d, w->plan, &w->store));
    TRY(world_programs(w));
    TRY(setup_epoch(&w->setup, &w->runner, 0, 1));
    const struct plan *plan = w->runner.plan;
    struct part part = {w->runner.program, find_dropout(plan)};
    if (part.step < 0) return err_set(ERR_SYSTEM, "the plan to measure dropout with has none");
    const struct value *y = &plan->values[plan->steps[part.step].out[0]];
    struct bench_row row = bench_row("dropout", "element-wise", "rate 0.5");
    shape_text(&y->shape, row.shape);
    row.elements = (double)shape_elements(&y->shape);
    row.bytes = 2 * (double)value_bytes(y);
    row.launches = program_launches(part.program, part.step);
    TRY(bench_measure(o, run_part, &part, &row));
    o->report(&row, o->user);
    return OK;
}

enum err bench_dropout(struct device *d, const struct bench_options *o) {
    struct recipe *recipe = NULL;
    struct world w = {0};
    enum err rc = recipe_parse("dropout", text, strlen(text), model_vocabulary(), NULL, 0, &recipe);
    if (!rc) rc = world_data(&w, recipe, o, 1024);
    if (!rc) rc = measure(&w, d, o);
    world_close(&w);
    recipe_free(recipe);
    return rc;
}
