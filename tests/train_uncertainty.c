/* Uncertainties and scores against closed forms. The same cases are put to formulas with a mistake
 * in them, the most plausible ones: each must be noticed, or the cases prove nothing. */
#include "harness/suite.h"
#include "train/ensemble.h"
#include "train/uncertainty.h"
#include <check.h>
#include <math.h>
#include <string.h>

enum { PASSES = 3, CLASSES = 4 };
#define LN2 0.69314718055994530942
#define LN3 1.09861228866810969140
#define UNIFORM                                                                                    \
    { 0.25f, 0.25f, 0.25f, 0.25f }

/* ---- of one row ---- */

enum mistake {
    NONE,
    BITS_FOR_NATS,
    ZERO_LOG_ZERO,
    EXPECTED_NOT_DIVIDED,
    EXPECTED_OF_THE_MEAN,
    INFORMATION_REVERSED,
    VARIATION_OF_THE_MEAN,
    VARIATION_OF_THE_LABEL,
    LAST_CLASS_ON_A_TIE,
    MISTAKES
};

static const struct outputs {
    const char *name;
    int passes;
    float p[PASSES][CLASSES];
    int label;
    dropcl_uncertainty expected;
} cases[] = {
    {"sure of one class", 3, {{0, 0, 1}, {0, 0, 1}, {0, 0, 1}}, 2, {1, 0, 0, 0, 0}},
    {"no idea", 2, {UNIFORM, UNIFORM}, 0, {0.25, 2 * LN2, 2 * LN2, 0, 0}},
    {"two passes that disagree", 2, {{1}, {0, 1}}, 0, {0.5, LN2, 0, LN2, 0.5}},
    {"two of three agree",
     3,
     {{0, 0, 0, 1}, {0, 1}, {0, 1}},
     1,
     {2.0 / 3, LN3 - 2 * LN2 / 3, 0, LN3 - 2 * LN2 / 3, 1.0 / 3}},
    {"half of it is the data's",
     2,
     {{0.5f, 0.5f}, {0, 0, 0.5f, 0.5f}},
     0,
     {0.25, 2 * LN2, LN2, LN2, 0.5}},
    /* most vote for 0, the mean is for 1: H[p] with p = 3/8, 5/8 */
    {"the vote is not the mean",
     3,
     {{0.5f, 0.5f}, {0.625f, 0.375f}, {0, 1}},
     1,
     {0.625, 3 * LN2 - 3.0 / 8 * LN3 - 5.0 / 8 * 1.60943791243410037460,
      (LN2 + 3 * LN2 - 3.0 / 8 * LN3 - 5.0 / 8 * 1.60943791243410037460) / 3,
      (2 * (3 * LN2 - 3.0 / 8 * LN3 - 5.0 / 8 * 1.60943791243410037460) - LN2) / 3, 1.0 / 3}},
    {"a single output",
     1,
     {{0.25f, 0.75f}},
     1,
     {0.75, 2 * LN2 - 0.75 * LN3, 2 * LN2 - 0.75 * LN3, 0, 0}},
};
enum { CASES = sizeof cases / sizeof *cases };

static double entropy(const double *p, enum mistake m) {
    double h = 0;
    for (int c = 0; c < CLASSES; c++)
        if (p[c] > 0 || m == ZERO_LOG_ZERO) h -= p[c] * log(p[c]);
    return m == BITS_FOR_NATS ? h / LN2 : h;
}

static int largest(const double *p, enum mistake m) {
    int best = 0;
    for (int c = 1; c < CLASSES; c++)
        if (p[c] > p[best] || (m == LAST_CLASS_ON_A_TIE && p[c] == p[best])) best = c;
    return best;
}

/* The definitions, with a mistake. */
static dropcl_uncertainty formula(const struct outputs *o, enum mistake m, int *label) {
    double mean[CLASSES] = {0}, votes[CLASSES] = {0}, expected = 0;
    for (int k = 0; k < o->passes; k++) {
        double p[CLASSES];
        for (int c = 0; c < CLASSES; c++) mean[c] += (p[c] = (double)o->p[k][c]) / o->passes;
        votes[largest(p, m)] += 1.0 / o->passes;
        expected += entropy(p, m) / (m == EXPECTED_NOT_DIVIDED ? 1 : o->passes);
    }
    *label = largest(mean, m);
    dropcl_uncertainty u = {.probability = mean[*label], .entropy = entropy(mean, m)};
    u.expected_entropy = m == EXPECTED_OF_THE_MEAN ? u.entropy : expected;
    u.information = u.entropy - u.expected_entropy;
    if (m == INFORMATION_REVERSED) u.information *= -1;
    u.variation = 1 - votes[largest(votes, NONE)];
    if (m == VARIATION_OF_THE_LABEL) u.variation = 1 - votes[*label];
    if (m == VARIATION_OF_THE_MEAN) u.variation = 1 - mean[*label];
    return u;
}

static dropcl_uncertainty program(const struct outputs *o, int *label) {
    struct ensemble e;
    dropcl_uncertainty u;
    ck_assert_int_eq(ensemble_new(&e, CLASSES, 1, 1), OK);
    ensemble_clear(&e, 1);
    for (int k = 0; k < o->passes; k++) ensemble_add_output(&e, o->p[k]);
    ck_assert_int_eq(e.outputs[0], o->passes);
    *label = uncertainty_label(ensemble_row(&e, 0, 0), CLASSES, o->passes);
    uncertainty_of(ensemble_row(&e, 0, 0), CLASSES, o->passes, &u);
    ensemble_free(&e);
    return u;
}

/* Some twenty operations in double. */
static bool near(double a, double b) {
    return fabs(a - b) <= 1e-14;
}

static bool agrees(const struct outputs *o, const dropcl_uncertainty *u, int label) {
    const dropcl_uncertainty *e = &o->expected;
    return label == o->label && near(u->probability, e->probability) &&
           near(u->entropy, e->entropy) && near(u->expected_entropy, e->expected_entropy) &&
           near(u->information, e->information) && near(u->variation, e->variation);
}

START_TEST(figures_are_the_closed_forms) {
    int label;
    dropcl_uncertainty u = program(&cases[_i], &label);
    ck_assert_msg(agrees(&cases[_i], &u, label), "%s: %d, %.17g %.17g %.17g %.17g %.17g",
                  cases[_i].name, label, u.probability, u.entropy, u.expected_entropy,
                  u.information, u.variation);
    u = formula(&cases[_i], NONE, &label);
    ck_assert(agrees(&cases[_i], &u, label));
}
END_TEST

START_TEST(a_mistake_in_a_figure_is_noticed) {
    bool noticed = false;
    for (int i = 0; i < CASES; i++) {
        int label;
        dropcl_uncertainty u = formula(&cases[i], (enum mistake)_i, &label);
        noticed = noticed || !agrees(&cases[i], &u, label);
    }
    ck_assert_msg(noticed, "nobody noticed mistake %d", _i);
}
END_TEST

/* The mean of passes that all say the same may round to something else. */
START_TEST(information_is_never_negative) {
    struct outputs o = {.passes = PASSES};
    for (int i = 1; i < 200; i++) {
        int label;
        for (int k = 0; k < PASSES; k++)
            for (int c = 0; c < 2; c++) o.p[k][c] = c ? 1 - (float)i / 200 : (float)i / 200;
        dropcl_uncertainty u = program(&o, &label);
        ck_assert(u.information >= 0 && u.information < 1e-15);
    }
}
END_TEST

/* ---- over many rows ---- */

enum slip {
    RIGHT,
    BRIER_PER_CLASS,
    BRIER_OF_THE_LABEL,
    LOSS_OF_EACH_PASS,
    BINS_CLOSED_BELOW,
    BINS_NOT_WEIGHTED,
    ROWS_FOR_BINS,
    CONFIDENCE_OF_THE_LABEL,
    SLIPS
};

enum { ROWS = 4 };
static const struct labelled {
    const char *name;
    int rows;
    int label[ROWS];
    double p[ROWS][2][CLASSES]; /* of two passes */
    double loss, accuracy, brier, ece;
} scores[] = {
    {"right and sure", 1, {1}, {{{0, 1}, {0, 1}}}, 0, 1, 0, 0},
    {"wrong and sure", 1, {0}, {{{0, 1}, {0, 1}}}, 149 * LN2, 0, 2, 1},
    {"uniform, right as often as that",
     4,
     {0, 1, 2, 3},
     {{UNIFORM, UNIFORM}, {UNIFORM, UNIFORM}, {UNIFORM, UNIFORM}, {UNIFORM, UNIFORM}},
     2 * LN2,
     0.25,
     0.75,
     0},
    {"passes between which the mean lies",
     1,
     {1},
     {{{0.75, 0.25}, {0.25, 0.75}}},
     LN2,
     0,
     0.5,
     0.5},
    /* in one bin: |1 - 0.94 + 0 - 0.96| / 2 */
    {"one bin",
     2,
     {0, 1},
     {{{0.94, 0.06}, {0.94, 0.06}}, {{0.96, 0.04}, {0.96, 0.04}}},
     -(log(0.94) + log(0.04)) / 2,
     0.5,
     (2 * 0.06 * 0.06 + 2 * 0.96 * 0.96) / 2,
     0.45},
    /* 0.6 = 9/15 still belongs to the ninth bin: (|1 - 0.6| + |0 - 0.61|) / 2 */
    {"the end of a bin",
     2,
     {0, 1},
     {{{0.6, 0.4}, {0.6, 0.4}}, {{0.61, 0.39}, {0.61, 0.39}}},
     -(log(0.6) + log(0.39)) / 2,
     0.5,
     (2 * 0.4 * 0.4 + 2 * 0.61 * 0.61) / 2,
     0.505},
    /* three rows in the last bin without a gap, one with a gap of 0.75 */
    {"bins of different size",
     4,
     {0, 0, 0, 1},
     {{{1}, {1}}, {{1}, {1}}, {{1}, {1}}, {{0.75, 0.25}, {0.75, 0.25}}},
     2 * LN2 / 4,
     0.75,
     2 * 0.75 * 0.75 / 4,
     0.75 / 4},
};
enum { SCORES = sizeof scores / sizeof *scores };

struct bin {
    double rows, right, confidence;
};

static double gap(const struct bin *b) {
    return b->rows ? fabs(b->right - b->confidence) / b->rows : 0;
}

static dropcl_point score_formula(const struct labelled *l, enum slip m) {
    dropcl_point s = {0};
    struct bin bins[CALIBRATION_BINS] = {{0}};
    double used = 0, each = 0;
    for (int r = 0; r < l->rows; r++) {
        double p[CLASSES], n = l->rows;
        int label = l->label[r], from = 0, last = m == BRIER_OF_THE_LABEL ? label : CLASSES - 1;
        for (int c = 0; c < CLASSES; c++) p[c] = (l->p[r][0][c] + l->p[r][1][c]) / 2;
        int best = largest(p, NONE), bin;
        double confidence = m == CONFIDENCE_OF_THE_LABEL ? p[label] : p[best];
        if (m == BRIER_OF_THE_LABEL) from = label;
        for (int c = from; c <= last; c++)
            s.brier += pow(p[c] - (c == label), 2) / n / (m == BRIER_PER_CLASS ? CLASSES : 1);
        if (m == LOSS_OF_EACH_PASS)
            for (int k = 0; k < 2; k++) s.loss -= log(fmax(l->p[r][k][label], 0x1p-149)) / n / 2;
        else
            s.loss -= log(fmax(p[label], 0x1p-149)) / n;
        s.accuracy += (best == label) / n;
        each += fabs((best == label) - confidence) / n;
        bin = (int)(m == BINS_CLOSED_BELOW ? floor(confidence * 15) : ceil(confidence * 15) - 1);
        bin = bin < 0 ? 0 : bin > 14 ? 14 : bin;
        bins[bin].rows++;
        bins[bin].right += best == label;
        bins[bin].confidence += confidence;
    }
    for (int b = 0; b < CALIBRATION_BINS; b++) used += bins[b].rows > 0;
    for (int b = 0; b < CALIBRATION_BINS; b++)
        s.calibration_error +=
            gap(&bins[b]) * (m == BINS_NOT_WEIGHTED ? 1 / used : bins[b].rows / l->rows);
    if (m == ROWS_FOR_BINS) s.calibration_error = each;
    return s;
}

static dropcl_point score_program(const struct labelled *l) {
    struct scoring s = {0};
    dropcl_point point;
    for (int r = 0; r < l->rows; r++) {
        double sum[2 * CLASSES + 1] = {0};
        for (int c = 0; c < CLASSES; c++) sum[c] = l->p[r][0][c] + l->p[r][1][c];
        scoring_add(&s, sum, CLASSES, 2, l->label[r]);
    }
    scoring_point(&s, 2, &point);
    ck_assert_int_eq(point.passes, 2);
    return point;
}

static bool agree(const struct labelled *l, const dropcl_point *s) {
    return fabs(s->loss - l->loss) <= 1e-14 * (1 + l->loss) && near(s->accuracy, l->accuracy) &&
           near(s->brier, l->brier) && near(s->calibration_error, l->ece);
}

START_TEST(scores_are_the_closed_forms) {
    dropcl_point got = score_program(&scores[_i]), own = score_formula(&scores[_i], RIGHT);
    ck_assert_msg(agree(&scores[_i], &got), "%s: loss %.17g, accuracy %g, brier %.17g, ece %.17g",
                  scores[_i].name, got.loss, got.accuracy, got.brier, got.calibration_error);
    ck_assert(agree(&scores[_i], &own));
}
END_TEST

START_TEST(a_slip_in_a_score_is_noticed) {
    bool noticed = false;
    for (int i = 0; i < SCORES; i++) {
        dropcl_point s = score_formula(&scores[i], (enum slip)_i);
        noticed = noticed || !agree(&scores[i], &s);
    }
    ck_assert_msg(noticed, "nobody noticed slip %d", _i);
}
END_TEST

/* Right rows are sure of 1 and know it, wrong ones split their passes between 0 and 1. */
START_TEST(groups_are_means_over_right_and_wrong_rows) {
    static const double sure[] = {0, 2, 0, 2, 0}, split[] = {1, 1, 1, 1, 0};
    struct scoring s = {0};
    dropcl_score score = {0};
    for (int r = 0; r < 3; r++) scoring_add(&s, sure, 2, 2, 1);
    scoring_add(&s, split, 2, 2, 1);
    scoring_groups(&s, &score);
    ck_assert_int_eq(score.all.rows, 4);
    ck_assert_int_eq(score.right.rows, 3);
    ck_assert_int_eq(score.wrong.rows, 1);
    ck_assert(near(score.all.mean.entropy, LN2 / 4) && near(score.all.mean.probability, 3.5 / 4));
    ck_assert(near(score.right.mean.entropy, 0) && near(score.right.mean.probability, 1));
    ck_assert(near(score.wrong.mean.information, LN2) && near(score.wrong.mean.variation, 0.5));
}
END_TEST

START_TEST(a_group_without_rows_has_no_means) {
    static const double sure[] = {1, 0, 1, 0, 0};
    struct scoring s = {0};
    dropcl_score score = {0};
    scoring_add(&s, sure, 2, 1, 0);
    scoring_groups(&s, &score);
    ck_assert_int_eq(score.wrong.rows, 0);
    ck_assert(isnan(score.wrong.mean.entropy) && !isnan(score.right.mean.entropy));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("uncertainty");
    TCase *tests = tcase_create("uncertainty");
    tcase_add_loop_test(tests, figures_are_the_closed_forms, 0, CASES);
    tcase_add_loop_test(tests, a_mistake_in_a_figure_is_noticed, 1, MISTAKES);
    tcase_add_test(tests, information_is_never_negative);
    tcase_add_loop_test(tests, scores_are_the_closed_forms, 0, SCORES);
    tcase_add_loop_test(tests, a_slip_in_a_score_is_noticed, 1, SLIPS);
    tcase_add_test(tests, groups_are_means_over_right_and_wrong_rows);
    tcase_add_test(tests, a_group_without_rows_has_no_means);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
