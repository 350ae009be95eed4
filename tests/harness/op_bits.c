/* The float build's question: do OpenCL devices give the reference's bits, and touch nothing else?
 */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

/* What an interpreter gets through in seconds. */
static const double SLOW_FLOPS = 2e6;

static bool stored(const struct plan *p, int value) {
    return p->values[value].buffer >= 0 &&
           (p->values[value].first >= 0 || p->values[value].role != ROLE_ACTIVATION);
}

static void copy_value(struct op_machine *from, struct op_machine *to, int value) {
    void *data = op_machine_value(from, value);
    op_machine_put(to, value, data);
    free(data);
}

static bool same_value(struct op_machine *a, struct op_machine *b, int value) {
    void *x = op_machine_value(a, value), *y = op_machine_value(b, value);
    bool same = !memcmp(x, y, value_bytes(&a->world->plan->values[value]));
    free(x);
    free(y);
    return same;
}

/* The outputs are copied over too: an operation may update in place, or write a part. */
static bool same_step(struct op_machine *a, struct op_machine *b, int step, uint32_t cursor) {
    const struct step *s = &a->world->plan->steps[step];
    for (int k = 0; k < s->nin; k++) copy_value(a, b, s->in[k]);
    for (int k = 0; k < s->nout; k++) copy_value(a, b, s->out[k]);
    op_machine_run(a, step, step + 1, cursor);
    if (op_frame_has(s) && b->reference) return true; /* would be the reference again */
    op_machine_run(b, step, step + 1, cursor);
    for (int k = 0; k < s->nout; k++)
        if (!same_value(a, b, s->out[k])) return false;
    return true;
}

int op_bits_first_difference(struct op_machine *a, struct op_machine *b) {
    const struct plan *p = a->world->plan;
    op_machine_load(a);
    op_machine_load(b);
    for (uint32_t r = 0; r < (uint32_t)p->options.control_rows; r++)
        for (int i = 0; i < p->nsteps; i++)
            if (!same_step(a, b, i, r)) return i;
    return -1;
}

/* Everything that is left after a whole run, guards included. */
static void demand_same_values(struct op_machine *a, struct op_machine *b, const char *what) {
    const struct plan *p = a->world->plan;
    for (int v = 0; v < p->nvalues; v++) {
        if (!stored(p, v) || same_value(a, b, v)) continue;
        bool guard = v >= p->nvalues - a->world->guards;
        ck_abort_msg("%s: %s, family %s, way %d: %s %s %s", a->world->row->name,
                     b->target.info.name, b->target.family, b->target.way, what,
                     guard ? "wrote beyond the ends of" : "differs in", p->values[v].name);
    }
}

/* The lengths of flat buffers are multiples of 256; what lies between the tensors is nobody's. */
static void demand_untouched_padding(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    if (!m->buffer[BUFFER_GRAD]) return;
    float *gradients = op_machine_buffer(m, BUFFER_GRAD);
    const float *before = m->world->content[BUFFER_GRAD];
    for (int i = 0; i < p->nparams; i++) {
        if (p->params[i].running) continue;
        const struct value *v = &p->values[p->params[i].value];
        size_t n = shape_elements(&v->shape);
        memcpy(gradients + v->offset, before + v->offset, n * sizeof *before);
    }
    ck_assert_msg(!memcmp(gradients, before, p->buffer_bytes[BUFFER_GRAD]),
                  "%s: %s wrote between the gradients", m->world->row->name, m->target.info.name);
    free(gradients);
}

static void check_in_lock_step(struct op_machine *reference, struct op_machine *device) {
    const struct plan *p = reference->world->plan;
    int step = op_bits_first_difference(reference, device);
    if (step >= 0)
        ck_abort_msg("%s: %s, family %s: step %d, %s of %s, differs from the reference",
                     reference->world->row->name, device->target.info.name, device->target.family,
                     step, p->steps[step].op->name, p->steps[step].name);
}

static void check_whole(struct op_machine *reference, struct op_machine *device) {
    op_machine_load(reference);
    op_machine_run_all(reference);
    for (int time = 0; time < 2; time++) { /* the same bits twice */
        op_machine_load(device);
        op_machine_run_all(device);
        demand_same_values(reference, device, time ? "the second run" : "the run");
    }
    demand_untouched_padding(device);
}

static void check_target(const struct op_case *row, const struct op_target *target, bool guarded) {
    struct op_world world;
    struct op_machine reference, device;
    struct op_target cpu = op_reference();
    op_world_open(&world, row);
    if (guarded) op_world_guard(&world);
    if (!(target->slow && op_world_flops(&world) > SLOW_FLOPS)) {
        op_machine_open(&reference, &world, &cpu);
        op_machine_open(&device, &world, target);
        if (guarded) {
            check_whole(&reference, &device);
        } else {
            check_in_lock_step(&reference, &device);
        }
        op_machine_close(&device);
        op_machine_close(&reference);
    }
    op_world_close(&world);
}

static void check_all_ways(const struct op_case *row, const struct op_target *target) {
    struct op_world world;
    op_world_open(&world, row);
    int ways = op_target_ways(&world, target);
    op_world_close(&world);
    for (int way = 0; way < ways; way++) {
        struct op_target one = *target;
        one.way = way;
        check_target(row, &one, true);
    }
}

void op_bits_check(const struct op_case *row) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        if (row->family && strcmp(row->family, targets[t].family)) continue;
        targets[t].way = row->way - 1;
        check_target(row, &targets[t], false); /* real slots, shared */
        check_target(row, &targets[t], true);
        bool cpu = !strcmp(targets[t].family, "cpu");
        if (row->all_ways || (cpu ? row->cpu_ways : row->gpu_ways))
            check_all_ways(row, &targets[t]);
    }
}
