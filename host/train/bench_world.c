/* A recipe made ready as training does it, in parts that can be timed one by one. */
#include "ops/table.h"
#include "train/bench_private.h"
#include <stdlib.h>
#include <string.h>

enum { RANDOM_TRAIN = 60000, RANDOM_TEST = 10000 }; /* as many rows as MNIST has */

static enum err random_split(struct split *s, int rows, size_t pixels, int classes) {
    s->images = malloc((size_t)rows * pixels);
    s->labels = malloc((size_t)rows);
    if (!s->images || !s->labels) return err_memory("random images");
    uint32_t state = (uint32_t)rows;
    for (size_t i = 0; i < (size_t)rows * pixels; i++) {
        state = state * 1664525u + 1013904223u;
        s->images[i] = (uint8_t)(state >> 24);
    }
    for (int i = 0; i < rows; i++) s->labels[i] = (uint8_t)(i % classes);
    s->rows = rows;
    return OK;
}

/* The time a step takes does not depend on what the bytes are. */
static enum err random_dataset(const struct recipe *recipe, int train, int test,
                               struct dataset **out) {
    const struct ints *in = &recipe->model.input;
    struct model *m = NULL;
    TRY(model_new(recipe, &m));
    int classes = m->classes;
    model_free(m);
    if (classes > 256)
        return err_set(ERR_RECIPE, "random data has at most 256 classes, the recipe %d", classes);
    struct dataset *d = calloc(1, sizeof *d);
    if (!d) return err_memory("a dataset");
    *d = (struct dataset){.name = "random bytes", .height = 1, .width = 1, .classes = classes};
    d->channels = in->at[in->count - 1];
    for (int i = 0; i + 1 < in->count; i++) d->width *= in->at[i];
    size_t pixels = (size_t)d->width * (size_t)d->channels;
    enum err rc = random_split(&d->train, train, pixels, classes);
    if (!rc) rc = random_split(&d->test, test, pixels, classes);
    if (rc) {
        dataset_close(d);
        return rc;
    }
    *out = d;
    return OK;
}

enum err world_data(struct world *w, const struct recipe *recipe, const struct bench_options *o,
                    int rows) {
    *w = (struct world){.recipe = recipe};
    if (!rows && dataset_available(recipe->train.dataset, o->data))
        return setup_new(&w->setup, recipe, o->data, NULL, NULL);
    struct dataset *d = NULL;
    w->random_data = true;
    TRY(random_dataset(recipe, rows ? rows : RANDOM_TRAIN, rows ? rows : RANDOM_TEST, &d));
    return setup_new_on(&w->setup, recipe, d, NULL, NULL, NULL);
}

enum err world_store(struct world *w, struct device *device) {
    TRY(setup_plan(&w->setup, &w->plan));
    return setup_store(&w->setup, device, w->plan, &w->store);
}

enum err world_programs(struct world *w) {
    struct plan *plan = w->plan;
    w->plan = NULL;
    return runner_new(&w->runner, &w->store, plan);
}

enum err world_evaluator(struct world *w) {
    const struct dataset *d = w->setup.data;
    if (!d->test.rows) return OK;
    return evaluator_new_range(&w->test, &w->store, w->recipe, NULL, (size_t)d->train.rows,
                               (size_t)d->test.rows);
}

/* Goes round the rows of one epoch: what the host does between two epochs is measured apart. */
enum err world_steps(void *world, int64_t runs) {
    struct world *w = world;
    const struct setup *s = &w->setup;
    for (int64_t i = 0; i < runs; i++, w->step++)
        TRY(runner_step(&w->runner, s->micro_batches,
                        (uint32_t)(w->step % s->per_epoch * s->micro_batches)));
    return program_finish(w->runner.program);
}

enum err world_passes(void *world, int64_t runs) {
    struct world *w = world;
    dropcl_score score;
    for (int64_t i = 0; i < runs; i++)
        TRY(evaluator_score(&w->test, "the evaluation that was measured", &score));
    return OK;
}

void world_close(struct world *w) {
    evaluator_free(&w->test);
    runner_free(&w->runner);
    plan_free(w->plan);
    store_free(&w->store);
    setup_free(&w->setup);
}
