/* How far apart two tensors are, number by number. */
#ifndef DROPCL_TRAIN_DIFFERENCE_H
#define DROPCL_TRAIN_DIFFERENCE_H

#include "plan/plan.h"

struct difference {
    size_t equal, unequal;             /* by their bits; any NaN equals any NaN                */
    double max_absolute, max_relative; /* relative to |a|; over the unequal ones       */
    uint64_t max_ulp;                  /* floats between them; floats only                     */
    double norm;                       /* ||a - b|| / ||a||, 0 when both are 0; floats only    */
};

/* n elements of a dtype; floats are `real`. */
struct difference difference_of(enum dtype, const void *a, const void *b, size_t n);

#endif
