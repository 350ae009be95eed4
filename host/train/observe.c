#include "train/observe.h"
#include <string.h>

bool observe_draws(const struct step *s) {
    for (int i = 0; i < s->nstages; i++)
        if (s->stage[i].op->mask) return true;
    return s->op->mask != NULL;
}

static int param_rank(const struct plan *plan, const struct step *s, int k) {
    const struct value *v = &plan->values[s->in[k]];
    return v->role == ROLE_PARAM ? v->shape.rank : 0;
}

static bool is_operand(const struct step *s, int k) {
    for (int i = 0; i < s->nstages; i++)
        if (s->stage[i].extra == k) return true;
    return false;
}

static bool fill(real *data, size_t n, real x) {
    for (size_t i = 0; i < n; i++) data[i] = x;
    return true;
}

static bool fill_first(const struct shape *shape, real *data) {
    size_t features = (size_t)shape_features(shape), n = shape_elements(shape);
    for (size_t i = 0; i < n; i++) data[i] = i % features == 0 ? 1 : 0;
    return true;
}

bool observe_input(const struct plan *plan, const struct step *s, int k, real *data) {
    const struct value *v = &plan->values[s->in[k]];
    size_t n = shape_elements(&v->shape);
    bool weights = false, windows = false, bias = false;
    for (int i = 0; i < s->nin; i++) {
        weights |= param_rank(plan, s, i) > 1;
        windows |= param_rank(plan, s, i) > 2;
        bias |= param_rank(plan, s, i) == 1;
    }
    if (v->dtype != DTYPE_F32 || (v->role != ROLE_PARAM && v->role != ROLE_ACTIVATION))
        return false;
    if (is_operand(s, k) || !weights) return fill(data, n, 1);
    int rank = param_rank(plan, s, k);
    if (rank == 1) return fill(data, n, 1);
    if (rank > 1) return fill(data, n, bias ? 0 : 1);
    if (bias) return false;
    return windows ? fill(data, n, 1) : fill_first(&v->shape, data);
}

static void keep_both(uint8_t *kept, const uint8_t *more, size_t n) {
    for (size_t i = 0; i < n; i++) kept[i] &= more[i];
}

void observe_kept(const struct plan *plan, const struct step *s, const uint32_t *row,
                  uint32_t sample, uint8_t *kept, uint8_t *spare) {
    const struct cpu_run run = {.plan = plan, .control = row};
    size_t n = (size_t)shape_features(&plan->values[s->out[0]].shape);
    memset(kept, 1, n);
    if (s->op->mask) s->op->mask(&run, s->draw, sample, kept);
    for (int i = 0; i < s->nstages; i++) {
        if (!s->stage[i].op->mask) continue;
        s->stage[i].op->mask(&run, s->stage[i].draw, sample, spare);
        keep_both(kept, spare, n);
    }
}
