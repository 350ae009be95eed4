#include "lab/stats.h"
#include <math.h>

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
