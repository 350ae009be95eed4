/* Looking inside trained networks. */
#include "lab/lab_private.h"
#include "ops/table.h"
#include "train/evaluate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A store with a model in it and the first test rows as its whole data. */
static enum err open_store(struct store *s, struct lab *lab, const struct model *m, int rows) {
    const struct dataset *d = lab->data;
    size_t pixels = (size_t)d->height * (size_t)d->width * (size_t)d->channels, n = (size_t)rows;
    TRY(store_new(s, lab->options->device, m->plan));
    enum err rc = store_write_norm(s, m->norm, 2 * (size_t)m->channels);
    if (!rc) rc = store_write_params(s, m->flat, m->plan->stored);
    if (!rc) rc = store_images(s, n, pixels);
    if (!rc) rc = buffer_write(s->buffer[BUFFER_IMAGES], 0, d->test.images, n * pixels);
    if (!rc) rc = buffer_write(s->buffer[BUFFER_LABELS], 0, d->test.labels, n);
    if (rc) store_free(s);
    return rc;
}

static enum err set_order(struct probe *p) {
    uint32_t *order = malloc((size_t)p->rows * sizeof *order);
    if (!order) return err_memory("the order of a probe");
    for (int i = 0; i < p->rows; i++) order[i] = (uint32_t)i;
    enum err rc = runner_set_order(&p->runner, order, (size_t)p->rows);
    free(order);
    return rc;
}

static enum err open_runner(struct probe *p, const struct model *m, enum plan_mode mode) {
    const struct plan_options o = {
        .mode = mode, .batch = p->rows, .rows = p->rows, .control_rows = 1, .no_fuse = true};
    struct plan *plan = NULL;
    TRY(plan_new(m->recipe, &op_table_all, &o, &plan));
    enum err rc = control_init(&p->control, m->recipe, plan);
    if (rc) {
        plan_free(plan);
        return rc;
    }
    TRY(runner_new(&p->runner, &p->store, plan));
    return set_order(p);
}

enum err probe_open(struct probe *p, struct lab *lab, const struct model *m, enum plan_mode mode,
                    int rows) {
    *p = (struct probe){.rows = rows < lab->data->test.rows ? rows : lab->data->test.rows};
    enum err rc = open_store(&p->store, lab, m, p->rows);
    if (!rc) rc = open_runner(p, m, mode);
    if (rc) probe_close(p);
    return rc;
}

void probe_close(struct probe *p) {
    runner_free(&p->runner);
    control_free(&p->control);
    store_free(&p->store);
    *p = (struct probe){.rows = 0};
}

enum err probe_run(struct probe *p, uint32_t pass) {
    const struct control_passes at = {
        .valid = (size_t)p->rows, .split = SPLIT_TEST, .pass = pass, .count = 1};
    if (p->runner.plan->options.mode == PLAN_MC)
        control_passes(&p->control, &at, p->runner.rows);
    else
        control_evaluate(&p->control, (size_t)p->rows, p->rows, p->runner.rows);
    TRY(runner_set_control(&p->runner, 1));
    TRY(runner_clear_metric(&p->runner));
    return program_run(p->runner.program, 0, p->runner.plan->nsteps, 0);
}

int probe_find(const struct probe *p, const char *value) {
    const struct plan *plan = p->runner.plan;
    for (int i = 0; i < plan->nvalues; i++)
        if (plan->values[i].name && !strcmp(plan->values[i].name, value) &&
            plan->values[i].buffer >= 0)
            return i;
    return -1;
}

/* A slot is reused once its value has been read for the last time. */
static bool overwritten(const struct plan *plan, const struct value *v) {
    for (int i = 0; i < plan->nvalues; i++)
        if (plan->values[i].buffer == v->buffer && plan->values[i].first > v->first) return true;
    return false;
}

/* Where it has been reused, the plan is run again up to the step behind which the value is whole.
 */
enum err probe_read_value(struct probe *p, int value, float **out, int *features) {
    const struct value *v = &p->runner.plan->values[value];
    *features = shape_features(&v->shape);
    *out = malloc(value_bytes(v));
    if (!*out) return err_memory("the values of a probe");
    enum err rc = OK;
    if (overwritten(p->runner.plan, v)) rc = program_run(p->runner.program, 0, v->first + 1, 0);
    if (!rc) rc = program_read(p->runner.program, value, *out);
    if (rc) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

enum err probe_read(struct probe *p, const char *value, float **out, int *features) {
    int index = probe_find(p, value);
    *out = NULL;
    if (index < 0) return err_set(ERR_RECIPE, "the network has no value %s", value);
    return probe_read_value(p, index, out, features);
}

/* ---- scoring changed parameters ---- */

enum err scorer_open(struct scorer *s, struct lab *lab, const struct model *m, int rows) {
    int all = lab->data->test.rows;
    *s = (struct scorer){.evaluator = calloc(1, sizeof *s->evaluator)};
    if (!s->evaluator) return err_memory("a scorer");
    if (rows > all) rows = all;
    enum err rc = open_store(&s->store, lab, m, rows);
    if (!rc) rc = evaluator_new_range(s->evaluator, &s->store, m->recipe, NULL, 0, (size_t)rows);
    if (rc) scorer_close(s);
    return rc;
}

void scorer_close(struct scorer *s) {
    if (s->evaluator) evaluator_free(s->evaluator);
    free(s->evaluator);
    store_free(&s->store);
    *s = (struct scorer){.evaluator = NULL};
}

enum err scorer_score(struct scorer *s, const struct model *m, const float *flat,
                      dropcl_score *score) {
    TRY(store_write_params(&s->store, flat, m->plan->stored));
    return evaluator_score(s->evaluator, "the evaluation of a changed model", score);
}

float *probe_parameter(const struct model *m, const char *layer, const char *what, int *rows,
                       int *columns) {
    char name[160];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    for (int i = 0; i < m->plan->nparams; i++) {
        const struct value *v = &m->plan->values[m->plan->params[i].value];
        if (strcmp(v->name, name) != 0) continue;
        *columns = v->shape.dim[v->shape.rank - 1];
        *rows = (int)(shape_elements(&v->shape) / (size_t)*columns);
        return m->flat + v->offset;
    }
    return NULL;
}
