/* What activations share. */
#include "ops/activation.h"
#include <string.h>

void activation_grad(struct plan *p, int i, const struct op *grad, enum activation_reads reads) {
    struct step s = p->steps[i];
    int kept = reads == READS_INPUT ? s.in[0] : s.out[0];
    int dx = plan_point(p, grad, s.attr, s.name, s.line, -1, plan_grad_of(p, s.out[0]), kept);
    plan_grad_give(p, s.in[0], dx);
}

void activation_words(float parameter, uint32_t out[STAGE_WORDS]) {
    memcpy(&out[0], &parameter, sizeof parameter);
}
