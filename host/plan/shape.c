/* Shapes and sizes of values. */
#include "base/real.h"
#include "plan/plan.h"
#include <stdio.h>
#include <string.h>

size_t shape_elements(const struct shape *s) {
    size_t n = 1;
    for (int i = 0; i < s->rank; i++) n *= (size_t)s->dim[i];
    return n;
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]);
}

char *shape_text(const struct shape *s, char *out) {
    size_t used = 0;
    out[used++] = '[';
    for (int i = 0; i < s->rank; i++)
        used += (size_t)snprintf(out + used, 64 - used, i ? ",%d" : "%d", s->dim[i]);
    snprintf(out + used, 64 - used, "]");
    return out;
}

size_t dtype_size(enum dtype d) {
    static const size_t sizes[] = {
        [DTYPE_F32] = sizeof(real), [DTYPE_U32] = sizeof(uint32_t), [DTYPE_U8] = 1};
    return sizes[d];
}

size_t value_bytes(const struct value *v) {
    return shape_elements(&v->shape) * dtype_size(v->dtype);
}

int shape_features(const struct shape *s) {
    int n = 1;
    for (int i = 1; i < s->rank; i++) n *= s->dim[i];
    return n;
}
