/* What layers and passes build plans with. Memory running out is remembered in plan.failed; until
 * plan_new reports it, the functions below keep working on the arrays as they are. */
#include "base/arena.h"
#include "plan/op.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *plan_alloc(struct plan *p, size_t bytes) {
    static _Thread_local char dummy[4096];
    void *memory = arena_alloc(p->arena, bytes);
    if (memory) return memory;
    p->failed = true;
    assert(bytes <= sizeof dummy);
    return dummy;
}

const char *plan_text(struct plan *p, const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const char *copy = arena_strdup(p->arena, line);
    if (!copy) p->failed = true;
    return copy ? copy : "";
}

void plan_fault(struct plan *p, int line, int column, const char *format, ...) {
    if (p->failed) return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    recipe_fault(p->recipe, line, column, "%s", text);
    p->failed = true;
    p->faulty = true;
}

/* One more element at the end of an array of the plan; index 0 is reused when memory ran out. */
static int grow(struct plan *p, void **array, int *count, size_t *capacity, size_t size) {
    void *moved = arena_grow(p->arena, *array, (size_t)*count, capacity, size);
    if (!moved) {
        p->failed = true;
        return 0;
    }
    *array = moved;
    memset((char *)moved + (size_t)*count * size, 0, size);
    return (*count)++;
}

int plan_value_new(struct plan *p, const char *name, const struct shape *shape, enum dtype dtype,
                   enum role role) {
    static const int home[] = {
        [ROLE_DATA] = -1,          [ROLE_CONTROL] = BUFFER_CONTROL, [ROLE_PARAM] = BUFFER_PARAM,
        [ROLE_GRAD] = BUFFER_GRAD, [ROLE_STATE] = BUFFER_STATE,     [ROLE_METRIC] = BUFFER_METRIC,
        [ROLE_ACTIVATION] = -1};
    int i = grow(p, (void **)&p->values, &p->nvalues, &p->value_capacity, sizeof *p->values);
    if (!p->values) return 0;
    p->values[i] = (struct value){.name = name,
                                  .shape = *shape,
                                  .dtype = dtype,
                                  .role = role,
                                  .first = -1,
                                  .last = -1,
                                  .buffer = home[role],
                                  .grad = -1,
                                  .positive = -1,
                                  .needs_grad = role == ROLE_PARAM};
    return i;
}

int plan_param_new(struct plan *p, const char *layer, const char *suffix, const struct shape *shape,
                   const struct param *law) {
    int i = grow(p, (void **)&p->params, &p->nparams, &p->param_capacity, sizeof *p->params);
    if (!p->params) return 0;
    int value =
        plan_value_new(p, plan_text(p, "%s.%s", layer, suffix), shape, DTYPE_F32, ROLE_PARAM);
    p->params[i] = *law;
    p->params[i].value = value;
    if (p->penalty && law->decay) {
        p->params[p->penalty - 1].penalised = value;
        p->penalty = 0;
    }
    if (p->options.mode == PLAN_TRAIN) {
        int grad = plan_value_new(p, plan_text(p, "%s.%s.grad", layer, suffix), shape, DTYPE_F32,
                                  ROLE_GRAD);
        p->values[value].grad = grad;
    }
    return value;
}

int plan_running_new(struct plan *p, const char *layer, const char *suffix,
                     const struct shape *shape, int law) {
    int i = grow(p, (void **)&p->params, &p->nparams, &p->param_capacity, sizeof *p->params);
    if (!p->params) return 0;
    int value =
        plan_value_new(p, plan_text(p, "%s.%s", layer, suffix), shape, DTYPE_F32, ROLE_STATE);
    if (p->values) p->values[value].buffer = BUFFER_PARAM;
    p->params[i] = (struct param){.value = value, .law = law, .running = true};
    return value;
}

int plan_step_new(struct plan *p, const struct op *op, const void *attr, const char *name,
                  int line) {
    int i = grow(p, (void **)&p->steps, &p->nsteps, &p->step_capacity, sizeof *p->steps);
    if (!p->steps) {
        static _Thread_local struct step spare;
        spare = (struct step){0};
        p->steps = &spare; /* never run: plan_new fails */
        p->step_capacity = 1;
    }
    p->steps[i] = (struct step){.op = op, .attr = attr, .name = name, .line = line, .draw = -1};
    return i;
}

void plan_in(struct plan *p, int step, int value) {
    struct step *s = &p->steps[step];
    assert(s->nin < STEP_IN);
    s->in[s->nin++] = value;
    struct value *v = &p->values[value];
    if (v->last < step) v->last = step;
}

void plan_out(struct plan *p, int step, int value) {
    struct step *s = &p->steps[step];
    assert(s->nout < STEP_OUT);
    s->out[s->nout++] = value;
    struct value *v = &p->values[value];
    if (v->first < 0) v->first = step;
    if (v->last < step) v->last = step;
    for (int i = 0; i < s->nin; i++)
        if (p->values[s->in[i]].needs_grad) v->needs_grad = true;
}

int plan_point(struct plan *p, const struct op *op, const void *attr, const char *name, int line,
               int draw, int in, int extra) {
    int s = plan_step_new(p, op, attr, name, line);
    p->steps[s].draw = draw;
    plan_in(p, s, in);
    if (extra >= 0) plan_in(p, s, extra);
    struct shape shape = p->values[in].shape;
    int out = plan_value_new(p, plan_text(p, "%s.%s", name, op->name), &shape, DTYPE_F32,
                             ROLE_ACTIVATION);
    plan_out(p, s, out);
    return out;
}

void plan_draw(struct plan *p, const struct layer *layer, int in) {
    if (p->draws)
        p->draws[layer->draw] = (struct draw){.layer = layer, .shape = p->values[in].shape};
}

void plan_mask(struct plan *p, const struct layer *layer, size_t bytes) {
    if (p->draws) p->draws[layer->draw].mask_bytes = bytes;
    p->mask_bytes_saved += bytes;
}

void plan_step_drop(struct plan *p, int i) {
    memmove(p->steps + i, p->steps + i + 1, (size_t)(p->nsteps - i - 1) * sizeof *p->steps);
    p->nsteps--;
    int *borders[] = {&p->pass, &p->backward, &p->combine, &p->update};
    for (int k = 0; k < 4; k++)
        if (*borders[k] > i) --*borders[k];
    for (int r = 0; r < p->nrepeats; r++) {
        if (p->repeats[r].first > i) p->repeats[r].first--;
        if (p->repeats[r].last > i) p->repeats[r].last--;
    }
}

int plan_readers(const struct plan *p, int value) {
    int n = 0;
    for (int i = 0; i < p->nsteps; i++)
        for (int k = 0; k < p->steps[i].nin; k++) n += p->steps[i].in[k] == value;
    return n;
}

int plan_writer(const struct plan *p, int value) {
    for (int i = p->nsteps - 1; i >= 0; i--)
        for (int k = 0; k < p->steps[i].nout; k++)
            if (p->steps[i].out[k] == value) return i;
    return -1;
}
