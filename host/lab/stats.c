#include "lab/stats.h"
#include <math.h>
#include <stdlib.h>

struct stats stats_of(const double *values, int count) {
    struct stats s = {0, 0, 0};
    for (int i = 0; i < count; i++)
        if (isfinite(values[i])) s.mean += values[i], s.count++;
    s.mean = s.count ? s.mean / s.count : (double)NAN;
    for (int i = 0; i < count; i++)
        if (isfinite(values[i])) s.spread += (values[i] - s.mean) * (values[i] - s.mean);
    s.spread = s.count > 1 ? sqrt(s.spread / (s.count - 1)) : (double)NAN;
    return s;
}

int stats_largest(const float *values, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (values[i] > values[best]) best = i;
    return best;
}

double stats_correlation(const float *a, const float *b, int n) {
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < n; i++) ma += (double)a[i], mb += (double)b[i];
    ma /= n, mb /= n;
    for (int i = 0; i < n; i++) {
        double x = (double)a[i] - ma, y = (double)b[i] - mb;
        aa += x * x, bb += y * y, ab += x * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

/* ---- ranks ---- */

struct place {
    double value;
    int at;
};

static int by_value(const void *left, const void *right) {
    const struct place *a = left, *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

enum err stats_ranks(const double *values, int n, float *ranks) {
    struct place *places = malloc(((size_t)n + 1) * sizeof *places);
    if (!places) return err_memory("ranks");
    for (int i = 0; i < n; i++) places[i] = (struct place){values[i], i};
    qsort(places, (size_t)n, sizeof *places, by_value);
    for (int first = 0, last; first < n; first = last) {
        for (last = first; last < n && !by_value(&places[first], &places[last]);) last++;
        for (int i = first; i < last; i++)
            ranks[places[i].at] = (float)((first + 1 + last) / 2.0); /* of first + 1 .. last */
    }
    free(places);
    return OK;
}

enum err stats_spearman(const double *a, const double *b, int n, double *out) {
    float *ranks = malloc(2 * ((size_t)n + 1) * sizeof *ranks);
    if (!ranks) return err_memory("ranks");
    enum err rc = stats_ranks(a, n, ranks);
    if (!rc) rc = stats_ranks(b, n, ranks + n);
    *out = rc ? (double)NAN : stats_correlation(ranks, ranks + n, n);
    free(ranks);
    return rc;
}

double stats_auc_error(double area, double marked, double others) {
    double two_marked = area / (2 - area), two_others = 2 * area * area / (1 + area);
    double variance = area * (1 - area) + (marked - 1) * (two_marked - area * area) +
                      (others - 1) * (two_others - area * area);
    return sqrt(variance / (marked * others));
}

enum err stats_auc(const double *scores, const bool *marked, int n, struct auc *out) {
    float *ranks = malloc(((size_t)n + 1) * sizeof *ranks);
    double sum = 0;
    *out = (struct auc){.area = (double)NAN, .error = (double)NAN};
    if (!ranks) return err_memory("ranks");
    enum err rc = stats_ranks(scores, n, ranks);
    for (int i = 0; i < n && !rc; i++)
        if (marked[i]) sum += (double)ranks[i], out->marked++;
    free(ranks);
    out->others = n - out->marked;
    if (rc || !out->marked || !out->others) return rc;
    double m = out->marked, k = out->others;
    out->area = (sum - m * (m + 1) / 2) / (m * k);
    out->error = stats_auc_error(out->area, m, k);
    return OK;
}
