#include "train/params.h"
#include "control_words.h"
#include "philox.h"
#include <math.h>
#include <string.h>

static double law_bound(const struct param *p) {
    switch (p->law) {
    case PARAM_LAW_HE: return sqrt(6.0 / p->fan_in);
    case PARAM_LAW_GLOROT: return sqrt(6.0 / (p->fan_in + p->fan_out));
    case PARAM_LAW_LECUN: return sqrt(3.0 / p->fan_in);
    default: return 0;
    }
}

/* Words come four to a counter; index >> 2 is the counter. */
static void fill_uniform(uint64_t seed, int ordinal, double bound, float *to, size_t n) {
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t words[4];
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) {
            const uint32_t counter[4] = {(uint32_t)(i >> 2), 0, 0,
                                         PHILOX_COUNTER3(DOMAIN_INIT, (uint32_t)ordinal, 0u)};
            philox4x32(counter, key, words);
        }
        double centred =
            (double)(int32_t)words[i % 4] * 0x1p-31 + 0x1p-32; /* never 0, in (-1, 1) */
        to[i] = (float)(bound * centred);
    }
}

void params_init(const struct plan *plan, uint64_t seed, float *flat) {
    int ordinal = 0; /* of trained tensors */
    memset(flat, 0, plan->stored * sizeof *flat);
    for (int k = 0; k < plan->nparams; k++) {
        const struct param *p = &plan->params[k];
        const struct value *v = &plan->values[p->value];
        size_t n = shape_elements(&v->shape);
        float *to = flat + v->offset;
        if (p->law == PARAM_LAW_ONE)
            for (size_t i = 0; i < n; i++) to[i] = 1;
        else if (p->law == PARAM_LAW_VALUE)
            for (size_t i = 0; i < n; i++) to[i] = (float)p->start;
        else if (p->law != PARAM_LAW_ZERO)
            fill_uniform(seed, ordinal, law_bound(p), to, n);
        ordinal += !p->running;
    }
}

/* A tensor seen as [outer][h][w][c][out]; in files the axes stand as [out][c][h][w] behind outer
 * = 1. A plain dense weight is h = w = 1; everything that is not a weight has only `h`. */
struct axes {
    size_t h, w, c, out;
};

static struct axes axes_of(const struct plan *plan, const struct param *p) {
    const struct shape *s = &plan->values[p->value].shape;
    if (s->rank == 4)
        return (struct axes){(size_t)s->dim[0], (size_t)s->dim[1], (size_t)s->dim[2],
                             (size_t)s->dim[3]};
    if (s->rank != 2) return (struct axes){shape_elements(s), 1, 1, 1};
    size_t in = (size_t)s->dim[0], out = (size_t)s->dim[1];
    if (p->rows_h > 0)
        return (struct axes){(size_t)p->rows_h, (size_t)p->rows_w, (size_t)p->rows_c, out};
    return (struct axes){1, 1, in, out};
}

int params_file_shape(const struct plan *plan, const struct param *p, int64_t shape[SHAPE_MAX]) {
    const struct shape *s = &plan->values[p->value].shape;
    static const int order[5][4] = {[2] = {1, 0}, [4] = {3, 2, 0, 1}};
    for (int i = 0; i < s->rank; i++)
        shape[i] = s->dim[s->rank == 2 || s->rank == 4 ? order[s->rank][i] : i];
    return s->rank;
}

/* Where element i of the internal layout is in the file. */
static size_t file_index(const struct axes *a, size_t i) {
    size_t out = i % a->out, rest = i / a->out;
    size_t c = rest % a->c, w = rest / a->c % a->w, h = rest / a->c / a->w;
    return ((out * a->c + c) * a->h + h) * a->w + w;
}

void params_to_file(const struct plan *plan, const struct param *p, const float *flat,
                    float *file) {
    const struct value *v = &plan->values[p->value];
    struct axes a = axes_of(plan, p);
    size_t n = shape_elements(&v->shape);
    for (size_t i = 0; i < n; i++) file[file_index(&a, i)] = flat[v->offset + i];
}

void params_from_file(const struct plan *plan, const struct param *p, const float *file,
                      float *flat) {
    const struct value *v = &plan->values[p->value];
    struct axes a = axes_of(plan, p);
    size_t n = shape_elements(&v->shape);
    for (size_t i = 0; i < n; i++) flat[v->offset + i] = file[file_index(&a, i)];
}
