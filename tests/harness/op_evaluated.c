#include "harness/op_evaluated.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = OP_EVALUATED_WIDE, UNITS = OP_EVALUATED_UNITS, ROWS = OP_EVALUATED_ROWS };
enum { OUTPUTS = OP_EVALUATED_OUTPUTS };

static void find_moments(const float *x, const float *w, const float *b, double rate,
                         struct op_evaluated *out) {
    double t8 = rint(rate * 256);
    for (int k = 0; k < OUTPUTS; k++) {
        int o = k % UNITS;
        double mu = (double)b[o], squares = mu * mu;
        for (int i = 0; i < WIDE; i++) {
            double product = (double)x[k / UNITS * WIDE + i] * (double)w[i * UNITS + o];
            mu += product;
            squares += product * product;
        }
        out->mu[k] = mu;
        out->s[k] = sqrt(squares * t8 / (256 - t8));
    }
}

static void fill(struct op_machine *m, const struct step *s, const float *w) {
    float ones[ROWS * WIDE];
    for (int i = 0; i < ROWS * WIDE; i++) ones[i] = 1;
    op_machine_put(m, s->in[0], ones);
    op_machine_put(m, s->in[1], w);
    op_machine_put(m, s->in[2], w);
}

static void run_step(struct op_machine *m, int step, const struct op_evaluation *l,
                     struct op_evaluated *run) {
    const struct step *s = &m->world->plan->steps[step];
    op_machine_run(m, 0, step, 0);
    if (l->w) fill(m, s, l->w);
    op_machine_run(m, step, step + 1, 0);
    float *x = op_machine_value(m, s->in[0]), *w = op_machine_value(m, s->in[1]);
    float *b = op_machine_value(m, s->in[2]), *y = op_machine_value(m, s->out[0]);
    find_moments(x, w, b, l->rate, run);
    memcpy(run->y, y, sizeof run->y);
    free(x);
    free(w);
    free(b);
    free(y);
}

struct op_evaluated op_evaluate(const struct op_target *target, const struct op_evaluation *l) {
    char layers[256];
    snprintf(layers, sizeof layers,
             "[{dense: {units: %d}}, {dropconnect: {units: %d, rate: %g, activation: %s, "
             "inference: %s}}, {dense: {units: 2}}]",
             WIDE, UNITS, l->rate, l->activation, l->inference);
    struct op_case row = {
        .name = l->inference, .input = "7", .layers = layers, .batch = ROWS, .mode = PLAN_EVAL};
    struct op_world world;
    struct op_machine m;
    struct op_evaluated run = {.bytes = 0};
    op_frame_use(true);
    op_world_open(&world, &row);
    for (int i = 0; i < world.plan->nslots; i++) run.bytes += world.plan->slot_bytes[i];
    op_world_guard(&world);
    op_machine_open(&m, &world, target);
    run_step(&m, op_world_step(&world, l->op, op_world_step(&world, "dense", 0) + 1), l, &run);
    op_machine_close(&m);
    op_world_close(&world);
    return run;
}

double op_expectation(double (*f)(double), double mu, double s) {
    enum { PARTS = 4000 };
    double sum = 0, h = 18.0 / PARTS;
    for (int k = 0; k <= PARTS; k++) {
        double z = -9 + h * k, weight = k == 0 || k == PARTS ? 1 : k % 2 ? 4 : 2;
        sum += weight * f(mu + s * z) * exp(-z * z / 2);
    }
    return sum * h / 3 / sqrt(2 * 3.14159265358979323846);
}
