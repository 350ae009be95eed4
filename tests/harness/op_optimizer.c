#include "harness/op_optimizer.h"
#include "control_words.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Six roundings a step, each 2^-24 of the largest term in it, carried along by momentum over a few
 * steps; 2e-6 of the weight and of what the steps moved it is several times that. */
static const double TOLERANCE = 2e-6;

static void load_gradient(struct op_machine *m, int step, float *gradient) {
    for (size_t i = 0; i < m->world->plan->flat; i++)
        gradient[i] = (float)op_random_real(200 + (uint32_t)step, (uint32_t)i);
    op_machine_put(m, m->world->plan->flat_grad, gradient);
}

static void start(struct op_machine *m, struct op_weight *weight) {
    const struct plan *p = m->world->plan;
    const float *w = m->world->content[BUFFER_PARAM], *state = m->world->content[BUFFER_STATE];
    for (size_t i = 0; i < p->flat; i++) {
        weight[i] = (struct op_weight){.w = (double)w[i]};
        for (int k = 0; k < p->state_tensors; k++)
            weight[i].state[k] = (double)state[(size_t)k * p->flat + i];
    }
    for (int i = 0; i < p->nparams; i++) {
        const struct value *v = &p->values[p->params[i].value];
        bool bias = strstr(v->name, ".bias") != NULL;
        for (size_t k = 0; k < shape_elements(&v->shape); k++) weight[v->offset + k].decays = !bias;
    }
}

/* Only the tensors: what is between them may become anything. */
static void compare(struct op_machine *m, const struct op_weight *weight, const double *moved,
                    int step) {
    const struct plan *p = m->world->plan;
    float *w = op_machine_buffer(m, BUFFER_PARAM);
    for (int i = 0; i < p->nparams; i++) {
        const struct value *v = &p->values[p->params[i].value];
        for (size_t k = v->offset; k < v->offset + shape_elements(&v->shape); k++) {
            double bound = TOLERANCE * (fabs(weight[k].w) + moved[k]);
            if (!(fabs((double)w[k] - weight[k].w) <= bound))
                ck_abort_msg("%s, step %d: %s[%zu] is %.9g, want %.9g", m->world->row->train, step,
                             v->name, k - v->offset, (double)w[k], weight[k].w);
        }
    }
    free(w);
}

static void follow(struct op_machine *m, const struct op_optimizer_case *c) {
    const struct plan *p = m->world->plan;
    struct op_weight *weight = calloc(p->flat, sizeof *weight);
    double *moved = calloc(p->flat, sizeof *moved);
    float *gradient = calloc(p->flat, sizeof *gradient);
    ck_assert(weight && moved && gradient);
    start(m, weight);
    for (int s = 0; s < c->steps; s++) {
        load_gradient(m, s, gradient);
        op_machine_run(m, p->update, p->nsteps, (uint32_t)s);
        for (size_t i = 0; i < p->flat; i++) {
            double before = weight[i].w;
            c->step(&weight[i], (double)gradient[i], s);
            moved[i] += fabs(weight[i].w - before);
        }
        compare(m, weight, moved, s);
    }
    free(weight);
    free(moved);
    free(gradient);
}

static void stand_still(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    op_machine_load(m);
    uint32_t *metric = op_machine_buffer(m, BUFFER_METRIC);
    metric[METRIC_LATCH] = 1;
    op_machine_put(m, p->metric, metric);
    op_machine_run(m, p->update, p->nsteps, 0);
    void *w = op_machine_buffer(m, BUFFER_PARAM), *state = op_machine_buffer(m, BUFFER_STATE);
    ck_assert(!memcmp(w, m->world->content[BUFFER_PARAM], p->buffer_bytes[BUFFER_PARAM]));
    ck_assert(!memcmp(state, m->world->content[BUFFER_STATE], p->buffer_bytes[BUFFER_STATE]));
    free(metric);
    free(w);
    free(state);
}

static void check(const struct op_optimizer_case *c, const struct op_target *target,
                  bool from_zero) {
    /* 19 x 17 weights: two and a half times the padding unit, so that the padding matters */
    struct op_case row = {.name = "optimizer",
                          .input = "19",
                          .layers = "[{dense: {units: 17}}, {dense: {units: 3}}]",
                          .train = c->train,
                          .batch = 2,
                          .steps = c->steps};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    if (from_zero) memset(world.content[BUFFER_STATE], 0, world.plan->buffer_bytes[BUFFER_STATE]);
    op_machine_open(&m, &world, target);
    follow(&m, c);
    stand_still(&m);
    op_machine_close(&m);
    op_world_close(&world);
}

void op_optimizer_check(const struct op_optimizer_case *c) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    for (int zero = 0; zero < 2; zero++) {
        check(c, &cpu, zero);
        for (int t = 0; t < n; t++) check(c, &targets[t], zero);
    }
}
