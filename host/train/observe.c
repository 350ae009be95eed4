#include "train/observe.h"
#include "philox.h"
#include "plan/control.h"
#include <string.h>

/* Stages that draw one word per activation, numbered by its index in the sample. Those of the same
 * family that only scale what an earlier stage has masked are not here. */
static bool draws_by_element(const struct stage *stage) {
    static const char *const names[] = {"dropout", "dropout_grad"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (stage->stochastic >= 0 && !strcmp(stage->op->name, names[i])) return true;
    return false;
}

bool observe_draws(const struct step *s) {
    for (int i = 0; i < s->nstages; i++)
        if (draws_by_element(&s->stage[i])) return true;
    return false;
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
    bool weights = false, bias = false;
    for (int i = 0; i < s->nin; i++) {
        weights |= param_rank(plan, s, i) > 1;
        bias |= param_rank(plan, s, i) == 1;
    }
    if (v->dtype != DTYPE_F32 || (v->role != ROLE_PARAM && v->role != ROLE_ACTIVATION))
        return false;
    if (is_operand(s, k) || !weights) return fill(data, n, 1);
    int rank = param_rank(plan, s, k);
    if (rank == 1) return fill(data, n, 1);
    if (rank > 1) return fill(data, n, bias ? 0 : 1);
    return bias ? false : fill_first(&v->shape, data);
}

bool observe_kept(const struct step *s, const uint32_t *row, uint32_t sample, uint32_t element) {
    uint64_t seed = (uint64_t)row[CONTROL_SEED_HIGH] << 32 | row[CONTROL_SEED_LOW];
    for (int i = 0; i < s->nstages; i++) {
        if (!draws_by_element(&s->stage[i])) continue;
        uint32_t layer = (uint32_t)s->stage[i].stochastic;
        const uint32_t *words = row + CONTROL_LAYERS + CONTROL_LAYER * layer;
        uint32_t word = philox_word(seed, element, row[CONTROL_SAMPLE] + sample, row[CONTROL_STEP],
                                    PHILOX_COUNTER3(DOMAIN_MASK, layer, row[CONTROL_AUX]));
        if (words[LAYER_ACTIVE] && word <= words[LAYER_LIMIT]) return false;
    }
    return true;
}
