#include "harness/suite.h"
#include "lab/stats.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

START_TEST(equal_values_share_their_ranks) {
    const double values[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
    const float expected[] = {4.5f, 1.5f, 6, 1.5f, 8, 11, 3, 10, 8, 4.5f, 8};
    float ranks[11];
    ck_assert_int_eq(stats_ranks(values, 11, ranks), OK);
    for (int i = 0; i < 11; i++) ck_assert_float_eq(ranks[i], expected[i]);
    ck_assert_int_eq(stats_ranks(values, 0, ranks), OK);
}
END_TEST

START_TEST(spearman_sees_order_alone) {
    const double a[] = {1, 2, 3, 4, 5}, cubes[] = {1, 8, 27, 64, 125}, falling[] = {9, 7, 3, 2, 0},
                 mixed[] = {2, 1, 4, 3, 5}, same[] = {1, 1, 1, 1, 1};
    double r;
    ck_assert_int_eq(stats_spearman(a, cubes, 5, &r), OK);
    ck_assert_double_eq_tol(r, 1, 1e-12);
    ck_assert_int_eq(stats_spearman(a, falling, 5, &r), OK);
    ck_assert_double_eq_tol(r, -1, 1e-12);
    ck_assert_int_eq(stats_spearman(a, mixed, 5, &r), OK);
    ck_assert_double_eq_tol(r, 1 - 6.0 * 4 / (5 * 24), 1e-12); /* 1 - 6 sum d^2 / (n (n^2 - 1)) */
    ck_assert_int_eq(stats_spearman(a, same, 5, &r), OK);
    ck_assert(isnan(r));
}
END_TEST

/* Its definition, pair by pair. */
static double count_pairs(const double *scores, const bool *marked, int n) {
    double sum = 0, pairs = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            if (marked[i] && !marked[k]) {
                pairs++;
                sum += scores[i] > scores[k] ? 1 : scores[i] == scores[k] ? 0.5 : 0;
            }
    return sum / pairs;
}

START_TEST(the_area_is_the_share_of_pairs_in_order) {
    unsigned dice = 7;
    for (int round = 0; round < 20; round++) {
        double scores[60];
        bool marked[60];
        for (int i = 0; i < 60; i++) {
            dice = dice * 1664525u + 1013904223u;
            scores[i] = dice >> 28; /* of 16 values: many ties */
            marked[i] = (dice >> 20 & 7) < 3;
        }
        struct auc a;
        ck_assert_int_eq(stats_auc(scores, marked, 60, &a), OK);
        ck_assert_double_eq_tol(a.area, count_pairs(scores, marked, 60), 1e-12);
        ck_assert_int_eq(a.marked + a.others, 60);
    }
}
END_TEST

/* At chance, Hanley and McNeil's error is that of the rank sum's distribution without ties:
 * sqrt((m + n + 1) / (12 m n)). */
START_TEST(the_error_at_chance_is_that_of_the_rank_sum) {
    for (int m = 1; m < 200; m += 13)
        for (int n = 1; n < 300; n += 17) {
            double exact = sqrt((m + n + 1) / (12.0 * m * n));
            ck_assert_double_eq_tol(stats_auc_error(0.5, m, n), exact, 1e-12);
        }
    ck_assert_double_eq(stats_auc_error(1, 5, 9), 0);
}
END_TEST

START_TEST(there_is_no_area_without_both_kinds) {
    const double scores[] = {1, 2, 3};
    const bool all[] = {true, true, true}, none[] = {false, false, false};
    struct auc a;
    ck_assert_int_eq(stats_auc(scores, all, 3, &a), OK);
    ck_assert(isnan(a.area) && isnan(a.error));
    ck_assert_int_eq(stats_auc(scores, none, 3, &a), OK);
    ck_assert(isnan(a.area) && isnan(a.error));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_stats");
    TCase *tests = tcase_create("stats");
    tcase_add_test(tests, equal_values_share_their_ranks);
    tcase_add_test(tests, spearman_sees_order_alone);
    tcase_add_test(tests, the_area_is_the_share_of_pairs_in_order);
    tcase_add_test(tests, the_error_at_chance_is_that_of_the_rank_sum);
    tcase_add_test(tests, there_is_no_area_without_both_kinds);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
