/* Statistics of masks. Each function returns a deviate that is standard normal for an ideal mask,
 * to a good approximation at the sizes used here (tens of thousands of bits and more). The bits are
 * fixed by their seeds, so a test passes always or never; OP_ALARM is what a chosen seed may show:
 * beyond it a two-sided normal lies with probability 3.8e-8, so a suite of a thousand such
 * questions raises a false alarm with less than one in twenty thousand - once, when it is written.
 */
#ifndef DROPCL_TESTS_OP_STATISTICS_H
#define DROPCL_TESTS_OP_STATISTICS_H

#include <stdint.h>

static const double OP_ALARM = 5.5;

/* kept[step][sample][element], 1 or 0; `keep` is the exact probability of 1. */
struct op_bits {
    int steps, samples, elements;
    double keep;
    uint8_t *kept; /* owned */
};

void op_statistics_new(struct op_bits *, int steps, int samples, int elements, double keep);
void op_statistics_free(struct op_bits *);

enum op_axis { OP_STEP, OP_SAMPLE, OP_ELEMENT };

/* The share of kept bits over all. */
double op_statistics_rate(const struct op_bits *);
/* Chi-square of the kept counts of every step, sample or element (a biased unit, a dead row). */
double op_statistics_units(const struct op_bits *, enum op_axis);
/* Chi-square of the 16 patterns of elements 4 k + offset .. + 3; a Philox call makes four words. */
double op_statistics_patterns(const struct op_bits *, int offset);
/* Correlation of each bit with the one `shift` further along an axis. */
double op_statistics_shift(const struct op_bits *, enum op_axis, int shift);
/* Correlation of two masks of one shape bit by bit. */
double op_statistics_pair(const struct op_bits *, const struct op_bits *);

#endif
