/* Fusion, one rule: a producer absorbs the pointwise step that follows it when nothing else reads
 * the value between them, backward steps included. The value then never exists in memory. */
#include "plan/passes.h"
#include <assert.h>

/* relu(x) becomes pointwise(x) with the stage relu. */
static void wrap(struct step *s, const struct op *pointwise) {
    if (!s->op->point) return;
    assert(s->nin <= 2);
    s->stage[0] = (struct stage){.op = s->op,
                                 .attr = s->attr,
                                 .extra = s->nin > 1 ? 1 : -1,
                                 .draw = s->draw,
                                 .line = s->line};
    s->nstages = 1;
    s->op = pointwise;
}

/* The second operands must exist before the producer runs. */
static bool operands_ready(const struct plan *p, const struct step *s, int producer) {
    for (int k = 1; k < s->nin; k++)
        if (plan_writer(p, s->in[k]) >= producer) return false;
    return true;
}

static bool same_repeat(const struct plan *p, int a, int b) {
    for (int r = 0; r < p->nrepeats; r++) {
        const struct repeat *range = &p->repeats[r];
        bool holds_a = a >= range->first && a < range->last;
        bool holds_b = b >= range->first && b < range->last;
        if (holds_a != holds_b) return false;
    }
    return true;
}

/* A step that runs once takes over none of a pass: it would have to run in every one. */
static bool same_pass(const struct plan *p, int a, int b) {
    return (a < p->pass) == (b < p->pass);
}

/* The step that may take over step i, -1: none. */
static int absorber(const struct plan *p, int i) {
    const struct step *s = &p->steps[i];
    const struct value *between = &p->values[s->in[0]];
    int w = plan_writer(p, s->in[0]);
    if (w < 0 || between->role != ROLE_ACTIVATION || between->slabs) return -1;
    const struct step *producer = &p->steps[w];
    if (!producer->op->producer || producer->out[0] != s->in[0]) return -1;
    if (!shape_equal(&between->shape, &p->values[s->out[0]].shape)) return -1;
    if (plan_readers(p, s->in[0]) != 1 || !operands_ready(p, s, w) || !same_repeat(p, w, i) ||
        !same_pass(p, w, i))
        return -1;
    if (producer->nstages + s->nstages > STEP_STAGES) return -1;
    if (producer->nin + s->nin - 1 > STEP_IN) return -1;
    return w;
}

static void absorb(struct plan *p, int w, const struct step *s) {
    struct step *producer = &p->steps[w];
    int shift = producer->nin - 1; /* s.in[k], k >= 1, lands at k + shift */
    for (int k = 1; k < s->nin; k++) producer->in[producer->nin++] = s->in[k];
    for (int k = 0; k < s->nstages; k++) {
        struct stage stage = s->stage[k];
        if (stage.extra >= 0) stage.extra += shift;
        producer->stage[producer->nstages++] = stage;
    }
    p->values[s->in[0]].buffer = -1;
    producer->out[0] = s->out[0];
}

void fuse_steps(struct plan *p, const struct op *pointwise) {
    for (int i = 0; i < p->nsteps; i++) wrap(&p->steps[i], pointwise);
    if (p->options.no_fuse) return;
    for (int i = 0; i < p->nsteps; i++) {
        if (p->steps[i].op != pointwise) continue;
        int w = absorber(p, i);
        if (w < 0) continue;
        struct step taken = p->steps[i];
        absorb(p, w, &taken);
        plan_step_drop(p, i--);
    }
}
