/* Masks as a real dropout step makes them, fused into the layer before it. */
#ifndef DROPCL_TESTS_OP_OBSERVE_H
#define DROPCL_TESTS_OP_OBSERVE_H

#include "harness/op.h"
#include "harness/op_statistics.h"

struct op_observation {
    int steps, samples, elements;
    int layer; /* which stochastic layer of the recipe is observed */
    double rate;
    uint64_t seed;
};

/* Runs a dense layer with weights 0 and bias 1 and a dropout behind it, step after step: each
 * output is then 0 or the scale. `outputs` (may be NULL) gets them all, malloc'ed. */
void op_observe(const struct op_observation *, const struct op_target *, struct op_bits *,
                float **outputs);
/* The same mask from its coordinates, by device_mask on the same device. */
void op_observe_mask(const struct op_observation *, const struct op_target *, struct op_bits *);

#endif
