/* The passes of a Monte-Carlo evaluation that are looked at on the way, and the sums between them.
 */
#include "harness/suite.h"
#include "train/ensemble.h"
#include "train/passes.h"
#include <check.h>
#include <math.h>
#include <string.h>

static const struct {
    int passes, count, end[6];
} ends[] = {{1, 1, {1}},
            {2, 2, {1, 2}},
            {3, 3, {1, 2, 3}},
            {5, 3, {1, 2, 5}},
            {7, 4, {1, 2, 5, 7}},
            {10, 4, {1, 2, 5, 10}},
            {11, 5, {1, 2, 5, 10, 11}},
            {50, 6, {1, 2, 5, 10, 20, 50}}};

START_TEST(intervals_end_after_1_2_5_and_all_passes) {
    int end[PASSES_POINTS];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        ck_assert_int_eq(passes_ends(ends[i].passes, end), ends[i].count);
        ck_assert_mem_eq(end, ends[i].end, (size_t)ends[i].count * sizeof *end);
    }
    ck_assert_int_eq(passes_ends(PASSES_MAX, end), PASSES_POINTS);
    ck_assert_int_eq(end[PASSES_POINTS - 1], PASSES_MAX);
}
END_TEST

START_TEST(every_pass_is_in_one_interval_and_one_pass_opens_it) {
    int end[PASSES_POINTS], n = passes_ends(37, end), opened = 0;
    for (int k = 0; k < 37; k++) {
        int i = passes_interval(end, k);
        ck_assert(i < n && k < end[i] && (!i || k >= end[i - 1]));
        ck_assert_int_eq(passes_opens(end, k), !k || passes_interval(end, k - 1) != i);
        opened += passes_opens(end, k);
    }
    ck_assert_int_eq(opened, n);
}
END_TEST

/* Records of two intervals, one and two passes long, of which the first row counts. */
START_TEST(records_add_up_over_their_intervals) {
    static const int end[] = {1, 3};
    static const float records[2][2][8] = {
        {{1, 2, 0, 0.5f, 1, 0, 3, 0}, {9, 9, 9, 9, 9, 9, 9, 9}},
        {{4, 8, 0.25f, 0, 0, 2, 5, 1}, {9, 9, 9, 9, 9, 9, 9, 9}}};
    static const double want[2][5] = {{1, 2.5, 1, 0, 3}, {5.25, 10.5, 1, 2, 9}};
    struct ensemble e;
    ck_assert_int_eq(ensemble_new(&e, 2, 2, 2), OK);
    ensemble_clear(&e, 1);
    ensemble_add_records(&e, &records[0][0][0], 2, end);
    for (int point = 0; point < 2; point++) {
        ck_assert_int_eq(e.outputs[point], end[point]);
        ck_assert_mem_eq(ensemble_row(&e, point, 0), want[point], sizeof want[point]);
    }
    ck_assert(ensemble_finite(&e));
    ensemble_add_output(&e, (const float[]){NAN, 0});
    ck_assert(!ensemble_finite(&e));
    ensemble_free(&e);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("passes");
    TCase *tests = tcase_create("passes");
    tcase_add_test(tests, intervals_end_after_1_2_5_and_all_passes);
    tcase_add_test(tests, every_pass_is_in_one_interval_and_one_pass_opens_it);
    tcase_add_test(tests, records_add_up_over_their_intervals);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
