#include "train/tune_bench.h"
#include "plan/control.h"
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 256, RUNS = 7 };
static const double ENOUGH = 0.02;     /* seconds of measuring one way          */
static const double SMALL_FLOPS = 2e8; /* what the reference computes in a blink */

static uint32_t float_bits(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* A row as in the middle of training, but dropout drops (nearly) nothing, so that every element is
 * seen. */
static enum err make_control(struct tune_bench *b) {
    int words = control_row_words(b->plan);
    b->control = calloc((size_t)words, sizeof *b->control);
    if (!b->control) return err_memory("a CONTROL row");
    b->control[CONTROL_SEED_LOW] = 1;
    b->control[CONTROL_VALID] = (uint32_t)b->plan->options.batch;
    b->control[CONTROL_MEAN] = float_bits(1);
    for (int i = CONTROL_LAYERS; i < words; i += CONTROL_LAYER) {
        b->control[i + LAYER_LIMIT] = 0;
        b->control[i + LAYER_ACTIVE] = 1;
        b->control[i + LAYER_SCALE] = float_bits(2);
    }
    return buffer_write(b->buffer[BUFFER_CONTROL], 0, b->control,
                        (size_t)words * sizeof *b->control);
}

enum err tune_bench_open(struct tune_bench *b, struct device *device, const struct plan *plan) {
    *b = (struct tune_bench){.device = device, .plan = plan};
    for (int i = 0; i < BUFFER_EXTERNAL; i++)
        if (plan->buffer_bytes[i]) TRY(buffer_new(device, plan->buffer_bytes[i], &b->buffer[i]));
    return make_control(b);
}

void tune_bench_close(struct tune_bench *b) {
    program_free(b->program);
    for (int i = 0; i < BUFFER_EXTERNAL; i++) buffer_free(b->buffer[i]);
    free(b->control);
    *b = (struct tune_bench){0};
}

enum err tune_bench_build(struct tune_bench *b) {
    program_free(b->program);
    b->program = NULL;
    return program_new(b->device, b->plan, b->buffer, &b->program);
}

/* Whole numbers from 1 to 5: up to 670 thousand products of two of them sum exactly in float.
 * Positive, so that no ReLU hides a wrong element. */
static void whole_numbers(float *x, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        uint32_t h = ((uint32_t)i + seed) * 2654435761u;
        h ^= h >> 15;
        h *= 2246822519u;
        x[i] = (float)((h >> 16) % 5) + 1;
    }
}

static enum err fill_input(struct tune_bench *b, int value) {
    const struct value *v = &b->plan->values[value];
    if (v->dtype != DTYPE_F32) return OK;
    size_t n = shape_elements(&v->shape);
    float *x = malloc(n * sizeof *x);
    if (!x) return err_memory(v->name);
    whole_numbers(x, n, (uint32_t)value * 7919u);
    enum err rc = program_write(b->program, value, x);
    free(x);
    return rc;
}

static enum err read_value(struct tune_bench *b, int value, void **out) {
    *out = malloc(value_bytes(&b->plan->values[value]));
    if (!*out) return err_memory(b->plan->values[value].name);
    return program_read(b->program, value, *out);
}

enum err tune_bench_outputs(struct tune_bench *b, int step, void *out[STEP_OUT]) {
    const struct step *s = &b->plan->steps[step];
    for (int k = 0; k < STEP_OUT; k++) out[k] = NULL;
    for (int k = 0; k < s->nin; k++) TRY(fill_input(b, s->in[k]));
    TRY(program_run(b->program, step, step + 1, 0));
    TRY(program_finish(b->program));
    for (int k = 0; k < s->nout; k++) TRY(read_value(b, s->out[k], &out[k]));
    return OK;
}

/* The corners, then elements spread over the whole tensor. */
static size_t sample_index(size_t i, size_t n, size_t columns) {
    size_t corners[] = {0, columns - 1, n - columns, n - 1};
    return i < 4 ? corners[i] : (size_t)((i * 2654435761u) % n);
}

/* All elements of a small output (a bias gradient), samples of a large one. */
static bool samples_right(const struct cpu_run *run, const struct step *s, int output,
                          const float *out) {
    const struct shape *shape = &run->plan->values[s->out[output]].shape;
    size_t n = shape_elements(shape), columns = (size_t)shape_features(shape);
    for (size_t i = 0; i < n && i < SAMPLES; i++) {
        size_t at = n <= SAMPLES ? i : sample_index(i, n, columns);
        if ((real)out[at] != step_sample_cpu(run, s, output, at)) return false;
    }
    return true;
}

/* The whole step on the reference. */
static enum err whole_right(const struct cpu_run *run, void **data, const struct step *s,
                            void *const out[STEP_OUT], bool *right) {
    for (int k = 0; k < s->nout; k++) {
        data[s->out[k]] = malloc(value_bytes(&run->plan->values[s->out[k]]));
        if (!data[s->out[k]]) return err_memory("checking a kernel");
    }
    step_run_cpu(run, s);
    for (int k = 0; k < s->nout; k++)
        *right =
            *right && !memcmp(data[s->out[k]], out[k], value_bytes(&run->plan->values[s->out[k]]));
    return OK;
}

enum err tune_bench_check(struct tune_bench *b, int step, void *const out[STEP_OUT], bool *right) {
    const struct step *s = &b->plan->steps[step];
    void **data = calloc((size_t)b->plan->nvalues, sizeof *data);
    if (!data) return err_memory("checking a kernel");
    enum err rc = OK;
    for (int k = 0; k < s->nin && !rc; k++)
        if (!data[s->in[k]]) rc = read_value(b, s->in[k], &data[s->in[k]]);
    const struct cpu_run run = {.plan = b->plan, .data = data, .control = b->control};
    struct cost cost = {0};
    s->op->cost(b->plan, s, &cost);
    *right = !rc;
    for (int k = 0; k < s->nout && *right; k++) *right = samples_right(&run, s, k, out[k]);
    if (*right && cost.flops <= SMALL_FLOPS) rc = whole_right(&run, data, s, out, right);
    for (int v = 0; v < b->plan->nvalues; v++) free(data[v]);
    free(data);
    return rc;
}

enum err tune_bench_time(struct tune_bench *b, int step, double *seconds) {
    double *all = calloc((size_t)b->plan->nsteps, sizeof *all), total = 0;
    if (!all) return err_memory("timing a kernel");
    enum err rc = OK;
    *seconds = 1e30;
    for (int i = 0; i < RUNS && total < ENOUGH && !rc; i++) {
        rc = program_profile(b->program, step, step + 1, 0, all);
        if (i && all[step] < *seconds) *seconds = all[step]; /* the first run warms up */
        total += all[step];
    }
    if (*seconds > 1e29) *seconds = all[step];
    free(all);
    return rc;
}
