/* Mean and spread of a few measurements. */
#ifndef DROPCL_LAB_STATS_H
#define DROPCL_LAB_STATS_H

/* Of the numbers that are finite: how many, their mean (NaN: none), their sample standard deviation
 * with n - 1 (NaN: fewer than two). */
struct stats {
    int count;
    double mean, spread;
};
struct stats stats_of(const double *values, int count);

/* Pearson's correlation of n pairs; NaN where one side never changes. */
double stats_correlation(const float *a, const float *b, int n);

#endif
