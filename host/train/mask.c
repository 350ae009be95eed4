#include "train/mask.h"
#include "base/text.h"
#include "ops/table.h"
#include "train/model.h"
#include <stdlib.h>
#include <string.h>

static enum err write_recipe(const struct mask_layer *l, int samples, struct text *out) {
    text_add(out, "dropcl: 1\nmodel:\n  input: [");
    for (int i = 0; i < l->shape.count; i++) text_add(out, "%s%d", i ? ", " : "", l->shape.at[i]);
    text_add(out, "]\n  layers:\n    - %s: {rate: %.17g, id: %d%s}\n    - dense: {units: 1}\n",
             l->type, l->rate, l->number, l->more);
    text_add(out, "train: {dataset: mnist, batch: %d, seed: %llu, optimizer: {sgd: {lr: 1}}}\n",
             samples, (unsigned long long)l->seed);
    return out->failed ? err_memory("the recipe of a mask") : OK;
}

static enum err read_recipe(struct mask_maker *m, const struct mask_layer *l) {
    struct text text = {0};
    enum err rc = write_recipe(l, m->samples, &text);
    if (!rc)
        rc = recipe_parse("mask", text.data, text.size, model_vocabulary(), NULL, 0, &m->recipe);
    text_free(&text);
    return rc;
}

static bool is_drawn(const struct step *s) {
    return s->draw >= 0 || (s->nstages && s->stage[0].draw >= 0);
}

static size_t outputs_of(const struct mask_maker *m) {
    return (size_t)shape_features(&m->plan->values[m->plan->steps[m->step].out[0]].shape);
}

/* The plan ends with the step that masks: the rest is not needed, and not built. */
static enum err make_plan(struct mask_maker *m, const struct mask_layer *l) {
    const struct plan_options options = {
        .mode = l->monte_carlo ? PLAN_MC : PLAN_TRAIN, .batch = m->samples, .no_fuse = true};
    m->split = l->split;
    TRY(plan_new(m->recipe, &op_table_all, &options, &m->plan));
    if (!m->elements) m->elements = (size_t)shape_features(&m->plan->values[m->plan->input].shape);
    m->step = -1;
    for (int i = 0; i < m->plan->nsteps && m->step < 0; i++)
        if (is_drawn(&m->plan->steps[i])) m->step = i;
    m->plan->nsteps = m->step + 1;
    m->weights = m->step >= 0 && m->plan->steps[m->step].op->reveal;
    return control_init(&m->control, m->recipe, m->plan);
}

static enum err make_numbers(struct mask_maker *m) {
    size_t n = (size_t)m->samples * m->elements;
    m->numbers = malloc(n * sizeof *m->numbers);
    if (!m->numbers) return err_memory("masks");
    for (size_t i = 0; i < n; i++) m->numbers[i] = 1;
    return OK;
}

/* A rate that is trained is at its start. */
static enum err write_rate(struct mask_maker *m) {
    for (int k = 0; k < m->plan->nparams; k++) {
        const struct param *p = &m->plan->params[k];
        real start = (real)(float)p->start;
        if (p->law == PARAM_LAW_VALUE) TRY(program_write(m->program, p->value, &start));
    }
    return OK;
}

static enum err bind(struct mask_maker *m, struct device *device) {
    for (int b = 0; b < BUFFER_EXTERNAL; b++)
        if (m->plan->buffer_bytes[b])
            TRY(buffer_new(device, m->plan->buffer_bytes[b], &m->buffer[b]));
    m->row = calloc((size_t)m->control.words, sizeof *m->row);
    if (!m->row) return err_memory("masks");
    TRY(program_new(device, m->plan, m->buffer, &m->program));
    TRY(write_rate(m));
    return program_write(m->program, m->plan->steps[m->step].in[m->weights], m->numbers);
}

enum err mask_open(struct mask_maker *m, struct device *device, const struct mask_layer *layer,
                   int samples) {
    *m = (struct mask_maker){.samples = samples, .elements = layer->elements};
    enum err rc = read_recipe(m, layer);
    if (!rc) rc = make_plan(m, layer);
    if (!rc) rc = make_numbers(m);
    if (!rc && m->step >= 0) rc = bind(m, device);
    if (rc) mask_close(m);
    return rc;
}

void mask_close(struct mask_maker *m) {
    program_free(m->program);
    for (int b = 0; b < BUFFER_EXTERNAL; b++) buffer_free(m->buffer[b]);
    control_free(&m->control);
    plan_free(m->plan);
    recipe_free(m->recipe);
    free(m->row);
    free(m->numbers);
    *m = (struct mask_maker){0};
}

/* ---- masks of weights: seven rows and the bias at a time, a binary digit of the sum each ---- */

enum { DIGITS = 7 };

static enum err write_rows(struct mask_maker *m, size_t first, size_t rows) {
    for (size_t i = 0; i < (size_t)m->samples * rows; i++) {
        size_t digit = i % rows - first; /* wraps below the first: too large then */
        m->numbers[i] = digit < DIGITS ? (real)(1 << digit) : 0;
    }
    return program_write(m->program, m->plan->steps[m->step].in[0], m->numbers);
}

static void take_rows(struct mask_maker *m, size_t first, size_t rows, uint8_t *kept) {
    size_t out = outputs_of(m);
    real scale = (real)control_float(m->row, CONTROL_LAYERS + LAYER_SCALE);
    for (size_t i = 0; i < (size_t)m->samples * out; i++) {
        uint8_t *column = kept + i / out * m->elements + i % out;
        unsigned code = scale > 0 ? (unsigned)(m->numbers[i] / scale + (real)0.5) : 0;
        for (size_t d = 0; d < DIGITS && first + d < rows; d++)
            column[(first + d) * out] = code >> d & 1;
        column[rows * out] = code >> DIGITS & 1;
    }
}

static enum err make_weights(struct mask_maker *m, uint8_t *kept) {
    const struct step *s = &m->plan->steps[m->step];
    size_t out = outputs_of(m), rows = m->elements / out - 1;
    for (size_t o = 0; o < out; o++) m->numbers[o] = 1 << DIGITS;
    TRY(program_write(m->program, s->in[2], m->numbers));
    for (size_t first = 0; first < rows; first += DIGITS) {
        TRY(write_rows(m, first, rows));
        TRY(program_run(m->program, m->step, m->step + 1, 0));
        TRY(program_read(m->program, s->out[0], m->numbers));
        take_rows(m, first, rows, kept);
    }
    return OK;
}

static enum err put_row(struct mask_maker *m, uint32_t step, uint32_t first) {
    const struct control_passes at = {
        .valid = (size_t)m->samples, .sample = first, .split = m->split, .pass = step, .count = 1};
    control_passes(&m->control, &at, m->row);
    return buffer_write(m->buffer[BUFFER_CONTROL], 0, m->row,
                        (size_t)m->control.words * sizeof *m->row);
}

enum err mask_factors(struct mask_maker *m, uint32_t step, uint32_t first, const real **factors) {
    *factors = m->numbers;
    if (m->step < 0) return OK;
    TRY(put_row(m, step, first));
    TRY(program_run(m->program, m->step, m->step + 1, 0));
    return program_read(m->program, m->plan->steps[m->step].out[0], m->numbers);
}

enum err mask_make(struct mask_maker *m, uint32_t step, uint32_t first, uint8_t *kept) {
    size_t n = (size_t)m->samples * m->elements;
    const real *factors;
    if (m->weights) {
        TRY(put_row(m, step, first));
        return make_weights(m, kept);
    }
    TRY(mask_factors(m, step, first, &factors));
    for (size_t i = 0; i < n; i++) kept[i] = factors[i] != 0;
    return OK;
}
