/* The rules every plan keeps, checked after the last pass. A broken one is a bug of an operation or
 * of a pass; the sentence names the step. */
#include "base/arena.h"
#include "plan/passes.h"

/* Owned outside the steps: written before the plan runs. */
static bool given(const struct value *v) {
    return v->role == ROLE_DATA || v->role == ROLE_CONTROL || v->role == ROLE_PARAM ||
           v->role == ROLE_STATE || v->role == ROLE_METRIC;
}

static enum err broken(const struct plan *p, int step, int value, const char *rule) {
    const struct step *s = &p->steps[step];
    return err_set(ERR_SYSTEM, "plan step %d (%s %s): %s: %s", step, s->op->name, s->name,
                   p->values[value].name, rule);
}

static enum err check_values(const struct plan *p, int i, const bool *written) {
    const struct step *s = &p->steps[i];
    for (int k = 0; k < s->nin; k++) {
        const struct value *in = &p->values[s->in[k]];
        if (in->buffer < 0) return broken(p, i, s->in[k], "is read but fused away");
        if (!given(in) && in->role != ROLE_GRAD && !written[s->in[k]])
            return broken(p, i, s->in[k], "is read before it is written");
        for (int o = 0; o < s->nout; o++)
            if (in->role == ROLE_ACTIVATION && p->values[s->out[o]].buffer == in->buffer)
                return broken(p, i, s->in[k], "shares its slot with an output of the step");
    }
    for (int k = 0; k < s->nout; k++)
        if (p->values[s->out[k]].buffer < 0)
            return broken(p, i, s->out[k], "is written but fused away");
    return OK;
}

static enum err check_stages(const struct plan *p, int i) {
    const struct step *s = &p->steps[i];
    if (s->op->point) return broken(p, i, s->out[0], "is an unwrapped pointwise step");
    for (int k = 0; k < s->nstages; k++) {
        int extra = s->stage[k].extra;
        if (extra >= s->nin) return broken(p, i, s->out[0], "has a stage without its operand");
        if (extra >= 0 && !shape_equal(&p->values[s->in[extra]].shape, &p->values[s->out[0]].shape))
            return broken(p, i, s->in[extra], "has not the shape of the stage it enters");
    }
    return OK;
}

static bool overlap(const struct value *a, const struct value *b) {
    return a->first >= 0 && b->first >= 0 && a->first <= b->last && b->first <= a->last;
}

static enum err check_slots(const struct plan *p) {
    for (int a = 0; a < p->nvalues; a++)
        for (int b = 0; b < a; b++) {
            const struct value *x = &p->values[a], *y = &p->values[b];
            if (x->role != ROLE_ACTIVATION || x->buffer < 0 || x->buffer != y->buffer) continue;
            if (overlap(x, y)) return broken(p, x->first, a, "shares a slot with a live value");
            if (value_bytes(x) > p->slot_bytes[x->buffer - BUFFER_EXTERNAL])
                return broken(p, x->first, a, "is larger than its slot");
        }
    return OK;
}

/* In training every parameter's gradient has exactly one writer before the update. */
static enum err check_gradients(const struct plan *p) {
    if (p->options.mode != PLAN_TRAIN) return OK;
    for (int i = 0; i < p->nparams; i++) {
        if (p->params[i].running) continue;
        int grad = p->values[p->params[i].value].grad, writers = 0;
        for (int s = 0; s < p->combine; s++)
            for (int k = 0; k < p->steps[s].nout; k++) writers += p->steps[s].out[k] == grad;
        if (writers != 1) return broken(p, p->update, grad, "needs exactly one writer");
    }
    return OK;
}

static enum err check_repeats(const struct plan *p) {
    for (int r = 0; r < p->nrepeats; r++) {
        const struct repeat *a = &p->repeats[r];
        bool sane = a->first >= 0 && a->first < a->last && a->last <= p->nsteps && a->count > 0;
        for (int k = 0; k < r; k++)
            sane = sane && (a->last <= p->repeats[k].first || p->repeats[k].last <= a->first);
        if (!sane)
            return err_set(ERR_SYSTEM, "plan: repeat range %d is empty, outside or overlaps", r);
    }
    return OK;
}

enum err verify_plan(const struct plan *p) {
    struct arena *scratch = arena_new();
    bool *written = scratch ? arena_alloc(scratch, (size_t)p->nvalues + 1) : NULL;
    enum err rc = written ? OK : err_memory("checking the plan");
    for (int i = 0; i < p->nsteps && !rc; i++) {
        rc = check_values(p, i, written);
        if (!rc) rc = check_stages(p, i);
        for (int k = 0; k < p->steps[i].nout; k++) written[p->steps[i].out[k]] = true;
    }
    arena_free(scratch);
    if (!rc) rc = check_slots(p);
    if (!rc) rc = check_gradients(p);
    return rc ? rc : check_repeats(p);
}
