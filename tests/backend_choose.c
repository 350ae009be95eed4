/* The rules for choosing a device, on a made-up list. */
#include "backend/choose.h"
#include "harness/suite.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct device_info list[] = {
    {.name = "pthread-skylake",
     .platform = "Portable Computing Language",
     .version = "OpenCL 3.0 PoCL HSTR: pthread-x86_64-pc-linux-gnu-skylake",
     .kind = DEVICE_CPU},
    {.name = "Simulator, Deluxe",
     .platform = "Oclgrind",
     .platform_index = 1,
     .kind = DEVICE_OTHER},
    {.name = "NVIDIA H200", .platform = "NVIDIA CUDA", .platform_index = 2, .kind = DEVICE_GPU},
    {.name = "NVIDIA H200",
     .platform = "NVIDIA CUDA",
     .platform_index = 2,
     .device_index = 1,
     .kind = DEVICE_GPU},
    {.name = "NVIDIA T4",
     .platform = "NVIDIA CUDA",
     .platform_index = 2,
     .device_index = 2,
     .kind = DEVICE_GPU},
    {.name = "C reference",
     .platform = "dropcl",
     .platform_index = -1,
     .device_index = -1,
     .kind = DEVICE_REFERENCE},
};
enum { POCL, SIMULATOR, FIRST_H200, SECOND_H200, T4, REFERENCE, COUNT };

static const struct {
    const char *spec;
    int want; /* -1: refused */
    const char *message;
} cases[] = {
    {NULL, FIRST_H200, NULL},
    {"cpu", REFERENCE, NULL},
    {"CPU", REFERENCE, NULL},
    {"gpu", FIRST_H200, NULL},
    {"opencl", FIRST_H200, NULL},
    {"0:0", POCL, NULL},
    {"2:1", SECOND_H200, NULL},
    {"2:3", -1, "there is no device \"2:3\""},
    {"99999999999:0", -1, "no device matches"},
    {"-1:-1", -1, "no device matches"}, /* the reference has no indices */
    {"2:", -1, "no device matches"},
    {"portable", POCL, NULL}, /* a platform, in another case */
    {"pocl", POCL, NULL},     /* only its version says so */
    {"SKYLAKE", POCL, NULL},
    {"h200", FIRST_H200, NULL}, /* two of the same: the lowest index */
    {"t4", T4, NULL},
    {"nvidia", -1, "several different devices match \"nvidia\""},
    {"reference", REFERENCE, NULL},
    {"h100", -1, "no device matches \"h100\""},
    {"", -1, "empty name"},
};

START_TEST(each_text_chooses_its_device) {
    int index = -2;
    enum err rc = choose_device(list, COUNT, cases[_i].spec, &index);
    if (cases[_i].want >= 0) {
        ck_assert_int_eq((int)rc, OK);
        ck_assert_int_eq(index, cases[_i].want);
        return;
    }
    ck_assert_int_eq((int)rc, ERR_DEVICE);
    ck_assert_msg(strstr(err_message(), cases[_i].message) != NULL, "%s", err_message());
}
END_TEST

START_TEST(a_refusal_lists_every_device_with_its_indices) {
    int index;
    ck_assert_int_eq((int)choose_device(list, COUNT, "nvidia", &index), ERR_DEVICE);
    const char *lines[] = {"0:0  pthread-skylake (Portable Computing Language)", "2:1  NVIDIA H200",
                           "2:2  NVIDIA T4", "cpu  C reference"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        ck_assert_msg(strstr(err_message(), lines[i]) != NULL, "%s", err_message());
}
END_TEST

/* Without a GPU the order is CPU, anything else, the reference. */
START_TEST(the_default_without_a_gpu_is_another_opencl_device) {
    int index;
    const struct device_info cpu_last[] = {list[SIMULATOR], list[POCL], list[REFERENCE]};
    ck_assert_int_eq((int)choose_device(cpu_last, 3, NULL, &index), OK);
    ck_assert_int_eq(index, 1);
    ck_assert_int_eq((int)choose_device(cpu_last, 3, "opencl", &index), OK);
    ck_assert_int_eq(index, 1);
    ck_assert_int_eq((int)choose_device(&list[SIMULATOR], 1, NULL, &index), OK);
    ck_assert_int_eq(index, 0);
    ck_assert_int_eq((int)choose_device(cpu_last, 3, "gpu", &index), ERR_DEVICE);
}
END_TEST

START_TEST(without_opencl_the_default_is_the_reference) {
    int index;
    ck_assert_int_eq((int)choose_device(&list[REFERENCE], 1, NULL, &index), OK);
    ck_assert_int_eq(index, 0);
    ck_assert_int_eq((int)choose_device(&list[REFERENCE], 1, "opencl", &index), ERR_DEVICE);
    ck_assert_int_eq((int)choose_device(list, 0, NULL, &index), ERR_DEVICE);
}
END_TEST

/* The same name on another platform is another device. */
START_TEST(equal_names_on_two_platforms_are_different_devices) {
    struct device_info twice[2] = {list[T4], list[T4]};
    int index;
    ck_assert_int_eq((int)choose_device(twice, 2, "t4", &index), OK);
    snprintf(twice[1].platform, sizeof twice[1].platform, "rusticl");
    ck_assert_int_eq((int)choose_device(twice, 2, "t4", &index), ERR_DEVICE);
    ck_assert_int_eq((int)choose_device(twice, 2, "rusticl", &index), OK);
    ck_assert_int_eq(index, 1);
}
END_TEST

static const struct {
    const char *spec;
    int a, b; /* a -1: refused with code b */
} pairs[] = {
    {NULL, REFERENCE, FIRST_H200},
    {"cpu,0:0", REFERENCE, POCL},
    {"h200,cpu", FIRST_H200, REFERENCE},
    {"Simulator, Deluxe,cpu", SIMULATOR, REFERENCE}, /* the last comma splits */
    {"cpu,Simulator, Deluxe", REFERENCE, SIMULATOR}, /* an earlier one has to */
    {"cpu,cpu", REFERENCE, REFERENCE},
    {"cpu", -1, ERR_USAGE},
    {"cpu,", -1, ERR_DEVICE},
    {",cpu", -1, ERR_DEVICE},
    {"cpu,h100", -1, ERR_DEVICE},
    {"nvidia,cpu", -1, ERR_DEVICE},
    {"x,y,z", -1, ERR_DEVICE},
};

START_TEST(two_names_split_at_the_last_comma_that_works) {
    int a = -2, b = -2;
    enum err rc = choose_two(list, COUNT, pairs[_i].spec, &a, &b);
    if (pairs[_i].a < 0) {
        ck_assert_int_eq((int)rc, pairs[_i].b);
        return;
    }
    ck_assert_int_eq((int)rc, OK);
    ck_assert_int_eq(a, pairs[_i].a);
    ck_assert_int_eq(b, pairs[_i].b);
}
END_TEST

START_TEST(a_bad_pair_is_explained_by_its_bad_half) {
    int a, b;
    choose_two(list, COUNT, "cpu,h100", &a, &b);
    ck_assert_msg(strstr(err_message(), "\"h100\"") != NULL, "%s", err_message());
    choose_two(list, COUNT, "Simulator, Deluxe,h100", &a, &b);
    ck_assert_msg(strstr(err_message(), "\"h100\"") != NULL, "%s", err_message());
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backend_choose");
    TCase *tests = tcase_create("choose");
    tcase_add_loop_test(tests, each_text_chooses_its_device, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tests, a_refusal_lists_every_device_with_its_indices);
    tcase_add_test(tests, the_default_without_a_gpu_is_another_opencl_device);
    tcase_add_test(tests, without_opencl_the_default_is_the_reference);
    tcase_add_test(tests, equal_names_on_two_platforms_are_different_devices);
    tcase_add_loop_test(tests, two_names_split_at_the_last_comma_that_works, 0,
                        sizeof pairs / sizeof pairs[0]);
    tcase_add_test(tests, a_bad_pair_is_explained_by_its_bad_half);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
