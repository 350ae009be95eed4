#include "train/observe.h"
#include "plan/control.h"

/* Between 0 and 1, where no gradient of an activation is 0 (that of tanh is, at an output of 1),
 * and not 0, so that a sum shows what nothing else reaches. */
#define OPERAND 0.5f

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
    if (is_operand(s, k)) return fill(data, n, OPERAND);
    if (!weights) return fill(data, n, 1);
    int rank = param_rank(plan, s, k);
    if (rank == 1) return fill(data, n, 1);
    if (rank > 1) return fill(data, n, bias ? 0 : 1);
    if (bias) return false;
    return windows ? fill(data, n, 1) : fill_first(&v->shape, data);
}

/* Stage k over the outputs y of a sample; a mask by its decisions and CONTROL's scale. */
static void finish(const struct cpu_run *run, const struct step *s, int k, uint32_t sample, real *y,
                   uint8_t *kept) {
    const struct stage *stage = &s->stage[k];
    size_t n = (size_t)shape_features(&run->plan->values[s->out[0]].shape);
    if (stage->op->mask) {
        const int word = CONTROL_LAYERS + CONTROL_LAYER * stage->draw + LAYER_SCALE;
        real scale = (real)control_float(run->control, word);
        stage->op->mask(run, stage->draw, sample, kept);
        for (size_t e = 0; e < n; e++) y[e] = kept[e] ? y[e] * scale : 0;
        return;
    }
    const real *extra = stage->extra >= 0 ? run->data[s->in[stage->extra]] : NULL;
    struct point at = {.run = run, .attr = stage->attr, .draw = stage->draw, .sample = sample};
    for (size_t e = 0; e < n; e++) {
        at.element = (uint32_t)e;
        y[e] = stage->op->point(&at, y[e], extra ? extra[sample * n + e] : 0);
    }
}

void observe_expect(const struct cpu_run *run, const struct step *s, uint8_t *kept) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    real *y = run->data[s->out[0]];
    s->op->cpu(run, s);
    for (uint32_t sample = 0; sample < (uint32_t)shape->dim[0];
         sample++, y += shape_features(shape))
        for (int k = 0; k < s->nstages; k++) finish(run, s, k, sample, y, kept);
}
