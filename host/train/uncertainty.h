/* What a network does not know, of one row and over many, from the outputs it gave
 * (train/ensemble.h): p_k, k = 1..K, of the passes; p, their mean.
 *
 *   entropy           H[p] = -sum_c p_c log p_c, of the prediction: all there is to be unsure about
 *   expected entropy  mean_k H[p_k]: what the data itself leaves open
 *   information       their difference, the mutual information of prediction and weights (BALD):
 *                     what the passes disagree about
 *   variation         1 - the share of the passes that vote for the class most of them vote for
 *
 * (Gal 2016, Uncertainty in Deep Learning, section 3.3.1; Houlsby, Huszar, Ghahramani, Lengyel
 * 2011; Smith, Gal 2018, Understanding Measures of Uncertainty for Adversarial Example Detection,
 * section 3). Logarithms are natural: nats. */
#ifndef DROPCL_TRAIN_UNCERTAINTY_H
#define DROPCL_TRAIN_UNCERTAINTY_H

#include "dropcl.h"
#include <stdbool.h>

/* sum[2 * classes + 1]: an ensemble's row over so many outputs. Information is never below 0, which
 * rounding alone could make it. */
void uncertainty_of(const double *sum, int classes, int outputs, dropcl_uncertainty *out);
/* The class of the largest mean probability, the lowest on a tie; means are rounded to float first,
 * as predictions hand them out. */
int uncertainty_label(const double *sum, int classes, int outputs);

/* Fifteen bins of confidence ](i - 1) / 15, i / 15]: rows, right ones, sum of confidences. */
enum { CALIBRATION_BINS = 15 };
struct calibration {
    int64_t rows[CALIBRATION_BINS], right[CALIBRATION_BINS];
    double confidence[CALIBRATION_BINS];
};
void calibration_add(struct calibration *, double confidence, bool right);
/* The expected calibration error, sum_b n_b / n |share right in b - mean confidence in b| (Naeini,
 * Cooper, Hauskrecht 2015; Guo, Pleiss, Sun, Weinberger 2017, equation 3). 0 of no rows. */
double calibration_error(const struct calibration *);

/* Sums over rows with labels, in the order they are added. */
struct scoring {
    int64_t rows, hits;
    double loss, brier;
    struct calibration calibration;
    dropcl_group right, wrong; /* `mean` holds sums */
};
/* sum: an ensemble's row, as above. loss: -log of the label's mean probability, which counts as
 * 2^-149 where all outputs round it to 0. brier: sum_c (p_c - [c = label])^2 (Brier 1950), 0 to 2.
 */
void scoring_add(struct scoring *, const double *sum, int classes, int outputs, int label);
void scoring_point(const struct scoring *, int passes, dropcl_point *out);
/* Means over all rows, those predicted right and those predicted wrong; NaN of no rows. */
void scoring_groups(const struct scoring *, dropcl_score *out);

#endif
