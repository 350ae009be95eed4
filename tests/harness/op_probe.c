#include "harness/op_probe.h"
#include "control_words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void op_probe_open(struct op_probe *p, const struct op_target *target,
                   const struct op_probe_sizes *s) {
    static char layers[256];
    static struct op_case row;
    snprintf(layers, sizeof layers,
             "[{dense: {units: %d}}, {dropconnect: {units: %d, rate: %.17g}}, {dense: {units: 2}}]",
             s->in, s->out, s->rate);
    row = (struct op_case){.name = "probe",
                           .input = "2",
                           .layers = layers,
                           .batch = s->batch,
                           .steps = s->steps,
                           .seed = s->seed,
                           .no_fuse = true};
    *p = (struct op_probe){.in = s->in, .out = s->out, .batch = s->batch};
    op_frame_use(true);
    op_world_open(&p->world, &row);
    op_world_guard(&p->world);
    p->forward = op_world_step(&p->world, "dropconnect", 0);
    p->backward = op_world_step(&p->world, "dropconnect_grad", 0);
    if (s->forward_only) p->world.plan->nsteps = p->forward + 1; /* nothing behind it is built */
    op_machine_open(&p->m, &p->world, target);
    op_machine_load(&p->m);
}

void op_probe_close(struct op_probe *p) {
    op_machine_close(&p->m);
    op_world_close(&p->world);
}

const struct step *op_probe_step(const struct op_probe *p, int step) {
    return &p->world.plan->steps[step];
}

float op_probe_scale(const struct op_probe *p) {
    return control_float(p->world.content[BUFFER_CONTROL], CONTROL_LAYERS + LAYER_SCALE);
}

static void fill(float *data, size_t n, float x) {
    for (size_t i = 0; i < n; i++) data[i] = x;
}

void op_probe_fill(struct op_probe *p, int value, float x) {
    size_t n = shape_elements(&p->world.plan->values[value].shape);
    float *data = malloc(n * sizeof *data);
    ck_assert_ptr_nonnull(data);
    fill(data, n, x);
    op_machine_put(&p->m, value, data);
    free(data);
}

void op_probe_column(struct op_probe *p, int value, int at) {
    const struct shape *shape = &p->world.plan->values[value].shape;
    int features = shape_features(shape);
    float *data = calloc(shape_elements(shape), sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (int n = 0; n < shape->dim[0] && at >= 0; n++) data[n * features + at] = 1;
    op_machine_put(&p->m, value, data);
    free(data);
}

static uint8_t decision(const struct op_probe *p, float y) {
    ck_assert_msg(y == 0 || y == op_probe_scale(p), "a mask shows as %a, the scale is %a", y,
                  op_probe_scale(p));
    return y != 0;
}

/* kept[sample][(in + 1) out], the biases last: a row of W after the other is all that a sum sees.
 */
void op_probe_forward(struct op_probe *p, uint32_t cursor, uint8_t *kept) {
    const struct step *s = op_probe_step(p, p->forward);
    op_probe_fill(p, s->in[1], 1);
    for (int i = 0; i <= p->in; i++) {
        op_probe_column(p, s->in[0], i < p->in ? i : -1);
        op_probe_fill(p, s->in[2], i == p->in);
        op_machine_run(&p->m, p->forward, p->forward + 1, cursor);
        float *y = op_machine_value(&p->m, s->out[0]);
        for (int n = 0; n < p->batch; n++)
            for (int o = 0; o < p->out; o++)
                kept[(n * (p->in + 1) + i) * p->out + o] = decision(p, y[n * p->out + o]);
        free(y);
    }
}

void op_probe_dx(struct op_probe *p, uint32_t cursor, uint8_t *kept) {
    const struct step *s = op_probe_step(p, p->backward);
    op_probe_fill(p, s->in[0], 1);
    op_probe_fill(p, s->in[2], 1);
    for (int o = 0; o < p->out; o++) {
        op_probe_column(p, s->in[1], o);
        op_machine_run(&p->m, p->backward, p->backward + 1, cursor);
        float *dx = op_machine_value(&p->m, s->out[0]);
        for (int n = 0; n < p->batch; n++)
            for (int i = 0; i < p->in; i++)
                kept[(n * (p->in + 1) + i) * p->out + o] = decision(p, dx[n * p->in + i]);
        free(dx);
    }
}

void op_probe_dw(struct op_probe *p, uint32_t cursor, uint8_t *kept) {
    const struct step *s = op_probe_step(p, p->backward);
    float *dy = calloc((size_t)(p->batch * p->out), sizeof *dy);
    ck_assert_ptr_nonnull(dy);
    op_probe_fill(p, s->in[0], 1);
    for (int n = 0; n < p->batch; n++) {
        fill(dy, (size_t)(p->batch * p->out), 0);
        fill(dy + n * p->out, (size_t)p->out, 1);
        op_machine_put(&p->m, s->in[1], dy);
        op_machine_run(&p->m, p->backward, p->backward + 1, cursor);
        float *dw = op_machine_value(&p->m, s->out[1]), *db = op_machine_value(&p->m, s->out[2]);
        uint8_t *own = kept + n * (p->in + 1) * p->out;
        for (int k = 0; k < p->in * p->out; k++) own[k] = decision(p, dw[k]);
        for (int o = 0; o < p->out; o++) own[p->in * p->out + o] = decision(p, db[o]);
        free(dw);
        free(db);
    }
    free(dy);
}
