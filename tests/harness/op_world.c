/* From a row of a table to a plan with something in every buffer. */
#include "harness/op.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMAS = 64, GUARD = 1024, ROWS = 11 };

uint32_t op_random(uint32_t stream, uint32_t index) {
    uint32_t x = index * 0x9e3779b1u + stream * 0x7feb352du + 0x1234567u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

double op_random_real(uint32_t stream, uint32_t index) {
    return op_random(stream, index) * 0x1p-31 - 1;
}

/* ---- the recipe ---- */

/* Schedules are training's business; a plan does not depend on them, the parser wants one. */
static const struct schema constant = {.name = "constant", .doc = "the same rate at every step"};
static const struct schema *const schedules[] = {&constant, NULL};

struct schemas {
    const struct schema *layer[SCHEMAS], *loss[SCHEMAS], *optimizer[SCHEMAS];
};

static struct vocabulary vocabulary_of(const struct op_table *table, struct schemas *s) {
    memset(s, 0, sizeof *s);
    for (int i = 0; table->layers[i]; i++) s->layer[i] = &table->layers[i]->schema;
    for (int i = 0; table->losses[i]; i++) s->loss[i] = &table->losses[i]->schema;
    for (int i = 0; table->optimizers[i]; i++) s->optimizer[i] = &table->optimizers[i]->schema;
    return (struct vocabulary){.layers = s->layer,
                               .choices = {[CHOICE_LOSS] = s->loss,
                                           [CHOICE_OPTIMIZER] = s->optimizer,
                                           [CHOICE_SCHEDULE] = schedules,
                                           [CHOICE_RATE_SCHEDULE] = schedules}};
}

static enum err read_recipe(const struct op_case *row, struct recipe **out) {
    static struct schemas
        schemas; /* the recipe points into the vocabulary for as long as it lives */
    struct vocabulary vocabulary = vocabulary_of(op_fork_table(), &schemas);
    char text[4096];
    int size = snprintf(text, sizeof text,
                        "dropcl: 1\n"
                        "model:\n"
                        "  name: case\n"
                        "  input: [%s]\n"
                        "  layers: %s\n"
                        "train:\n"
                        "  dataset: synthetic\n"
                        "  batch: %d\n"
                        "  epochs: 1\n"
                        "  seed: %llu\n"
                        "  schedule: constant\n"
                        "%s",
                        row->input, row->layers, row->batch, (unsigned long long)row->seed,
                        row->train ? row->train : "  optimizer: {sgd: {lr: 0.1}}\n");
    ck_assert_int_lt(size, (int)sizeof text);
    return recipe_parse(row->name, text, (size_t)size, &vocabulary, NULL, 0, out);
}

static enum err build(const struct op_case *row, struct recipe **recipe, struct plan **plan) {
    *recipe = NULL;
    TRY(read_recipe(row, recipe));
    struct plan_options options = {.mode = row->mode,
                                   .rows = ROWS,
                                   .control_rows = row->steps ? row->steps : 1,
                                   .intervals = (row->steps + 1) / 2, /* of two passes each */
                                   .no_fuse = row->no_fuse};
    if (row->mode != PLAN_TRAIN) options.batch = row->batch;
    return plan_new(*recipe, op_fork_table(), &options, plan);
}

enum err op_world_try(const struct op_case *row) {
    struct recipe *recipe;
    struct plan *plan = NULL;
    enum err rc = build(row, &recipe, &plan);
    plan_free(plan);
    recipe_free(recipe);
    return rc;
}

/* ---- content ---- */

static void fill_real(real *to, size_t n, uint32_t stream, double largest) {
    for (size_t i = 0; i < n; i++)
        to[i] = (real)(float)(largest * op_random_real(stream, (uint32_t)i));
}

/* Weights of a size that keeps activations near 1 through the layers, biases of half that. Between
 * the tensors: something that nobody should ever read into a result. */
static void fill_params(const struct op_world *w, real *to) {
    const struct plan *p = w->plan;
    for (size_t i = 0; i < p->stored; i++) to[i] = (real)12345.678f;
    for (int i = 0; i < p->nparams; i++) {
        const struct param *param = &p->params[i];
        const struct value *v = &p->values[param->value];
        double largest = 1.7 / __builtin_sqrt(param->fan_in > 0 ? param->fan_in : 1);
        if (param->law == PARAM_LAW_ZERO || param->law == PARAM_LAW_ONE) largest = 0.5;
        if (w->row->weight > 0) largest = w->row->weight;
        fill_real(to + v->offset, shape_elements(&v->shape), 100 + (uint32_t)i, largest);
        if (!param->running || param->law != PARAM_LAW_ONE) continue;
        for (size_t k = 0; k < shape_elements(&v->shape); k++)
            to[v->offset + k] += 1; /* variances are positive */
    }
}

/* Gradients start as NaN, so that one that is added to instead of written, or not written, is
 * noticed; the padding between them as a number that must stay. */
static void fill_gradients(const struct op_world *w, real *to) {
    const struct plan *p = w->plan;
    for (size_t i = 0; i < p->flat; i++) to[i] = (real)54321.125f;
    for (int i = 0; i < p->nparams; i++) {
        if (p->params[i].running) continue;
        const struct value *v = &p->values[p->values[p->params[i].value].grad];
        for (size_t k = 0; k < shape_elements(&v->shape); k++)
            to[v->offset + k] = (real)__builtin_nan("");
    }
}

static size_t length(const struct op_world *w, int buffer, size_t size) {
    return w->plan->buffer_bytes[buffer] / size;
}

static void fill_dataset(struct op_world *w) {
    const struct plan *p = w->plan;
    uint8_t *images = w->content[BUFFER_IMAGES], *labels = w->content[BUFFER_LABELS];
    uint32_t *order = w->content[BUFFER_ORDER];
    const struct shape *logits = &p->values[p->logits].shape;
    uint32_t classes = (uint32_t)logits->dim[logits->rank - 1];
    for (size_t i = 0; i < length(w, BUFFER_IMAGES, 1); i++)
        images[i] = (uint8_t)op_random(1, (uint32_t)i);
    for (size_t i = 0; i < length(w, BUFFER_LABELS, 1); i++)
        labels[i] = (uint8_t)(op_random(2, (uint32_t)i) % classes);
    for (size_t i = 0; i < length(w, BUFFER_ORDER, 4); i++)
        order[i] = op_random(3, (uint32_t)i) % ROWS;
    real *norm = w->content[BUFFER_NORM];
    size_t channels = length(w, BUFFER_NORM, sizeof(real)) / 2;
    for (size_t c = 0; c < channels;
         c++) { /* about mean 0 and variance 1, different in each channel */
        norm[c] = (real)(float)(0.0125 + 0.001 * op_random_real(4, (uint32_t)c));
        norm[channels + c] = (real)(float)(-1.6 + 0.1 * op_random_real(5, (uint32_t)c));
    }
}

static void fill(struct op_world *w) {
    const struct plan *p = w->plan;
    for (int b = 0; b < BUFFER_EXTERNAL; b++) {
        if (!p->buffer_bytes[b]) continue;
        w->content[b] = calloc(1, p->buffer_bytes[b]);
        ck_assert_ptr_nonnull(w->content[b]);
    }
    fill_dataset(w);
    op_control_fill(w, w->content[BUFFER_CONTROL]);
    if (w->content[BUFFER_PARAM]) fill_params(w, w->content[BUFFER_PARAM]);
    if (w->content[BUFFER_GRAD]) fill_gradients(w, w->content[BUFFER_GRAD]);
    real *state = w->content[BUFFER_STATE];
    if (state) /* second moments are never negative */
        for (size_t i = 0; i < length(w, BUFFER_STATE, sizeof(real)); i++)
            state[i] = (real)(float)(0.01 * (1.001 + op_random_real(6, (uint32_t)i)));
    if (w->content[BUFFER_AVERAGE])
        fill_real(w->content[BUFFER_AVERAGE], length(w, BUFFER_AVERAGE, sizeof(real)), 8, 1);
    if (w->content[BUFFER_PASSES])
        fill_real(w->content[BUFFER_PASSES], length(w, BUFFER_PASSES, sizeof(real)), 9, 1);
    if (w->content[BUFFER_PARTIAL])
        fill_real(w->content[BUFFER_PARTIAL], length(w, BUFFER_PARTIAL, sizeof(real)), 7, 1);
}

void op_world_open(struct op_world *w, const struct op_case *row) {
    *w = (struct op_world){.row = row};
    enum err rc = build(row, &w->recipe, &w->plan);
    if (rc) ck_abort_msg("%s: %s", row->name, err_message());
    fill(w);
}

void op_world_close(struct op_world *w) {
    for (int b = 0; b < BUFFER_EXTERNAL; b++) free(w->content[b]);
    plan_free(w->plan);
    recipe_free(w->recipe);
    free(w->guarded);
    free(w->guarded_slots);
    *w = (struct op_world){0};
}

/* ---- guards ---- */

void op_world_guard(struct op_world *w) {
    struct plan *p = w->plan;
    size_t n = (size_t)p->nvalues;
    w->guarded = calloc(3 * n, sizeof *w->guarded);
    w->guarded_slots = calloc(n, sizeof *w->guarded_slots);
    ck_assert(w->guarded && w->guarded_slots);
    memcpy(w->guarded, p->values, n * sizeof *p->values);
    p->values = w->guarded;
    p->slot_bytes = w->guarded_slots;
    p->nslots = 0;
    for (size_t i = 0; i < n; i++) {
        struct value *v = &p->values[i];
        if (v->role != ROLE_ACTIVATION || v->buffer < BUFFER_EXTERNAL) continue;
        size_t elements = shape_elements(&v->shape);
        v->buffer = BUFFER_EXTERNAL + p->nslots;
        v->offset = GUARD;
        p->slot_bytes[p->nslots++] = (2 * GUARD + elements) * dtype_size(v->dtype);
        for (int side = 0; side < 2; side++) {
            struct value guard = *v;
            guard.name = v->name;
            guard.shape = (struct shape){.rank = 1, .dim = {GUARD}};
            guard.offset = side ? GUARD + elements : 0;
            p->values[p->nvalues++] = guard;
            w->guards++;
        }
    }
}

double op_world_flops(const struct op_world *w) {
    double flops = 0;
    for (int i = 0; i < w->plan->nsteps; i++) {
        struct cost cost = {0};
        const struct step *s = &w->plan->steps[i];
        if (s->op->cost) s->op->cost(w->plan, s, &cost);
        flops += cost.flops;
    }
    return flops;
}

int op_world_step(const struct op_world *w, const char *op, int from) {
    for (int i = from; i < w->plan->nsteps; i++)
        if (!strcmp(w->plan->steps[i].op->name, op)) return i;
    ck_abort_msg("%s: no step %s", w->row->name, op);
}

int op_world_value(const struct op_world *w, const char *name) {
    for (int i = 0; i < w->plan->nvalues - w->guards; i++)
        if (!strcmp(w->plan->values[i].name, name)) return i;
    ck_abort_msg("%s: no value %s", w->row->name, name);
}
