/* The gradient pass: walks the forward steps from last to first and lets each operation append its
 * own backward steps. A value read by several steps gets the sum of their gradients, by explicit
 * steps. */
#include "plan/passes.h"

int plan_grad_of(const struct plan *p, int value) {
    return p->values[value].grad;
}

bool plan_needs_grad(const struct plan *p, int value) {
    return p->values[value].needs_grad;
}

void plan_grad_give(struct plan *p, int value, int gradient) {
    struct value *v = &p->values[value];
    if (v->grad < 0) {
        v->grad = gradient;
        return;
    }
    /* The newer one first: its producer can take the sum over, the other one is ready. */
    int sum =
        plan_point(p, p->add, NULL, v->name, p->steps[p->nsteps - 1].line, -1, gradient, v->grad);
    p->values[value].grad = sum; /* values may have moved */
}

void grad_build(struct plan *p) {
    for (int i = p->backward - 1; i >= 0; i--) {
        const struct step *s = &p->steps[i];
        if (!s->op->grad || !s->nout || !p->values[s->out[0]].needs_grad) continue;
        if (p->values[s->out[0]].grad >= 0) s->op->grad(p, i);
    }
}
