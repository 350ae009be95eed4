/* Programs on every device: what a step is given, in which order steps run, and that results are
 * equal to what plain arithmetic says. */
#include "harness/backend_fake.h"
#include "harness/backend_targets.h"
#include "harness/suite.h"
#include <stdlib.h>
#include <string.h>

static float read_trace(struct program *p) {
    float trace;
    MUST(program_read(p, FAKE_TRACE, &trace));
    return trace;
}

static void check_vector(struct program *p, int value, int factor, int cursor) {
    float y[FAKE_N];
    MUST(program_read(p, value, y));
    for (int i = 0; i < FAKE_N; i++) ck_assert_float_eq(y[i], fake_want(factor, i, cursor));
}

static void check_launches(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    MUST(program_new(d, &f.plan, f.external, &p));
    for (int cursor = 0; cursor < FAKE_ROWS; cursor++) {
        MUST(program_run(p, FAKE_SUM, FAKE_TRIPLE + 1, (uint32_t)cursor));
        check_vector(p, FAKE_Y, 2, cursor);
        check_vector(p, FAKE_Z, 3, cursor);
    }
    bool reference = device_about(d)->kind == DEVICE_REFERENCE;
    ck_assert_int_eq(program_launches(p, FAKE_SUM), reference ? 0 : 2);
    ck_assert_int_eq(program_launches(p, FAKE_DIGIT), reference ? 0 : 1);
    program_free(p);
    fake_close(&f);
}

START_TEST(steps_get_values_scratch_scalars_and_the_cursor) {
    ck_assert_int_ge(on_every_target(check_launches), 3);
}
END_TEST

static float run_trace(struct device *d, bool backward, int first, int last) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    f.repeat.backward = backward;
    MUST(program_new(d, &f.plan, f.external, &p));
    MUST(program_run(p, first, last, 0));
    float trace = read_trace(p);
    program_free(p);
    fake_close(&f);
    return trace;
}

static void check_order(struct device *d) {
    ck_assert_float_eq(run_trace(d, false, 0, FAKE_STEPS), 91929);
    ck_assert_float_eq(run_trace(d, true, 0, FAKE_STEPS), 291909);
    /* part of a repeat range: that part, as often */
    ck_assert_float_eq(run_trace(d, false, FAKE_DIGIT, FAKE_NINE), 12);
    ck_assert_float_eq(run_trace(d, true, FAKE_DIGIT, FAKE_NINE), 210);
    ck_assert_float_eq(run_trace(d, false, FAKE_NINE, FAKE_STEPS), 999);
    ck_assert_float_eq(run_trace(d, false, FAKE_DIGIT, FAKE_DIGIT), 0);
}

START_TEST(repeat_ranges_run_forward_and_backward) {
    ck_assert_int_ge(on_every_target(check_order), 3);
}
END_TEST

static void check_plain(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    f.plan.nrepeats = 0;
    MUST(program_new(d, &f.plan, f.external, &p));
    const float five = 5;
    MUST(program_write(p, FAKE_TRACE, &five));
    MUST(program_run(p, 0, FAKE_STEPS, 0));
    ck_assert_float_eq(read_trace(p), 509); /* iter is 0 outside of repeat ranges */
    program_free(p);
    fake_close(&f);
}

START_TEST(without_repeats_steps_run_once) {
    ck_assert_int_ge(on_every_target(check_plain), 3);
}
END_TEST

/* A value at an offset is read and written there and nowhere else. */
static void check_windows(struct device *d) {
    struct fake f;
    struct program *p;
    float b[FAKE_N], all[512];
    fake_open(&f, d);
    MUST(program_new(d, &f.plan, f.external, &p));
    for (int i = 0; i < FAKE_N; i++) b[i] = -(float)i;
    MUST(program_write(p, FAKE_B, b));
    MUST(buffer_read(f.external[BUFFER_PARAM], 0, all, sizeof all));
    for (int i = 0; i < 512; i++) {
        int k = i - FAKE_OFFSET;
        ck_assert_float_eq(all[i], k >= 0 && k < FAKE_N ? -(float)k : i < FAKE_N ? (float)i : 0);
    }
    REFUSED(program_read(p, FAKE_GONE, b), ERR_SYSTEM, "gone");
    program_free(p);
    fake_close(&f);
}

START_TEST(values_are_windows_of_their_buffers) {
    ck_assert_int_ge(on_every_target(check_windows), 3);
}
END_TEST

/* More marks than the ring holds, at several distances; nothing may be lost or run twice. */
static void check_throttle(struct device *d) {
    struct fake f;
    struct program *p;
    static const int ahead[] = {0, 1, 32, 100000};
    fake_open(&f, d);
    f.plan.nrepeats = 0;
    MUST(program_new(d, &f.plan, f.external, &p));
    for (int a = 0; a < 4; a++) {
        const float zero = 0;
        MUST(program_write(p, FAKE_TRACE, &zero));
        for (int i = 0; i < 150; i++) {
            if (i % 50 == 0) MUST(program_write(p, FAKE_TRACE, &zero));
            if (i % 50 < 7) MUST(program_run(p, FAKE_NINE, FAKE_STEPS, 0));
            MUST(program_throttle(p, ahead[a]));
        }
        MUST(program_finish(p));
        ck_assert_float_eq(read_trace(p), 9999999);
    }
    program_free(p); /* marks may still be in the ring */
    fake_close(&f);
}

START_TEST(throttling_loses_no_step) {
    ck_assert_int_ge(on_every_target(check_throttle), 3);
}
END_TEST

static void check_profile(struct device *d) {
    struct fake f;
    struct program *p;
    double seconds[FAKE_STEPS] = {-1, -1, -1, -1};
    fake_open(&f, d);
    MUST(program_new(d, &f.plan, f.external, &p));
    MUST(program_profile(p, FAKE_TRIPLE, FAKE_STEPS, 1, seconds));
    ck_assert_double_eq(seconds[FAKE_SUM], -1); /* not in the range */
    for (int s = FAKE_TRIPLE; s < FAKE_STEPS; s++) {
        ck_assert_double_gt(seconds[s], 0);
        ck_assert_double_lt(seconds[s], 60);
    }
    check_vector(p, FAKE_Z, 3, 1); /* profiling is running */
    ck_assert_float_eq(read_trace(p), 91929);
    program_free(p);
    fake_close(&f);
}

START_TEST(profiling_runs_the_steps_and_times_each) {
    ck_assert_int_ge(on_every_target(check_profile), 3);
}
END_TEST

/* Integers: every order of summation gives the same product. */
static void check_gemm(struct device *d) {
    struct fake f;
    struct program *p;
    float m[15], k[21], got[35];
    double seconds[FAKE_STEPS + 1];
    fake_open(&f, d);
    fake_add_gemm(&f);
    MUST(program_new(d, &f.plan, f.external, &p));
    for (int i = 0; i < 15; i++) m[i] = (float)(i - 4);
    for (int i = 0; i < 21; i++) k[i] = (float)(i * i % 11);
    MUST(program_write(p, FAKE_M, m));
    MUST(program_write(p, FAKE_K, k));
    for (int profiled = 0; profiled < 2; profiled++) {
        memset(got, 0, sizeof got);
        MUST(program_write(p, FAKE_P, got));
        MUST(profiled ? program_profile(p, FAKE_STEPS, FAKE_STEPS + 1, 0, seconds)
                      : program_run(p, FAKE_STEPS, FAKE_STEPS + 1, 0));
        MUST(program_read(p, FAKE_P, got));
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 7; j++) {
                float want = 0;
                for (int l = 0; l < 3; l++) want += m[i * 3 + l] * k[l * 7 + j];
                ck_assert_float_eq(got[i * 7 + j], want);
            }
    }
    ck_assert_double_gt(seconds[FAKE_STEPS], 0);
    program_free(p);
    fake_close(&f);
}

START_TEST(a_library_multiplies_when_the_recipe_allows_any_gemm) {
    ck_assert_int_ge(on_every_target(check_gemm), 3);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backend_program");
    TCase *tests = tcase_create("program");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, steps_get_values_scratch_scalars_and_the_cursor);
    tcase_add_test(tests, repeat_ranges_run_forward_and_backward);
    tcase_add_test(tests, without_repeats_steps_run_once);
    tcase_add_test(tests, values_are_windows_of_their_buffers);
    tcase_add_test(tests, throttling_loses_no_step);
    tcase_add_test(tests, profiling_runs_the_steps_and_times_each);
    tcase_add_test(tests, a_library_multiplies_when_the_recipe_allows_any_gemm);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
