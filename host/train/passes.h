/* How many passes of a Monte-Carlo evaluation are looked at on the way: after 1, 2, 5, 10, 20, 50,
 * ... and all of them. Between two such points lies an interval, whose sums the device keeps apart
 * (ops/ensemble.c); so one run shows what each further pass brings, without reading back more than
 * a few sums. */
#ifndef DROPCL_TRAIN_PASSES_H
#define DROPCL_TRAIN_PASSES_H

enum { PASSES_MAX = 65536, PASSES_POINTS = 16 };

/* end[i]: passes up to the end of interval i; the last one is `passes`, 1 .. PASSES_MAX. Returns
 * their number. */
int passes_ends(int passes, int end[PASSES_POINTS]);
/* The interval of pass k, from 0; whether k is its first pass. */
int passes_interval(const int *end, int k);
int passes_opens(const int *end, int k);

#endif
