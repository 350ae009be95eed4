/* Mean and spread of a few measurements. */
#ifndef DROPCL_LAB_STATS_H
#define DROPCL_LAB_STATS_H

#include "base/err.h"
#include <stdbool.h>

/* Of the numbers that are finite: how many, their mean (NaN: none), their sample standard deviation
 * with n - 1 (NaN: fewer than two). */
struct stats {
    int count;
    double mean, spread;
};
struct stats stats_of(const double *values, int count);

/* Which is the largest; the first of equal ones. */
int stats_largest(const float *values, int n);

/* Pearson's correlation of n pairs; NaN where one side never changes. */
double stats_correlation(const float *a, const float *b, int n);

/* Ranks from 1; equal values share the mean of theirs. ERR_SYSTEM. */
enum err stats_ranks(const double *values, int n, float *ranks);

/* Spearman's correlation, Pearson's of the ranks. ERR_SYSTEM. */
enum err stats_spearman(const double *a, const double *b, int n, double *out);

/* How well a score tells the marked from the others: the area under the curve of hits against false
 * alarms, which is the chance that a marked one scores higher than another one, ties counting half
 * (Mann, Whitney 1947). NaN where all are marked or none is. */
struct auc {
    double area, error; /* standard error (Hanley, McNeil 1982) */
    int marked, others;
};
/* ERR_SYSTEM. */
enum err stats_auc(const double *scores, const bool *marked, int n, struct auc *out);
/* The standard error that so many would give. */
double stats_auc_error(double area, double marked, double others);

#endif
