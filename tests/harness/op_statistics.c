#include "harness/op_statistics.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

void op_statistics_new(struct op_bits *b, int steps, int samples, int elements, double keep) {
    *b = (struct op_bits){steps, samples, elements, keep, NULL};
    b->kept = calloc((size_t)steps * (size_t)samples, (size_t)elements);
    ck_assert_ptr_nonnull(b->kept);
}

void op_statistics_free(struct op_bits *b) {
    free(b->kept);
    b->kept = NULL;
}

static size_t count(const struct op_bits *b) {
    return (size_t)b->steps * (size_t)b->samples * (size_t)b->elements;
}

/* Wilson and Hilferty 1931: the cube root of chi-square / k is nearly normal. */
static double normal_of_chi_square(double chi_square, double k) {
    return (cbrt(chi_square / k) - (1 - 2 / (9 * k))) / sqrt(2 / (9 * k));
}

double op_statistics_rate(const struct op_bits *b) {
    double kept = 0, n = (double)count(b);
    for (size_t i = 0; i < count(b); i++) kept += b->kept[i];
    return (kept - n * b->keep) / sqrt(n * b->keep * (1 - b->keep));
}

/* The length of an axis, and how far apart its neighbours are. */
static void axis_of(const struct op_bits *b, enum op_axis axis, size_t *length, size_t *stride) {
    const size_t lengths[] = {(size_t)b->steps, (size_t)b->samples, (size_t)b->elements};
    const size_t strides[] = {lengths[1] * lengths[2], lengths[2], 1};
    *length = lengths[axis];
    *stride = strides[axis];
}

double op_statistics_units(const struct op_bits *b, enum op_axis axis) {
    size_t length, stride;
    axis_of(b, axis, &length, &stride);
    double *kept = calloc(length, sizeof *kept), chi_square = 0;
    ck_assert_ptr_nonnull(kept);
    for (size_t i = 0; i < count(b); i++) kept[i / stride % length] += b->kept[i];
    double draws = (double)(count(b) / length);
    for (size_t u = 0; u < length; u++) {
        double off = kept[u] - draws * b->keep;
        chi_square += off * off / (draws * b->keep * (1 - b->keep));
    }
    free(kept);
    return normal_of_chi_square(chi_square, (double)length);
}

double op_statistics_patterns(const struct op_bits *b, int offset) {
    double seen[16] = {0}, groups = 0, chi_square = 0;
    size_t rows = count(b) / (size_t)b->elements;
    for (size_t r = 0; r < rows; r++) {
        const uint8_t *row = b->kept + r * (size_t)b->elements;
        for (int e = offset; e + 4 <= b->elements; e += 4, groups++)
            seen[row[e] | row[e + 1] << 1 | row[e + 2] << 2 | row[e + 3] << 3]++;
    }
    for (int pattern = 0; pattern < 16; pattern++) {
        int ones = __builtin_popcount((unsigned)pattern);
        double want = groups * pow(b->keep, ones) * pow(1 - b->keep, 4 - ones);
        chi_square += (seen[pattern] - want) * (seen[pattern] - want) / want;
    }
    return normal_of_chi_square(chi_square, 15);
}

/* Sum over pairs of (x - q)(y - q), whose standard deviation is q (1 - q) sqrt(pairs). */
static double correlation(double both, double x, double y, double pairs, double q) {
    double sum = both - q * (x + y) + pairs * q * q;
    return sum / (q * (1 - q) * sqrt(pairs));
}

double op_statistics_shift(const struct op_bits *b, enum op_axis axis, int shift) {
    size_t length, stride;
    axis_of(b, axis, &length, &stride);
    double both = 0, x = 0, y = 0, pairs = 0;
    for (size_t i = 0; i < count(b); i++) {
        if (i / stride % length + (size_t)shift >= length) continue;
        size_t k = i + (size_t)shift * stride;
        both += b->kept[i] & b->kept[k];
        x += b->kept[i];
        y += b->kept[k];
        pairs++;
    }
    return correlation(both, x, y, pairs, b->keep);
}

double op_statistics_pair(const struct op_bits *a, const struct op_bits *b) {
    double both = 0, x = 0, y = 0;
    for (size_t i = 0; i < count(a); i++) {
        both += a->kept[i] & b->kept[i];
        x += a->kept[i];
        y += b->kept[i];
    }
    return correlation(both, x, y, (double)count(a), a->keep);
}
