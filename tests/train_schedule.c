/* Learning rate schedules against values worked out by hand. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "train/schedule.h"
#include <math.h>
#include <stdio.h>

/* 10 epochs of 4 steps, base rate 0.8. */
static double rate_at(const struct recipe *r, int64_t step) {
    const struct schedule_point at = {step, 40, 4};
    return schedule_rate(&r->train.schedule, 0.8, &at);
}

static void check_rates(const char *schedule, const double (*expected)[2], int count) {
    char setting[96];
    snprintf(setting, sizeof setting, "train.schedule=%s", schedule);
    struct recipe *r = train_recipe(setting, NULL);
    for (int i = 0; i < count; i++) {
        double rate = rate_at(r, (int64_t)expected[i][0]);
        /* a few operations in double: 1e-15 leaves room for each one's rounding */
        ck_assert_msg(fabs(rate - expected[i][1]) < 1e-15, "%s at step %g: %.17g, not %.17g",
                      schedule, expected[i][0], rate, expected[i][1]);
    }
    recipe_free(r);
}

#define CHECK_RATES(schedule, ...)                                                                 \
    do {                                                                                           \
        const double expected[][2] = __VA_ARGS__;                                                  \
        check_rates(schedule, expected, (int)(sizeof expected / sizeof *expected));                \
    } while (0)

START_TEST(constant_never_changes) {
    CHECK_RATES("constant", {{0, 0.8}, {1, 0.8}, {39, 0.8}});
}
END_TEST

START_TEST(absent_schedule_is_constant) {
    const struct choice none = {0};
    const struct schedule_point at = {17, 40, 4};
    ck_assert(schedule_rate(&none, 0.3, &at) == 0.3);
}
END_TEST

START_TEST(step_drops_at_whole_epochs) {
    CHECK_RATES("{step: {every: 3, factor: 0.5}}",
                {{0, 0.8}, {11, 0.8}, {12, 0.4}, {23, 0.4}, {24, 0.2}, {36, 0.1}, {39, 0.1}});
}
END_TEST

/* cos(pi/4) = sqrt(1/2), cos(pi/2) = 0, cos(pi/3) = 1/2 */
START_TEST(cosine_falls_to_zero) {
    CHECK_RATES("{cosine: {}}", {{0, 0.8},
                                 {10, 0.4 * (1 + 0.70710678118654752440)},
                                 {20, 0.4},
                                 {30, 0.4 * (1 - 0.70710678118654752440)},
                                 {40, 0}});
}
END_TEST

START_TEST(cosine_ends_at_the_asked_fraction) {
    CHECK_RATES("{cosine: {to: 0.25}}", {{0, 0.8}, {20, 0.5}, {40, 0.2}});
}
END_TEST

/* Half an epoch is 2 steps; the cosine then spans the other 38: its middle is step 21. */
START_TEST(warmup_rises_from_zero_and_shortens_the_cosine) {
    CHECK_RATES("{cosine: {warmup: 0.5}}", {{0, 0}, {1, 0.4}, {2, 0.8}, {21, 0.4}, {40, 0}});
}
END_TEST

START_TEST(warmup_precedes_every_schedule) {
    CHECK_RATES("{constant: {warmup: 2}}", {{0, 0}, {2, 0.2}, {7, 0.7}, {8, 0.8}, {39, 0.8}});
    CHECK_RATES("{step: {every: 1, factor: 0.5, warmup: 1}}",
                {{0, 0}, {3, 0.6}, {4, 0.4}, {8, 0.2}});
}
END_TEST

START_TEST(milestones_drop_after_the_epochs_named) {
    CHECK_RATES("{milestones: {at: [3, 7], factor: 0.5}}",
                {{0, 0.8}, {11, 0.8}, {12, 0.4}, {27, 0.4}, {28, 0.2}, {39, 0.2}});
    CHECK_RATES("{milestones: {at: 9, factor: 0, warmup: 1}}",
                {{0, 0}, {2, 0.4}, {4, 0.8}, {35, 0.8}, {36, 0}});
}
END_TEST

/* The peak is at step 10 of 40. */
START_TEST(one_cycle_rises_to_its_peak_and_falls) {
    CHECK_RATES("{one_cycle: {peak: 0.25, start: 0.5, end: 0.125}}",
                {{0, 0.4}, {5, 0.6}, {10, 0.8}, {25, 0.45}, {40, 0.1}});
    CHECK_RATES("{one_cycle: {peak: 0.5, start: 0, curve: cosine}}",
                {{0, 0},
                 {5, 0.4 * (1 - 0.70710678118654752440)},
                 {10, 0.4},
                 {20, 0.8},
                 {30, 0.4},
                 {40, 0}});
    CHECK_RATES("{one_cycle: {peak: 0, end: 0.5}}", {{0, 0.8}, {20, 0.6}, {40, 0.4}});
    CHECK_RATES("{one_cycle: {peak: 1, start: 0.5}}", {{0, 0.4}, {20, 0.6}, {40, 0.8}});
}
END_TEST

START_TEST(warmup_longer_than_the_run_is_only_a_rise) {
    CHECK_RATES("{cosine: {warmup: 20}}", {{0, 0}, {40, 0.4}});
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_test(tests, constant_never_changes);
    tcase_add_test(tests, absent_schedule_is_constant);
    tcase_add_test(tests, step_drops_at_whole_epochs);
    tcase_add_test(tests, cosine_falls_to_zero);
    tcase_add_test(tests, cosine_ends_at_the_asked_fraction);
    tcase_add_test(tests, warmup_rises_from_zero_and_shortens_the_cosine);
    tcase_add_test(tests, warmup_precedes_every_schedule);
    tcase_add_test(tests, milestones_drop_after_the_epochs_named);
    tcase_add_test(tests, one_cycle_rises_to_its_peak_and_falls);
    tcase_add_test(tests, warmup_longer_than_the_run_is_only_a_rise);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
