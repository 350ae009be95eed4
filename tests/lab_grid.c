#include "harness/suite.h"
#include "lab/grid.h"
#include "lab/stats.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

START_TEST(the_last_key_changes_fastest) {
    static const char *const expected[] = {"a=1, b=x", "a=1, b=y", "a=1, b=z",
                                           "a=2, b=x", "a=2, b=y", "a=2, b=z"};
    struct grid g;
    grid_init(&g);
    ck_assert_int_eq(grid_add(&g, "a=1,2"), OK);
    ck_assert_int_eq(grid_add(&g, "b=x,y,z"), OK);
    ck_assert_int_eq(g.points, 6);
    for (int p = 0; p < g.points; p++) {
        struct text text = {0};
        grid_describe(&g, p, &text);
        ck_assert_str_eq(text.data, expected[p]);
        text_free(&text);
    }
    grid_free(&g);
}
END_TEST

START_TEST(commas_inside_brackets_and_quotes_belong_to_the_value) {
    struct grid g;
    grid_init(&g);
    ck_assert_int_eq(grid_add(&g, "k={a: {b: 1, c: 2}},[3,3],'x,y',\"]\",plain"), OK);
    ck_assert_int_eq(g.points, 5);
    ck_assert_str_eq(grid_value(&g, 0, 0), "{a: {b: 1, c: 2}}");
    ck_assert_str_eq(grid_value(&g, 1, 0), "[3,3]");
    ck_assert_str_eq(grid_value(&g, 2, 0), "'x,y'");
    ck_assert_str_eq(grid_value(&g, 3, 0), "\"]\"");
    ck_assert_str_eq(grid_value(&g, 4, 0), "plain");
    grid_free(&g);
}
END_TEST

START_TEST(a_malformed_axis_is_refused) {
    static const char *const bad[] = {"",       "k",    "=1",    "k=",    "k=1,",    "k=,1",
                                      "k=1,,2", "k=  ", "k=[1,", "k=1]}", "k={a: 1", "k='a,b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct grid g;
        grid_init(&g);
        ck_assert_msg(grid_add(&g, bad[i]) == ERR_USAGE, "'%s' was taken", bad[i]);
        grid_free(&g);
    }
}
END_TEST

START_TEST(a_grid_has_limits) {
    struct grid g;
    struct text hundred = {0};
    grid_init(&g);
    for (int i = 0; i < 100; i++) text_add(&hundred, "%s%d", i ? "," : "=", i);
    for (char key = 'a'; key <= 'c'; key++) {
        struct text axis = {0};
        text_add(&axis, "%c%s", key, hundred.data);
        ck_assert_int_eq(grid_add(&g, axis.data), key < 'c' ? OK : ERR_USAGE);
        text_free(&axis);
    }
    ck_assert_int_eq(g.points, 10000);
    text_free(&hundred);
    grid_free(&g);
}
END_TEST

START_TEST(seeds_are_whole_numbers_each_once) {
    uint64_t *seeds;
    int count;
    ck_assert_int_eq(grid_seeds("3,0,18446744073709551615", &seeds, &count), OK);
    ck_assert_int_eq(count, 3);
    ck_assert_uint_eq(seeds[0], 3);
    ck_assert_uint_eq(seeds[2], UINT64_MAX);
    free(seeds);
    static const char *const bad[] = {"", "1,", "-1", "1.5", "1,2,1", "a", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(grid_seeds(bad[i], &seeds, &count), ERR_USAGE);
        ck_assert_ptr_null(seeds);
    }
}
END_TEST

START_TEST(mean_and_spread_leave_out_what_was_not_measured) {
    const double values[] = {1, NAN, 3, 8, INFINITY};
    struct stats s = stats_of(values, 5);
    ck_assert_int_eq(s.count, 3);
    ck_assert_double_eq_tol(s.mean, 4, 1e-15);
    ck_assert_double_eq_tol(s.spread, sqrt((9 + 1 + 16) / 2.0), 1e-15);
    ck_assert(isnan(stats_of(values, 1).spread));
    ck_assert(isnan(stats_of(values, 0).mean));
}
END_TEST

START_TEST(correlation_of_lines_and_constants) {
    const float x[] = {1, 2, 3, 4}, up[] = {3, 5, 7, 9}, down[] = {1, 0, -1, -2},
                flat[] = {2, 2, 2, 2};
    ck_assert_double_eq_tol(stats_correlation(x, up, 4), 1, 1e-15);
    ck_assert_double_eq_tol(stats_correlation(x, down, 4), -1, 1e-15);
    ck_assert(isnan(stats_correlation(x, flat, 4)));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_grid");
    TCase *all = tcase_create("all");
    tcase_add_test(all, the_last_key_changes_fastest);
    tcase_add_test(all, commas_inside_brackets_and_quotes_belong_to_the_value);
    tcase_add_test(all, a_malformed_axis_is_refused);
    tcase_add_test(all, a_grid_has_limits);
    tcase_add_test(all, seeds_are_whole_numbers_each_once);
    tcase_add_test(all, mean_and_spread_leave_out_what_was_not_measured);
    tcase_add_test(all, correlation_of_lines_and_constants);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
