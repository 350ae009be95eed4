#include "train/difference.h"
#include "base/real.h"
#include <math.h>
#include <string.h>

/* Floats as integers that keep their order, -0 beside +0. */
static int64_t rank_of(float f) {
    int32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits < 0 ? (int64_t)INT32_MIN - bits : bits;
}

static void note(struct difference *d, double a, double b, uint64_t ulp) {
    double gap = fabs(a - b);
    d->unequal++;
    if (!(gap <= d->max_absolute)) d->max_absolute = gap; /* a NaN gap counts as the largest */
    double relative = a != 0 ? gap / fabs(a) : INFINITY;
    if (!(relative <= d->max_relative)) d->max_relative = relative;
    if (ulp > d->max_ulp) d->max_ulp = ulp;
}

/* The payload of a NaN is the one thing that IEEE 754 leaves to the hardware. */
static struct difference floats(const real *a, const real *b, size_t n) {
    struct difference d = {0};
    double gap = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        gap += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)a[i] * (double)a[i];
        if (!memcmp(&a[i], &b[i], sizeof a[i]) || (isnan(a[i]) && isnan(b[i]))) {
            d.equal++;
            continue;
        }
        int64_t ulp = rank_of((float)a[i]) - rank_of((float)b[i]);
        note(&d, (double)a[i], (double)b[i], (uint64_t)(ulp < 0 ? -ulp : ulp));
    }
    d.norm = gap == 0 ? 0 : sqrt(gap / size);
    return d;
}

struct difference difference_of(enum dtype dtype, const void *a, const void *b, size_t n) {
    if (dtype == DTYPE_F32) return floats(a, b, n);
    struct difference d = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t x, y;
        if (dtype == DTYPE_U32)
            x = ((const uint32_t *)a)[i], y = ((const uint32_t *)b)[i];
        else
            x = ((const uint8_t *)a)[i], y = ((const uint8_t *)b)[i];
        if (x == y)
            d.equal++;
        else
            note(&d, x, y, 0);
    }
    return d;
}
