/* A DropConnect layer between two dense ones, of which only its own steps are launched, on inputs
 * of a test's choice that make its masks visible. Independent of op.reveal, which does that for
 * `compare`. */
#ifndef DROPCL_TESTS_OP_PROBE_H
#define DROPCL_TESTS_OP_PROBE_H

#include "harness/op.h"

struct op_probe_sizes {
    int in, out, batch, steps;
    double rate;
    uint64_t seed;
    bool forward_only;
};

struct op_probe {
    struct op_world world;
    struct op_machine m;
    int forward, backward; /* steps */
    int in, out, batch;
};

void op_probe_open(struct op_probe *, const struct op_target *, const struct op_probe_sizes *);
void op_probe_close(struct op_probe *);
const struct step *op_probe_step(const struct op_probe *, int step);
float op_probe_scale(const struct op_probe *); /* of CONTROL's first row */

/* All of a value is x; or 1 in column `at` of every row and 0 elsewhere, everywhere for at < 0. */
void op_probe_fill(struct op_probe *, int value, float x);
void op_probe_column(struct op_probe *, int value, int at);

/* The decisions kept[sample][(in + 1) out], the biases last, at a row of CONTROL: by y, one row of
 * W after the other; by dx, one output after the other, which has no biases and leaves those that
 * are there; by dW and db, one sample after the other. Every sum must be 0 or the scale. */
void op_probe_forward(struct op_probe *, uint32_t cursor, uint8_t *kept);
void op_probe_dx(struct op_probe *, uint32_t cursor, uint8_t *kept);
void op_probe_dw(struct op_probe *, uint32_t cursor, uint8_t *kept);

#endif
