/* What a program refuses, and that the sentence says enough to find the fault. */
#include "harness/backend_fake.h"
#include "harness/backend_targets.h"
#include "harness/suite.h"
#include <stdlib.h>
#include <string.h>

static void check_binding(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    struct buffer *param = f.external[BUFFER_PARAM], *little;
    f.external[BUFFER_PARAM] = NULL;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "2048 bytes");
    MUST(buffer_new(d, 2047, &little));
    f.external[BUFFER_PARAM] = little;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "bound are 2047");
    struct device *other = open_reference();
    struct buffer *foreign;
    MUST(buffer_new(other, 2048, &foreign));
    f.external[BUFFER_PARAM] = foreign;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "on C reference");
    buffer_free(foreign);
    device_close(other);
    buffer_free(little);
    f.external[BUFFER_PARAM] = param;
    fake_close(&f);
}

START_TEST(missing_small_and_foreign_buffers_are_refused) {
    ck_assert_int_ge(on_every_target(check_binding), 1);
}
END_TEST

static void check_slots(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    f.slots[1] = device_about(d)->max_alloc_bytes + 1;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "do not fit");
    fake_close(&f);
}

START_TEST(a_plan_too_large_for_the_device_is_refused) {
    ck_assert_int_ge(on_every_target(check_slots), 1);
}
END_TEST

/* Prepares the fake plan with another kernel file in place of its own. */
static void refuse_kernels(struct device *d, const char *source, const char *const *messages) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    kernel_override("fake.cl", source);
    ck_assert_int_eq((int)program_new(d, &f.plan, f.external, &p), ERR_SYSTEM);
    for (; *messages; messages++)
        if (!strstr(err_message(), *messages))
            ck_abort_msg("\"%s\" is not in: %s", *messages, err_message());
    fake_close(&f);
    /* the device is as good as before */
    fake_open(&f, d);
    MUST(program_new(d, &f.plan, f.external, &p));
    program_free(p);
    fake_close(&f);
}

static void check_syntax(struct device *d) {
    const char *wrong[] = {"fake.cl does not build", "-DFACTOR=2", "CL_BUILD_PROGRAM_FAILURE",
                           device_about(d)->name, NULL};
    refuse_kernels(d, "kernel void twice(global float *a) {\n    a[0] = nonsense;\n}\n", wrong);
    ck_assert_uint_lt(strlen(err_message()), 4096);
}

START_TEST(a_broken_kernel_is_named_with_file_defines_and_device) {
    ck_assert_int_ge(on_every_opencl_target(check_syntax), 2);
}
END_TEST

/* The compiler's own words, with file and line as in the kernels folder. POCL is the one device
 * whose log has a known form. */
static void check_log(struct device *d) {
    if (!strstr(device_about(d)->platform, "Portable Computing Language")) return;
    const char *wrong[] = {"fake.cl:2:", "nonsense", NULL};
    refuse_kernels(d, "kernel void twice(global float *a) {\n    a[0] = nonsense;\n}\n", wrong);
}

START_TEST(the_compiler_speaks_of_the_line_in_the_kernel_file) {
    ck_assert_int_ge(on_every_opencl_target(check_log), 2);
}
END_TEST

static void check_signature(struct device *d) {
    const char *absent[] = {"twice", "fake.cl", "CL_INVALID_KERNEL_NAME", NULL};
    refuse_kernels(d, "kernel void other(global float *a) {\n    a[0] = 0;\n}\n", absent);
    const char *count[] = {"twice of fake.cl takes 1 arguments, its launch gives 3", NULL};
    refuse_kernels(d, "kernel void twice(global float *a) {\n    a[0] = 0;\n}\n", count);
}

START_TEST(a_kernel_that_does_not_fit_its_launch_is_refused) {
    ck_assert_int_ge(on_every_opencl_target(check_signature), 2);
}
END_TEST

static void check_group(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    fake_group = 1 << 20;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM,
            "twice of fake.cl wants groups of 1048576");
    fake_group = 0;
    fake_close(&f);
}

START_TEST(a_group_larger_than_the_kernel_allows_is_refused) {
    ck_assert_int_ge(on_every_opencl_target(check_group), 2);
}
END_TEST

static void check_files(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    kernel_override("fake.cl", NULL);
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "there is no kernel file fake.cl");
    fake_close(&f);
}

START_TEST(a_missing_kernel_file_is_named) {
    ck_assert_int_ge(on_every_opencl_target(check_files), 2);
}
END_TEST

/* 1 float: no device allows sub-buffers at every 4 bytes. */
static void check_alignment(struct device *d) {
    struct fake f;
    struct program *p;
    fake_open(&f, d);
    f.values[FAKE_B].offset = 1;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "value b starts at byte 4");
    f.values[FAKE_B].buffer = -1;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "value b, which has no buffer");
    fake_close(&f);
}

START_TEST(values_without_a_usable_place_are_refused) {
    ck_assert_int_ge(on_every_opencl_target(check_alignment), 2);
}
END_TEST

/* A product of no terms, which the library refuses: the operation's own kernel is there instead. */
static void check_gemm(struct device *d) {
    struct fake f;
    struct program *p;
    static const int empty = 1;
    fake_open(&f, d);
    fake_add_gemm(&f);
    MUST(program_new(d, &f.plan, f.external, &p));
    ck_assert_ptr_null(program_fallback(p, FAKE_STEPS));
    program_free(p);
    f.steps[FAKE_STEPS].attr = &empty;
    MUST(program_new(d, &f.plan, f.external, &p));
    const char *why = program_fallback(p, FAKE_STEPS);
    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_nonnull(strstr(why, "m 5, n 7, k 0"));
    ck_assert_ptr_nonnull(strstr(why, "-1017 (CLBlastInvalidDimension)"));
    ck_assert_ptr_null(program_fallback(p, 0));
    MUST(program_run(p, FAKE_STEPS, FAKE_STEPS + 1, 0));
    MUST(program_finish(p));
    program_free(p);
    f.values[FAKE_K].buffer = -1;
    REFUSED(program_new(d, &f.plan, f.external, &p), ERR_SYSTEM, "value k, which has no buffer");
    fake_close(&f);
}

START_TEST(a_failing_library_call_is_replaced_and_names_its_sizes) {
    ck_assert_int_ge(on_every_opencl_target(check_gemm), 2);
}
END_TEST

START_TEST(kernel_files_can_be_replaced_and_restored) {
    const char *built_in = kernel_source("mask.cl");
    ck_assert_ptr_nonnull(built_in);
    ck_assert_ptr_nonnull(strstr(built_in, "mask_bits"));
    kernel_override("mask.cl", "x");
    ck_assert_str_eq(kernel_source("mask.cl"), "x");
    kernel_override("mask.cl", "y");
    ck_assert_str_eq(kernel_source("mask.cl"), "y");
    kernel_override("mask.cl", NULL);
    ck_assert_ptr_eq(kernel_source("mask.cl"), built_in);
    ck_assert_ptr_null(kernel_source("mask"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backend_refuse");
    TCase *tests = tcase_create("refuse");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, missing_small_and_foreign_buffers_are_refused);
    tcase_add_test(tests, a_plan_too_large_for_the_device_is_refused);
    tcase_add_test(tests, a_broken_kernel_is_named_with_file_defines_and_device);
    tcase_add_test(tests, the_compiler_speaks_of_the_line_in_the_kernel_file);
    tcase_add_test(tests, a_kernel_that_does_not_fit_its_launch_is_refused);
    tcase_add_test(tests, a_group_larger_than_the_kernel_allows_is_refused);
    tcase_add_test(tests, a_missing_kernel_file_is_named);
    tcase_add_test(tests, values_without_a_usable_place_are_refused);
    tcase_add_test(tests, a_failing_library_call_is_replaced_and_names_its_sizes);
    tcase_add_test(tests, kernel_files_can_be_replaced_and_restored);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
