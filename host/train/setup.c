#include "train/setup.h"
#include "ops/table.h"
#include "train/norm.h"
#include "train/params.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err setup_open_data(const struct recipe *recipe, const char *folder, struct dataset **out) {
    struct dataset *d = NULL;
    TRY(dataset_open(recipe->train.dataset, folder, &d));
    const struct ints *in = &recipe->model.input;
    int64_t wanted = 1, given = (int64_t)d->height * d->width * d->channels;
    for (int i = 0; i < in->count; i++) wanted *= in->at[i];
    /* channels come last and must stay whole: normalisation is per channel */
    if (wanted == given && in->at[in->count - 1] % d->channels == 0) {
        *out = d;
        return OK;
    }
    enum err rc =
        err_set(ERR_RECIPE,
                "the recipe's input of %lld numbers does not fit dataset %s, whose images are "
                "[%d, %d, %d] (height, width, channels)",
                (long long)wanted, d->name, d->height, d->width, d->channels);
    dataset_close(d);
    return rc;
}

enum err setup_check_classes(const struct recipe *recipe, int outputs, const struct dataset *d) {
    if (outputs == d->classes) return OK;
    const struct layer *last = &recipe->model.layers.at[recipe->model.layers.count - 1];
    return recipe_fault(recipe, last->line, last->column,
                        "the network ends with %d outputs, dataset %s has %d classes", outputs,
                        d->name, d->classes);
}

/* The batch is lowered to the rows there are, in whole micro-batches. */
static void size_steps(struct setup *s, const struct notes *notes) {
    const struct train_section *train = &s->recipe->train;
    int rows = (int)s->split.ntrain, micro = train->micro_batch ? train->micro_batch : train->batch;
    s->batch = train->batch;
    if (s->batch > rows) {
        if (!train->micro_batch || micro > rows) micro = rows;
        s->batch = rows / micro * micro;
        char text[160];
        snprintf(text, sizeof text, "batch: %d is lowered to %d: there are %d training rows",
                 train->batch, s->batch, rows);
        if (notes && notes->message) notes->message(text, notes->user);
    }
    s->micro_batches = s->batch / micro;
    s->per_epoch = rows / s->batch;
    s->run_steps = s->per_epoch * train->epochs;
}

/* Grey data may enter as a flat list: each of its numbers then has its channel's normalisation. */
static enum err measure_norm(struct setup *s) {
    const struct dataset *d = s->data;
    size_t c = (size_t)d->channels, n = (size_t)s->model->channels;
    float *norm = malloc(2 * c * sizeof *norm);
    if (!norm) return err_memory("the normalisation");
    norm_measure(s->recipe->train.normalize, d->train.images,
                 (size_t)d->height * (size_t)d->width * c, d->channels, s->split.train,
                 s->split.ntrain, norm);
    for (size_t i = 0; i < n; i++) {
        s->model->norm[i] = norm[i % c];
        s->model->norm[n + i] = norm[c + i % c];
    }
    free(norm);
    return OK;
}

static enum err check_validation(const struct setup *s) {
    int held = s->recipe->train.validation, rows = s->data->train.rows;
    if (held < rows) return OK;
    return err_set(ERR_RECIPE,
                   "%s: error: train.validation holds out %d of the %d training rows of dataset "
                   "%s, which leaves none to train on",
                   s->recipe->file, held, rows, s->data->name);
}

static enum err fill(struct setup *s, const char *folder, const struct model *init,
                     const struct notes *notes) {
    const struct train_section *train = &s->recipe->train;
    TRY(model_new(s->recipe, &s->model)); /* shapes first: cheaper than reading data */
    if (!s->data) TRY(setup_open_data(s->recipe, folder, &s->data));
    TRY(setup_check_classes(s->recipe, s->model->classes, s->data));
    TRY(check_validation(s));
    TRY(order_split(train->seed, (size_t)s->data->train.rows, (size_t)train->validation,
                    (size_t)train->limit, &s->split));
    size_steps(s, notes);
    if (s->run_steps > (int64_t)UINT32_MAX)
        return err_set(ERR_RECIPE,
                       "%lld optimizer steps are more than the 2^32 that masks can number",
                       (long long)s->run_steps);
    TRY(measure_norm(s));
    params_init(s->model->plan, train->seed, s->model->flat);
    if (init) TRY(model_copy_params(init, s->model->plan, s->model->flat));
    s->order = malloc((s->split.ntrain + 1) * sizeof *s->order);
    if (!s->order) return err_memory("the order of an epoch");
    return control_init(&s->control, s->recipe, s->model->plan);
}

enum err setup_new_on(struct setup *s, const struct recipe *recipe, struct dataset *data,
                      const char *folder, const struct model *init, const struct notes *notes) {
    const struct choice *chosen = &recipe->train.optimizer;
    *s = (struct setup){.recipe = recipe, .data = data};
    s->optimizer = (const struct optimizer_type *)(const void *)chosen->schema;
    enum err rc = fill(s, folder, init, notes);
    if (rc) setup_free(s);
    return rc;
}

enum err setup_new(struct setup *s, const struct recipe *recipe, const char *folder,
                   const struct model *init, const struct notes *notes) {
    return setup_new_on(s, recipe, NULL, folder, init, notes);
}

void setup_free(struct setup *s) {
    model_free(s->model);
    dataset_close(s->data);
    order_split_free(&s->split);
    control_free(&s->control);
    free(s->order);
    *s = (struct setup){0};
}

static enum err make_plan(const struct setup *s, bool no_fuse, struct plan **out) {
    const struct plan_options options = {.mode = PLAN_TRAIN,
                                         .batch = s->batch / s->micro_batches,
                                         .rows = s->data->train.rows + s->data->test.rows,
                                         .control_rows = (int)s->per_epoch * s->micro_batches,
                                         .no_fuse = no_fuse};
    return plan_new(s->recipe, &op_table_all, &options, out);
}

enum err setup_plan(const struct setup *s, struct plan **out) {
    return make_plan(s, false, out);
}

enum err setup_plan_unfused(const struct setup *s, struct plan **out) {
    return make_plan(s, true, out);
}

enum err setup_store(const struct setup *s, struct device *device, const struct plan *plan,
                     struct store *store) {
    TRY(store_new(store, device, plan));
    enum err rc = store_dataset(store, s->data);
    if (!rc) rc = store_write_norm(store, s->model->norm, 2 * (size_t)s->model->channels);
    if (!rc) rc = store_write_params(store, s->model->flat, s->model->plan->stored);
    if (rc) store_free(store);
    return rc;
}

enum err setup_epoch(struct setup *s, struct runner *r, int64_t epoch, int64_t steps) {
    const struct order_split *split = &s->split;
    if (s->recipe->train.shuffle)
        TRY(order_epoch(s->recipe->train.seed, (uint32_t)epoch, split->train, split->ntrain,
                        s->order));
    else
        memcpy(s->order, split->train, split->ntrain * sizeof *s->order);
    const struct control_epoch rows = {.epoch = (uint32_t)epoch,
                                       .first_step = epoch * s->per_epoch,
                                       .steps = steps,
                                       .per_epoch = s->per_epoch,
                                       .run_steps = s->run_steps,
                                       .batch = s->batch,
                                       .micro_batches = s->micro_batches};
    control_train(&s->control, s->optimizer, &rows, r->rows);
    TRY(runner_set_order(r, s->order, (size_t)s->per_epoch * (size_t)s->batch));
    TRY(runner_set_control(r, (size_t)steps * (size_t)s->micro_batches));
    return runner_clear_metric(r);
}
