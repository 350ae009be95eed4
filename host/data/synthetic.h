/* The built-in dataset `synthetic`: digits drawn as strokes, bent, slanted, turned, thickened,
 * blurred and disturbed at random, so that training can be tried where there are no files. Every
 * random number is Philox's, all arithmetic is on integers: the same bytes for everyone. */
#ifndef DROPCL_DATA_SYNTHETIC_H
#define DROPCL_DATA_SYNTHETIC_H

#include "data/ink.h"
#include <stdint.h>

enum { SYNTHETIC_TRAIN = 20000, SYNTHETIC_TEST = 4000 };

/* Draws row `row` of split 0 (train) or 1 (test) and returns its label, 0 to 9. A row depends on
 * nothing but its number. */
uint8_t synthetic_row(uint32_t split, uint32_t row, uint8_t picture[INK_PIXELS]);

#endif
