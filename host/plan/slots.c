/* Slots: activations whose lifetimes do not overlap share a buffer. Greedy over the values in the
 * order they are first written; best fit among the free slots. A slot is free for a step only when
 * its last user is an earlier step, so that no step reads and writes one slot. */
#include "base/arena.h"
#include "plan/passes.h"

/* Lifetimes from the step list as it is after fusion. */
static void lifetimes(struct plan *p) {
    for (int v = 0; v < p->nvalues; v++) p->values[v].first = p->values[v].last = -1;
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        for (int k = 0; k < s->nout; k++) {
            struct value *v = &p->values[s->out[k]];
            if (v->first < 0) v->first = i;
            v->last = i;
        }
        for (int k = 0; k < s->nin; k++) p->values[s->in[k]].last = i;
    }
    if (p->options.mode != PLAN_TRAIN && p->logits >= 0) { /* read after the run */
        p->values[p->logits].last = p->nsteps;
        if (p->probabilities >= 0) p->values[p->probabilities].last = p->nsteps;
    }
}

/* What a repeat range touches must survive all its rounds. */
static void stretch_over_repeats(struct plan *p) {
    for (int r = 0; r < p->nrepeats; r++) {
        int first = p->repeats[r].first, last = p->repeats[r].last - 1;
        for (int v = 0; v < p->nvalues; v++) {
            struct value *value = &p->values[v];
            if (value->first < 0 || value->first > last || value->last < first) continue;
            if (value->first > first) value->first = first;
            if (value->last < last) value->last = last;
        }
    }
}

/* What runs once for all passes must be there in each of them. */
static void stretch_over_passes(struct plan *p) {
    for (int v = 0; v < p->nvalues; v++) {
        struct value *value = &p->values[v];
        if (value->first >= 0 && value->first < p->pass && value->last >= p->pass)
            value->last = p->nsteps;
    }
}

static int best_slot(const struct plan *p, const int *busy_until, const struct value *v,
                     size_t bytes) {
    int best = -1;
    for (int s = 0; s < p->nslots; s++) {
        if (busy_until[s] >= v->first) continue;
        if (best < 0) {
            best = s;
            continue;
        }
        bool fits = p->slot_bytes[s] >= bytes, best_fits = p->slot_bytes[best] >= bytes;
        bool smaller = p->slot_bytes[s] < p->slot_bytes[best];
        if (fits ? !best_fits || smaller : !best_fits && !smaller) best = s;
    }
    return best;
}

void slots_assign(struct plan *p) {
    lifetimes(p);
    stretch_over_repeats(p);
    stretch_over_passes(p);
    size_t table = (size_t)(p->nvalues + 1);
    int *busy_until = arena_alloc(p->arena, table * sizeof *busy_until);
    p->slot_bytes = arena_alloc(p->arena, table * sizeof *p->slot_bytes);
    if (!busy_until || !p->slot_bytes) {
        p->failed = true;
        return;
    }
    for (int step = 0; step < p->nsteps; step++)
        for (int i = 0; i < p->nvalues; i++) {
            struct value *v = &p->values[i];
            if (v->role != ROLE_ACTIVATION || v->first != step) continue;
            size_t bytes = value_bytes(v);
            int s = best_slot(p, busy_until, v, bytes);
            if (s < 0) s = p->nslots++;
            if (p->slot_bytes[s] < bytes) p->slot_bytes[s] = bytes;
            busy_until[s] = v->last;
            v->buffer = BUFFER_EXTERNAL + s;
            p->unshared_bytes += bytes;
        }
}
