#include "harness/suite.h"
#include "lab/lab_private.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

static struct errors errors_of(const double *values, int count) {
    struct errors e = {.seeds = count, .over = stats_of(values, count)};
    for (int i = 0; i < count; i++) e.of[i] = values[i];
    return e;
}

/* What lies below 97.5 % of Student's distribution, in closed form for 1, 2 and 4 degrees of
 * freedom (Shaw 2006, "Sampling Student's T distribution", section 2.2). */
static double student_of(int freedom) {
    double p = 0.975, rest = 4 * p * (1 - p);
    if (freedom == 1) return tan(acos(-1) * (p - 0.5));
    if (freedom == 2) return (2 * p - 1) * sqrt(2 / rest);
    return 2 * sqrt(cos(acos(sqrt(rest)) / 3) / sqrt(rest) - 1);
}

/* Errors that differ by these gains, seed by seed, and by much more between the seeds. */
static struct gain gain_of(const double *gains, int count) {
    double from[TRIAL_SEEDS], to[TRIAL_SEEDS];
    for (int i = 0; i < count; i++) from[i] = 50 - 16 * i, to[i] = from[i] - gains[i];
    struct errors a = errors_of(from, count), b = errors_of(to, count);
    return lab_gain(&a, &b);
}

/* Tolerance: the table of the distribution has four digits. */
START_TEST(the_least_of_a_gain_is_students) {
    const double gains[] = {1, 2, 1.5, 0.5, 3};
    for (int count = 2; count <= 5; count += count - 1) { /* 2, 3, 5 */
        struct stats s = stats_of(gains, count);
        struct gain g = gain_of(gains, count);
        double t = student_of(count - 1);
        ck_assert_double_eq_tol(g.mean, s.mean, 1e-12);
        ck_assert_double_eq_tol(g.error, s.spread / sqrt(count), 1e-12);
        ck_assert_double_eq_tol(g.least, s.mean - t * s.spread / sqrt(count), 5e-4 * t * g.error);
    }
}
END_TEST

/* Of gains m - 1, m, m + 1 the least is m - 4.3027 / sqrt(3), that is m - 2.4842. */
START_TEST(a_gain_is_clear_beyond_chance) {
    const double little[] = {1.47, 2.47, 3.47}, enough[] = {1.49, 2.49, 3.49},
                 loss[] = {-1.49, -2.49, -3.49};
    ck_assert(!gain_of(little, 3).clear);
    ck_assert(gain_of(enough, 3).clear);
    ck_assert(!gain_of(loss, 3).clear);
}
END_TEST

START_TEST(one_seed_makes_nothing_clear) {
    const double gains[] = {7, 7, 7};
    struct gain g = gain_of(gains, 1);
    ck_assert_double_eq(g.mean, 7);
    ck_assert(isnan(g.error) && isnan(g.least) && !g.clear);
    ck_assert(gain_of(gains, 2).clear);
}
END_TEST

/* What one side has no partner for on the other says nothing of their difference. */
START_TEST(seeds_are_paired) {
    const double from[] = {10, 30, 90, 90}, to[] = {9, 28};
    struct errors a = errors_of(from, 4), b = errors_of(to, 2);
    ck_assert_double_eq(lab_gain(&a, &b).mean, 1.5);
    ck_assert_double_eq(lab_gain(&b, &a).mean, -1.5);
    const double failed[] = {(double)NAN, 28, 85, 80}; /* not the last one that is missing */
    struct errors c = errors_of(failed, 4);
    ck_assert_double_eq(lab_gain(&a, &c).mean, (2 + 5 + 10) / 3.0);
}
END_TEST

/* Curves of three seeds, with so little noise that differences are clear, or with so much that they
 * are not. */
static enum verdict peak_of(const double *points, int count, int best, double noise) {
    struct errors curve[8];
    for (int i = 0; i < count; i++) {
        const double seeds[] = {points[i] + 7, points[i] - 3 + noise * (i % 3),
                                points[i] + noise * (i % 2)};
        curve[i] = errors_of(seeds, 3);
    }
    return lab_peak(curve, count, best);
}

START_TEST(a_peak_is_in_the_middle_at_an_end_or_not_to_be_told) {
    const double middle[] = {4, 3, 1, 3, 5}, first[] = {1, 3, 4, 5}, last[] = {6, 5, 4, 1},
                 flat_end[] = {4, 3, 1, 1}, shelf[] = {1, 1, 4, 5};
    ck_assert_int_eq(peak_of(middle, 5, 2, 0.01), VERDICT_HELD);
    ck_assert_int_eq(peak_of(middle, 5, 2, 20), VERDICT_OPEN);
    ck_assert_int_eq(peak_of(first, 4, 0, 0.01), VERDICT_FAILED);
    ck_assert_int_eq(peak_of(first, 4, 0, 20), VERDICT_OPEN);
    ck_assert_int_eq(peak_of(last, 4, 3, 0.01), VERDICT_FAILED);
    ck_assert_int_eq(peak_of(flat_end, 4, 2, 0), VERDICT_OPEN); /* one end is as good      */
    ck_assert_int_eq(peak_of(shelf, 4, 0, 0), VERDICT_OPEN);    /* a point between is, too */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_trial");
    TCase *tests = tcase_create("gain");
    tcase_add_test(tests, the_least_of_a_gain_is_students);
    tcase_add_test(tests, a_gain_is_clear_beyond_chance);
    tcase_add_test(tests, one_seed_makes_nothing_clear);
    tcase_add_test(tests, seeds_are_paired);
    tcase_add_test(tests, a_peak_is_in_the_middle_at_an_end_or_not_to_be_told);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
