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

/* Applies the stages to each element of out[0], which the producer has just written. */
static void run_stages(const struct cpu_run *run, const struct step *s) {
    const struct value *out = &run->plan->values[s->out[0]];
    real *y = run->data[s->out[0]];
    size_t features = (size_t)shape_features(&out->shape), n = shape_elements(&out->shape);
    for (size_t i = 0; i < n; i++) {
        struct point at = {
            .run = run, .sample = (uint32_t)(i / features), .element = (uint32_t)(i % features)};
        for (int k = 0; k < s->nstages; k++) {
            const struct stage *stage = &s->stage[k];
            const real *extra = stage->extra >= 0 ? run->data[s->in[stage->extra]] : NULL;
            at.attr = stage->attr;
            at.stochastic = stage->stochastic;
            y[i] = stage->op->point(&at, y[i], extra ? extra[i] : 0);
        }
    }
}

void step_run_cpu(const struct cpu_run *run, const struct step *s) {
    s->op->cpu(run, s);
    if (s->nstages) run_stages(run, s);
}
