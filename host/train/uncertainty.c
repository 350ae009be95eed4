#include "train/uncertainty.h"
#include <math.h>

/* ---- of one row ---- */

static double mean_entropy(const double *sum, int classes, int outputs) {
    double h = 0;
    for (int c = 0; c < classes; c++) {
        double p = sum[c] / outputs;
        if (p > 0) h -= p * log(p); /* 0 log 0 is 0 */
    }
    return h;
}

int uncertainty_label(const double *sum, int classes, int outputs) {
    int best = 0;
    for (int c = 1; c < classes; c++)
        if ((float)(sum[c] / outputs) > (float)(sum[best] / outputs)) best = c;
    return best;
}

void uncertainty_of(const double *sum, int classes, int outputs, dropcl_uncertainty *out) {
    const double *votes = sum + classes;
    double most = 0;
    for (int c = 0; c < classes; c++) most = fmax(most, votes[c]);
    out->probability = sum[uncertainty_label(sum, classes, outputs)] / outputs;
    out->entropy = mean_entropy(sum, classes, outputs);
    out->expected_entropy = sum[2 * classes] / outputs;
    out->information = fmax(0, out->entropy - out->expected_entropy);
    out->variation = 1 - most / outputs;
}

/* ---- calibration ---- */

/* Ends belong to the bin below them, as in the paper's definition. */
void calibration_add(struct calibration *c, double confidence, bool right) {
    int bin = 0;
    while (bin < CALIBRATION_BINS - 1 && confidence * CALIBRATION_BINS > bin + 1) bin++;
    c->rows[bin]++;
    c->right[bin] += right;
    c->confidence[bin] += confidence;
}

double calibration_error(const struct calibration *c) {
    double gap = 0;
    int64_t rows = 0;
    for (int b = 0; b < CALIBRATION_BINS; b++) {
        gap += fabs((double)c->right[b] - c->confidence[b]); /* n_b times the difference of means */
        rows += c->rows[b];
    }
    return rows ? gap / (double)rows : 0;
}

/* ---- over many rows ---- */

static void add_figures(dropcl_uncertainty *to, const dropcl_uncertainty *u) {
    to->probability += u->probability;
    to->entropy += u->entropy;
    to->expected_entropy += u->expected_entropy;
    to->information += u->information;
    to->variation += u->variation;
}

void scoring_add(struct scoring *s, const double *sum, int classes, int outputs, int label) {
    bool right = uncertainty_label(sum, classes, outputs) == label;
    dropcl_group *group = right ? &s->right : &s->wrong;
    dropcl_uncertainty u;
    uncertainty_of(sum, classes, outputs, &u);
    s->rows++;
    s->hits += right;
    s->loss -= log(fmax(sum[label] / outputs, 0x1p-149));
    for (int c = 0; c < classes; c++) {
        double miss = sum[c] / outputs - (c == label);
        s->brier += miss * miss;
    }
    calibration_add(&s->calibration, u.probability, right);
    group->rows++;
    add_figures(&group->mean, &u);
}

void scoring_point(const struct scoring *s, int passes, dropcl_point *out) {
    double n = (double)s->rows;
    *out = (dropcl_point){.passes = passes,
                          .loss = s->loss / n,
                          .accuracy = (double)s->hits / n,
                          .brier = s->brier / n,
                          .calibration_error = calibration_error(&s->calibration)};
}

static dropcl_group mean_of(const dropcl_group *sums) {
    double n = (double)sums->rows;
    dropcl_group g = *sums;
    g.mean.probability /= n; /* 0 / 0 where there is no row */
    g.mean.entropy /= n;
    g.mean.expected_entropy /= n;
    g.mean.information /= n;
    g.mean.variation /= n;
    return g;
}

void scoring_groups(const struct scoring *s, dropcl_score *out) {
    dropcl_group all = s->right;
    all.rows += s->wrong.rows;
    add_figures(&all.mean, &s->wrong.mean);
    out->all = mean_of(&all);
    out->right = mean_of(&s->right);
    out->wrong = mean_of(&s->wrong);
}
