#include "train/observe.h"
#include "plan/control.h"

/* Between 0 and 1, where no gradient of an activation is 0 (that of tanh is, at an output of 1),
 * and not 0, so that a sum shows what nothing else reaches. */
#define OPERAND 0.5f

bool observe_draws(const struct step *s) {
    for (int i = 0; i < s->nstages; i++)
        if (s->stage[i].op->mask) return true;
    return s->op->mask || s->op->reveal;
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

bool observe_input(const struct cpu_run *run, const struct step *s, int k, real *data) {
    const struct plan *plan = run->plan;
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
    if (s->op->reveal) return s->op->reveal(run, s, k, data);
    if (!weights) return fill(data, n, 1);
    int rank = param_rank(plan, s, k);
    if (rank == 1) return fill(data, n, 1);
    if (rank > 1) return fill(data, n, bias ? 0 : 1);
    if (bias) return false;
    return windows ? fill(data, n, 1) : fill_first(&v->shape, data);
}

static real scale_of(const struct cpu_run *run, int draw) {
    return (real)control_float(run->control, CONTROL_LAYERS + CONTROL_LAYER * draw + LAYER_SCALE);
}

/* Stage k over the outputs y of a sample; a mask by its decisions and CONTROL's scale. */
static void finish(const struct cpu_run *run, const struct step *s, int k, uint32_t sample, real *y,
                   uint8_t *kept) {
    const struct stage *stage = &s->stage[k];
    size_t n = (size_t)shape_features(&run->plan->values[s->out[0]].shape);
    if (stage->op->mask) {
        real scale = scale_of(run, stage->draw);
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

/* What masked weights show, row by row of the output. */
static void expect_revealed(const struct cpu_run *run, const struct step *s, uint8_t *codes) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    size_t n = (size_t)shape_features(shape);
    real *y = run->data[s->out[0]], scale = scale_of(run, s->draw);
    for (size_t row = 0; row < (size_t)shape->dim[0]; row++, y += n) {
        s->op->revealed(run, s, row, codes);
        for (size_t e = 0; e < n; e++) y[e] = (real)codes[e] / 256 * scale;
    }
}

void observe_expect(const struct cpu_run *run, const struct step *s, uint8_t *kept) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    real *y = run->data[s->out[0]];
    if (s->op->revealed)
        expect_revealed(run, s, kept);
    else
        s->op->cpu(run, s);
    for (uint32_t sample = 0; sample < (uint32_t)shape->dim[0];
         sample++, y += shape_features(shape))
        for (int k = 0; k < s->nstages; k++) finish(run, s, k, sample, y, kept);
}
