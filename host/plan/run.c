/* Running steps on the C reference, and reading CONTROL. */
#include "plan/control.h"
#include "plan/op.h"
#include <string.h>

float control_float(const uint32_t *row, int word) {
    float f;
    memcpy(&f, &row[word], sizeof f);
    return f;
}

int control_row_words(const struct plan *p) {
    return CONTROL_LAYERS + CONTROL_LAYER * p->recipe->stochastic_layers;
}

/* Element i of out[0] after the stages; x is what the producer computed. */
static real finish(const struct cpu_run *run, const struct step *s, size_t i, real x) {
    size_t features = (size_t)shape_features(&run->plan->values[s->out[0]].shape);
    struct point at = {
        .run = run, .sample = (uint32_t)(i / features), .element = (uint32_t)(i % features)};
    for (int k = 0; k < s->nstages; k++) {
        const struct stage *stage = &s->stage[k];
        const real *extra = stage->extra >= 0 ? run->data[s->in[stage->extra]] : NULL;
        at.attr = stage->attr;
        at.draw = stage->draw;
        x = stage->op->point(&at, x, extra ? extra[i] : 0);
    }
    return x;
}

void step_run_cpu(const struct cpu_run *run, const struct step *s) {
    s->op->cpu(run, s);
    if (!s->nstages) return;
    real *y = run->data[s->out[0]];
    size_t n = shape_elements(&run->plan->values[s->out[0]].shape);
    for (size_t i = 0; i < n; i++) y[i] = finish(run, s, i, y[i]);
}

real step_sample_cpu(const struct cpu_run *run, const struct step *s, int output, size_t index) {
    real x = s->op->sample(run, s, output, index);
    return output == 0 ? finish(run, s, index, x) : x;
}
