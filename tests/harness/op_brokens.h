/* The planted faults of tests/op_broken.c: one broken line and the network that must show it. */
#ifndef DROPCL_TESTS_OP_BROKENS_H
#define DROPCL_TESTS_OP_BROKENS_H

#include "harness/op.h"

/* In kernel file `file`, text `from` becomes `to`. `step`: the operation of the first step that may
 * differ, or of its first stage when that is absorbed or wrapped. */
struct op_broken {
    const char *file, *from, *to, *step;
    struct op_case row;
};

int op_brokens_count(void);
const struct op_broken *op_brokens_at(int i); /* i from 0 to op_brokens_count() - 1 */

/* Part of them: op_brokens_maps.c. */
extern const struct op_broken op_brokens_maps[];
extern const int op_brokens_maps_count;

#endif
