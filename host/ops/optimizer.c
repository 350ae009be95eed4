/* What the optimizers share. */
#include "ops/optimizer.h"

void optimizer_build(struct plan *p, const struct op *op, const void *attr) {
    int s = plan_step_new(p, op, attr, "update", p->recipe->train.optimizer.line);
    int in[] = {p->flat_param, p->flat_grad, p->flat_state, p->metric};
    for (int i = 0; i < 4; i++) plan_in(p, s, in[i]);
    plan_out(p, s, p->flat_param);
    plan_out(p, s, p->flat_state);
}

void optimizer_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                      const char *file, struct launch_list *list) {
    struct launch *l = launch_new(list, file, file);
    size_t n = p->flat / lanes(caps); /* tensors are 256-float aligned */
    launch_define(l, "-DROW=%d -DFLAT=%zu -DDECAYED=%zu", control_row_words(p), p->flat,
                  p->decayed);
    for (int i = 0; i < 4; i++) launch_value(l, s->in[i]);
    launch_value(l, p->control);
    launch_cursor(l);
    sizes_shares(l, caps, n);
}

bool optimizer_stopped(const struct cpu_run *run, const struct step *s) {
    const uint32_t *metric = run->data[s->in[3]];
    return metric[METRIC_LATCH] != 0;
}

real optimizer_word(const struct cpu_run *run, int word) {
    return (real)control_float(run->control, CONTROL_OPTIMIZER + word);
}
