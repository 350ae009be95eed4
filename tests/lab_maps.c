#include "harness/suite.h"
#include "lab/maps.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float next(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / (float)(1 << 24);
}

/* Sums of up to a few hundred doubles below 10. */
#define NEARLY 1e-9

/* 3 x 3 maps of one number each: whatever is kept says all. The centre and a corner are dropped:
 * 7 of the 8 neighbours of the one are kept, 2 of the 3 of the other. */
START_TEST(copies_explain_everything) {
    enum { ROWS = 5, CHANNELS = 2, SIDE = 9 * CHANNELS };
    float at[ROWS * SIDE];
    uint8_t kept[ROWS * SIDE];
    struct guess g;
    for (int i = 0; i < ROWS * SIDE; i++) {
        int row = i / SIDE, place = i % SIDE / CHANNELS, channel = i % CHANNELS;
        at[i] = (float)(row * row + 3 * channel * row);
        kept[i] = place != 4 && place != 0;
    }
    const struct maps m = {ROWS, 3, 3, CHANNELS, at};
    ck_assert_int_eq(maps_guess(&m, kept, &g), OK);
    ck_assert_double_eq_tol(g.dropped, 2.0 / 9, NEARLY);
    ck_assert_double_eq_tol(g.neighbours, 9.0 / 11, NEARLY);
    ck_assert_double_eq_tol(g.explained, 1, NEARLY);
}
END_TEST

/* The other channel is all there, and says the same; it is no neighbour. */
START_TEST(whole_maps_leave_nothing_to_guess_from) {
    enum { ROWS = 4, SIDE = 4 * 4 * 2 };
    float at[ROWS * SIDE];
    uint8_t kept[ROWS * SIDE];
    unsigned seed = 5;
    struct guess g;
    for (int i = 0; i < ROWS * SIDE; i++) {
        at[i] = i % 2 ? at[i - 1] : next(&seed);
        kept[i] = i % 2 == 1;
    }
    const struct maps m = {ROWS, 4, 4, 2, at};
    ck_assert_int_eq(maps_guess(&m, kept, &g), OK);
    ck_assert_double_eq(g.dropped, 0.5);
    ck_assert_double_eq(g.neighbours, 0);
    ck_assert_double_eq_tol(g.explained, 0, NEARLY);
}
END_TEST

static double squares(const float *values, int n, double mean) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)values[i] - mean) * ((double)values[i] - mean);
    return sum;
}

static double mean_of(const float *values, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)values[i];
    return sum / n;
}

/* Maps of 1 x 3. Of the first LINE rows the middle is dropped, so that its neighbours are the two
 * others and the fit leaves 1 - r^2 of its squares; of the others everything, so that their squares
 * about their own mean are left. */
START_TEST(what_is_left_is_what_the_line_leaves) {
    enum { LINE = 40, ALONE = 7, ROWS = LINE + ALONE };
    float at[ROWS * 3], around[LINE], middle[LINE + 3 * ALONE];
    uint8_t kept[ROWS * 3];
    unsigned seed = 11;
    struct guess g;
    for (int row = 0; row < ROWS; row++) {
        float *map = at + 3 * row, left = next(&seed), right = next(&seed);
        map[0] = left, map[2] = right, map[1] = (left + right) / 2 + next(&seed);
        for (int x = 0; x < 3; x++) kept[3 * row + x] = row < LINE && x != 1;
        if (row < LINE)
            around[row] = (left + right) / 2, middle[row] = map[1];
        else
            memcpy(middle + LINE + 3 * (row - LINE), map, 3 * sizeof *map);
    }
    const float *alone = middle + LINE;
    double r = stats_correlation(around, middle, LINE);
    double left = (1 - r * r) * squares(middle, LINE, mean_of(middle, LINE)) +
                  squares(alone, 3 * ALONE, mean_of(alone, 3 * ALONE));
    double all = squares(middle, LINE + 3 * ALONE, mean_of(middle, LINE + 3 * ALONE));
    const struct maps m = {ROWS, 1, 3, 1, at};
    ck_assert_int_eq(maps_guess(&m, kept, &g), OK);
    ck_assert_double_gt(r, 0.3);
    ck_assert_double_eq_tol(g.explained, 1 - left / all, 1e-6); /* `around` is rounded to floats */
    ck_assert_double_eq_tol(g.neighbours, 2.0 * LINE / (2 * LINE + 4 * ALONE), NEARLY);
}
END_TEST

START_TEST(without_variance_there_is_nothing_to_explain) {
    float at[2 * 9];
    uint8_t kept[2 * 9];
    struct guess g;
    for (int i = 0; i < 2 * 9; i++) at[i] = (float)i, kept[i] = 1;
    const struct maps m = {2, 3, 3, 1, at};
    ck_assert_int_eq(maps_guess(&m, kept, &g), OK);
    ck_assert_double_eq(g.dropped, 0);
    ck_assert(isnan(g.neighbours) && isnan(g.explained));
    for (int i = 0; i < 2 * 9; i++) at[i] = 0, kept[i] = i % 2 == 1;
    ck_assert_int_eq(maps_guess(&m, kept, &g), OK);
    ck_assert_double_gt(g.neighbours, 0);
    ck_assert(isnan(g.explained));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_maps");
    TCase *tests = tcase_create("maps");
    tcase_add_test(tests, copies_explain_everything);
    tcase_add_test(tests, whole_maps_leave_nothing_to_guess_from);
    tcase_add_test(tests, what_is_left_is_what_the_line_leaves);
    tcase_add_test(tests, without_variance_there_is_nothing_to_explain);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
