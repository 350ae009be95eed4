/* From recipe to plan: the passes in order, and where parameters live in the flat buffers. */
#include "base/arena.h"
#include "plan/control.h"
#include "plan/passes.h"
#include <stdlib.h>
#include <string.h>

enum { ALIGN_FLOATS = 256 }; /* 1 KiB: GPUs ask up to 4096 bits for sub-buffers */

static int data_value(struct plan *p, const char *name, struct shape shape, enum dtype dtype,
                      int buffer, enum role role) {
    int v = plan_value_new(p, name, &shape, dtype, role);
    if (p->values) p->values[v].buffer = buffer;
    return v;
}

/* SHAPE(2, channels): a shape, as an lvalue. */
#define SHAPE(...)                                                                                 \
    ((struct shape){.rank = sizeof((int[]){__VA_ARGS__}) / sizeof(int), .dim = {__VA_ARGS__}})

/* Where a fault of the whole network is shown. */
static void fault_at_end(struct plan *p, const char *what, int64_t count) {
    const struct layers *layers = &p->recipe->model.layers;
    const struct layer *last = &layers->at[layers->count - 1];
    plan_fault(p, last->line, last->column,
               "%s: %lld numbers are more than the 2^31 - 1 a buffer can have", what,
               (long long)count);
}

/* The dataset, the epoch's order and CONTROL; then the first step, which gathers a batch from them.
 */
static int build_input(struct plan *p, const struct op *gather) {
    const struct ints *in = &p->recipe->model.input;
    struct shape x = {.rank = 1 + in->count, .dim = {p->options.batch}};
    int64_t numbers = p->options.batch;
    for (int i = 0; i < in->count && numbers <= INT32_MAX; i++) numbers *= x.dim[i + 1] = in->at[i];
    if (numbers > INT32_MAX) {
        fault_at_end(p, "a batch of inputs", numbers);
        return 0;
    }
    int channels = in->at[in->count - 1], rows = p->options.rows;
    p->images = data_value(p, "images", SHAPE(rows, shape_features(&x)), DTYPE_U8, BUFFER_IMAGES,
                           ROLE_DATA);
    p->labels = data_value(p, "labels", SHAPE(rows), DTYPE_U8, BUFFER_LABELS, ROLE_DATA);
    p->order = data_value(p, "order", SHAPE(p->options.control_rows, p->options.batch), DTYPE_U32,
                          BUFFER_ORDER, ROLE_DATA);
    p->norm = data_value(p, "norm", SHAPE(2, channels), DTYPE_F32, BUFFER_NORM, ROLE_DATA);
    p->control = data_value(p, "control", SHAPE(p->options.control_rows, control_row_words(p)),
                            DTYPE_U32, BUFFER_CONTROL, ROLE_CONTROL);
    p->metric = data_value(p, "metric", SHAPE(METRIC_FIRST + 2 * p->options.control_rows),
                           DTYPE_U32, BUFFER_METRIC, ROLE_METRIC);
    int s = plan_step_new(p, gather, NULL, "input", 0);
    int sources[] = {p->images, p->labels, p->order, p->norm};
    for (int i = 0; i < 4; i++) plan_in(p, s, sources[i]);
    p->input = plan_value_new(p, "input", &x, DTYPE_F32, ROLE_ACTIVATION);
    p->label = plan_value_new(p, "label", &SHAPE(p->options.batch), DTYPE_U32, ROLE_ACTIVATION);
    plan_out(p, s, p->input);
    plan_out(p, s, p->label);
    return p->input;
}

static void build_softmax(struct plan *p, const struct op *softmax) {
    int s = plan_step_new(p, softmax, NULL, "probabilities", 0);
    plan_in(p, s, p->logits);
    struct shape shape = p->values[p->logits].shape;
    p->probabilities = plan_value_new(p, "probabilities", &shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, p->probabilities);
}

/* A record of sums for each row and interval (host/ops/ensemble.c). It outlives the passes, so it
 * is the caller's, like the metrics. */
static void build_ensemble(struct plan *p, const struct op *ensemble) {
    const struct shape *y = &p->values[p->probabilities].shape;
    int batch = y->dim[0], width = 3 * y->dim[1] + 2;
    p->ensemble = data_value(p, "ensemble", SHAPE(p->options.intervals, batch, width), DTYPE_F32,
                             BUFFER_PASSES, ROLE_STATE);
    int s = plan_step_new(p, ensemble, NULL, "ensemble", 0);
    plan_in(p, s, p->probabilities);
    plan_in(p, s, p->ensemble);
    plan_out(p, s, p->ensemble);
}

/* Aligned places behind one another. */
static void place(struct plan *p, const struct param *param) {
    struct value *v = &p->values[param->value];
    v->offset = p->stored;
    if (v->grad >= 0) p->values[v->grad].offset = p->stored;
    size_t n = shape_elements(&v->shape);
    p->stored += (n + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

/* Decayed tensors first, so that weight decay ends at one boundary; what is not trained last, so
 * that the optimizer does too. */
static void place_params(struct plan *p) {
    for (int i = 0; i < p->nparams; i++)
        if (p->params[i].decay) place(p, &p->params[i]);
    p->decayed = p->stored;
    for (int i = 0; i < p->nparams; i++)
        if (!p->params[i].decay && !p->params[i].running) place(p, &p->params[i]);
    p->flat = p->stored;
    for (int i = 0; i < p->nparams; i++)
        if (p->params[i].running) place(p, &p->params[i]);
    size_t states = (size_t)(p->state_tensors > 1 ? p->state_tensors : 1);
    if (p->stored * states > INT32_MAX)
        fault_at_end(p, "parameters", (int64_t)(p->stored * states));
}

/* The micro-batch tree. Partial sums behave like a binary counter: the loop folds as many levels as
 * the counter carries, then keeps one (docs/architecture.md). Steps: fold 0..L-1, then keep 0..L-1.
 */
static void build_combine(struct plan *p, const struct op *fold, const struct op *keep) {
    while ((1 << p->partial_levels) < p->micro_batches) p->partial_levels++;
    int flat = (int)p->flat;
    int *partial = plan_alloc(p, (size_t)(p->partial_levels + 1) * sizeof *partial);
    for (int l = 0; l < p->partial_levels; l++) {
        partial[l] =
            plan_value_new(p, plan_text(p, "partial%d", l), &SHAPE(flat), DTYPE_F32, ROLE_STATE);
        p->values[partial[l]].buffer = BUFFER_PARTIAL;
        p->values[partial[l]].offset = (size_t)l * p->flat;
    }
    for (int l = 0; l < p->partial_levels; l++) {
        int s = plan_step_new(p, fold, NULL, plan_text(p, "level%d", l), 0);
        plan_in(p, s, partial[l]);
        plan_in(p, s, p->flat_grad);
        plan_out(p, s, p->flat_grad);
    }
    for (int l = 0; l < p->partial_levels; l++) {
        int s = plan_step_new(p, keep, NULL, plan_text(p, "level%d", l), 0);
        plan_in(p, s, p->flat_grad);
        plan_out(p, s, partial[l]);
    }
}

/* Regularisers that are more than weight decay: once an optimizer step, on finished gradients. */
static void build_penalties(struct plan *p) {
    for (int i = 0; i < p->nparams; i++) {
        const struct param param = p->params[i];
        if (!param.penalty) continue;
        const char *name = p->values[param.value].name;
        int s = plan_step_new(p, param.penalty, param.penalty_attr, name, param.line);
        const int of[] = {param.value, param.penalised};
        for (int k = 0; k < 2 && of[k] >= 0; k++) {
            plan_in(p, s, of[k]);
            plan_in(p, s, p->values[of[k]].grad);
            plan_out(p, s, p->values[of[k]].grad);
        }
    }
}

static void build_update(struct plan *p) {
    const struct choice *chosen = &p->recipe->train.optimizer;
    const struct optimizer_type *optimizer = (const struct optimizer_type *)chosen->schema;
    int flat = (int)p->flat;
    p->flat_state =
        plan_value_new(p, "state", &SHAPE(p->state_tensors, flat), DTYPE_F32, ROLE_STATE);
    optimizer->build(p, chosen->attr);
}

/* Constraints hold behind every optimizer step, and before the average sees the weights. */
static void build_max_norms(struct plan *p, const struct op *max_norm) {
    for (int i = 0; i < p->nparams; i++) {
        const struct param param = p->params[i];
        if (param.max_norm <= 0) continue;
        double *limit = plan_alloc(p, sizeof *limit);
        *limit = param.max_norm;
        int s = plan_step_new(p, max_norm, limit, p->values[param.value].name, param.line);
        plan_in(p, s, param.value);
        plan_in(p, s, p->metric);
        plan_out(p, s, param.value);
    }
}

/* The averaged model, over parameters and running statistics alike: they belong together. */
static void build_average(struct plan *p, const struct op *average) {
    if (p->recipe->train.ema <= 0) return;
    int stored = (int)p->stored;
    int model = plan_value_new(p, "model", &SHAPE(stored), DTYPE_F32, ROLE_PARAM);
    int mean = plan_value_new(p, "average", &SHAPE(stored), DTYPE_F32, ROLE_STATE);
    p->values[mean].buffer = BUFFER_AVERAGE;
    int s = plan_step_new(p, average, NULL, "ema", 0);
    const int in[] = {model, mean, p->metric};
    for (int i = 0; i < 3; i++) plan_in(p, s, in[i]);
    plan_out(p, s, mean);
}

static void build_training(struct plan *p, const struct op_table *table) {
    const struct choice *chosen = &p->recipe->train.optimizer;
    p->state_tensors = ((const struct optimizer_type *)chosen->schema)->state_tensors;
    p->backward = p->nsteps;
    grad_build(p);
    place_params(p);
    if (p->failed) return;
    int flat = (int)p->flat;
    p->flat_param = plan_value_new(p, "parameters", &SHAPE(flat), DTYPE_F32, ROLE_PARAM);
    p->flat_grad = plan_value_new(p, "gradients", &SHAPE(flat), DTYPE_F32, ROLE_GRAD);
    p->combine = p->nsteps;
    build_combine(p, table->fold, table->keep);
    p->update = p->nsteps;
    build_penalties(p);
    build_update(p);
    build_max_norms(p, table->max_norm);
    build_average(p, table->average);
}

static void build_steps(struct plan *p, const struct op_table *table) {
    int x = build_input(p, table->gather);
    p->logits = plan_layers(p, &p->recipe->model.layers, x);
    layers_check_used(p);
    if (p->failed) return;
    const struct choice *loss = &p->recipe->train.loss;
    if (p->options.mode != PLAN_MC) /* there the loss is that of the mean over the passes */
        ((const struct loss_type *)loss->schema)->build(p, loss->attr, p->logits, p->label);
    if (p->failed) return;
    if (p->options.mode == PLAN_TRAIN) {
        build_training(p, table);
    } else {
        place_params(p);
        build_softmax(p, table->softmax);
        if (p->options.mode == PLAN_MC) build_ensemble(p, table->ensemble);
        freeze_steps(p);
        p->backward = p->combine = p->update = p->nsteps;
    }
}

/* Bytes of the buffers the caller binds. */
static void size_buffers(struct plan *p) {
    for (int i = 0; i < p->nvalues; i++) {
        const struct value *v = &p->values[i];
        if (v->buffer < 0 || v->buffer >= BUFFER_EXTERNAL) continue;
        size_t end = v->offset * dtype_size(v->dtype) + value_bytes(v);
        if (p->buffer_bytes[v->buffer] < end) p->buffer_bytes[v->buffer] = end;
    }
    if (p->buffer_bytes[BUFFER_PARAM])
        p->buffer_bytes[BUFFER_PARAM] = p->stored * dtype_size(DTYPE_F32);
}

static void set_options(struct plan *p, const struct plan_options *options) {
    const struct train_section *train = &p->recipe->train;
    p->options = *options;
    int micro = train->micro_batch ? train->micro_batch : train->batch;
    if (!p->options.batch) p->options.batch = micro;
    if (!p->options.rows) p->options.rows = p->options.batch;
    if (!p->options.control_rows) p->options.control_rows = 1;
    if (!p->options.intervals) p->options.intervals = 1;
    p->micro_batches = options->mode == PLAN_TRAIN ? (train->batch + micro - 1) / micro : 1;
    p->probabilities = p->ensemble = p->logits = -1;
    p->flat_param = p->flat_grad = p->flat_state = -1;
}

static enum err build(struct plan *p, const struct op_table *table) {
    build_steps(p, table);
    if (!p->failed) fuse_steps(p, table->pointwise);
    if (!p->failed) slots_assign(p);
    if (p->faulty) return ERR_RECIPE;
    if (p->failed) return err_memory("the plan");
    size_buffers(p);
    return verify_plan(p);
}

enum err plan_new(const struct recipe *recipe, const struct op_table *table,
                  const struct plan_options *options, struct plan **out) {
    *out = NULL;
    struct plan *p = calloc(1, sizeof *p);
    if (!p || !(p->arena = arena_new())) {
        free(p);
        return err_memory("a plan");
    }
    p->recipe = recipe;
    p->add = table->add;
    p->draws = arena_alloc(p->arena, ((size_t)recipe->stochastic_layers + 1) * sizeof *p->draws);
    p->failed = !p->draws;
    set_options(p, options);
    enum err rc = build(p, table);
    if (rc) {
        plan_free(p);
        return rc;
    }
    *out = p;
    return OK;
}

void plan_free(struct plan *p) {
    if (!p) return;
    arena_free(p->arena);
    free(p);
}
