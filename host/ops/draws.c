#include "ops/draws.h"
#include "philox.h"

const char *const draws_usual[] = {"usual", NULL};

uint32_t draws_counter(const struct plan *p, int draw, uint32_t domain) {
    if (p->options.mode == PLAN_MC) domain += DOMAIN_OF_PASSES;
    return PHILOX_COUNTER3(domain, (uint32_t)p->draws[draw].layer->stochastic, 0u);
}

uint32_t draws_domain(const struct plan *p, int draw) {
    const struct schema *schema = p->draws[draw].layer->schema;
    uint32_t domain = ((const struct layer_type *)(const void *)schema)->draw.domain;
    return domain ? domain : DOMAIN_MASK;
}

uint32_t draws_word(const struct cpu_run *run, int draw, int word) {
    return run->control[CONTROL_LAYERS + CONTROL_LAYER * draw + word];
}

float draws_scale(const struct cpu_run *run, int draw) {
    return control_float(run->control, CONTROL_LAYERS + CONTROL_LAYER * draw + LAYER_SCALE);
}

uint32_t draws_random(const struct cpu_run *run, int draw, uint32_t sample, uint32_t element) {
    const uint32_t *row = run->control;
    uint64_t seed = (uint64_t)row[CONTROL_SEED_HIGH] << 32 | row[CONTROL_SEED_LOW];
    uint32_t counter3 =
        draws_counter(run->plan, draw, draws_domain(run->plan, draw)) | row[CONTROL_AUX];
    return philox_word(seed, element, row[CONTROL_SAMPLE] + sample, row[CONTROL_STEP], counter3);
}

bool draws_drop(const struct cpu_run *run, int draw, uint32_t sample, uint32_t element) {
    return draws_word(run, draw, LAYER_ACTIVE) &&
           draws_random(run, draw, sample, element) <= draws_word(run, draw, LAYER_LIMIT);
}

void draws_words(const struct plan *p, const void *attr, int draw, uint32_t out[STAGE_WORDS]) {
    (void)attr;
    out[0] = CONTROL_LAYERS + CONTROL_LAYER * (uint32_t)draw;
    out[1] = draws_counter(p, draw, draws_domain(p, draw));
}

int draws_channels(const struct draw *draw) {
    return draw->shape.dim[draw->shape.rank - 1];
}

/* ---- backward ---- */

static real scale_point(const struct point *at, real x, real extra) {
    (void)extra;
    return x * (real)draws_scale(at->run, at->draw);
}

static const struct op op_dropout_scale = {
    .name = "dropout_scale", .point = scale_point, .words = draws_words, .piece = "dropout"};

bool draws_implied(const struct plan *p, int i) {
    int x = p->steps[i].in[0], writer = plan_writer(p, x);
    return writer >= 0 && p->steps[writer].op == &op_relu && plan_readers(p, x) == 1;
}

int draws_scale_step(struct plan *p, int i, int dy) {
    struct step s = p->steps[i];
    p->values[s.in[0]].positive = s.out[0];
    return plan_point(p, &op_dropout_scale, s.attr, s.name, s.line, s.draw, dy, -1);
}

void draws_grad(struct plan *p, int i, const struct op *again) {
    struct step s = p->steps[i];
    int dy = plan_grad_of(p, s.out[0]);
    int dx = draws_implied(p, i) ? draws_scale_step(p, i, dy)
                                 : plan_point(p, again, s.attr, s.name, s.line, s.draw, dy, -1);
    plan_grad_give(p, s.in[0], dx);
}
