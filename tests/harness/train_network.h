/* The fixture's network once more, in double and without any of the program's own arithmetic. */
#ifndef DROPCL_TESTS_TRAIN_NETWORK_H
#define DROPCL_TESTS_TRAIN_NETWORK_H

#include "train/model.h"
#include <stdint.h>

/* Which masks are on: none, or Monte-Carlo ones of this pass and row of a split (0 test, 1 train, 2
 * the user's). */
struct network_masks {
    bool on;
    uint64_t seed;
    uint32_t pass, row;
    double rate[2];
    uint32_t split;
};

/* Class probabilities of one image of the fixture's recipe: 784 -> 16 relu -> 12 relu -> 10. */
void network_run(const struct model *, const uint8_t *image, const struct network_masks *,
                 double p[10]);

#endif
