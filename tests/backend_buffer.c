/* Devices as they really are, and buffers on each of them. */
#include "backend/backend.h"
#include "harness/backend_targets.h"
#include "harness/suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(the_list_ends_with_the_reference) {
    struct device_info *list;
    int count;
    MUST(device_list(&list, &count));
    ck_assert_int_ge(count, 1);
    for (int i = 0; i < count; i++) {
        const struct device_info *d = &list[i];
        ck_assert_int_eq(d->kind == DEVICE_REFERENCE, i == count - 1);
        ck_assert_uint_gt(strlen(d->name), 0);
        ck_assert_uint_gt(strlen(d->platform), 0);
        ck_assert_uint_gt(strlen(d->driver), 0);
        ck_assert_uint_gt(d->global_bytes, 0);
        ck_assert_uint_gt(d->max_alloc_bytes, 0);
        ck_assert_int_gt(d->compute_units, 0);
        ck_assert_int_eq(d->portable, d->fma && d->denormals && d->exact_divide);
    }
    free(list);
}
END_TEST

START_TEST(a_device_is_found_by_its_indices_and_its_name) {
    struct device_info *list, found;
    int count;
    MUST(device_list(&list, &count));
    for (int i = 0; i < count - 1; i++) {
        char indices[32];
        snprintf(indices, sizeof indices, "%d:%d", list[i].platform_index, list[i].device_index);
        MUST(device_find(indices, &found));
        ck_assert_mem_eq(&found, &list[i], sizeof found);
    }
    MUST(device_find("cpu", &found));
    ck_assert_str_eq(found.name, list[count - 1].name);
    free(list);
}
END_TEST

START_TEST(find_two_defaults_to_the_reference_and_the_default) {
    struct device_info a, b, best;
    MUST(device_find(NULL, &best));
    MUST(device_find_two(NULL, &a, &b));
    ck_assert_int_eq((int)a.kind, DEVICE_REFERENCE);
    ck_assert_str_eq(b.name, best.name);
    REFUSED(device_find_two("cpu", &a, &b), ERR_USAGE, "two");
}
END_TEST

START_TEST(the_family_follows_the_type_and_can_be_forced) {
    struct device_info *list;
    int count;
    MUST(device_list(&list, &count));
    for (int i = 0; i < count - 1; i++) {
        struct device *d;
        MUST(device_open(&list[i], &d));
        ck_assert_int_eq(device_caps(d)->cpu_family, list[i].kind == DEVICE_CPU);
        device_close(d);
        setenv("DROPCL_FAMILY", "cpu", 1);
        MUST(device_open(&list[i], &d));
        ck_assert(device_caps(d)->cpu_family);
        device_close(d);
        setenv("DROPCL_FAMILY", "gpu", 1);
        MUST(device_open(&list[i], &d));
        ck_assert(!device_caps(d)->cpu_family);
        ck_assert_uint_eq(device_caps(d)->local_bytes, list[i].local_bytes);
        device_close(d);
        setenv("DROPCL_FAMILY", "tpu", 1);
        REFUSED(device_open(&list[i], &d), ERR_USAGE, "tpu");
        unsetenv("DROPCL_FAMILY");
    }
    free(list);
}
END_TEST

static void check_zeroed(struct device *d) {
    static const size_t sizes[] = {1, 3, 4, 16, 4096, 100003};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffer *b;
        unsigned char *bytes = malloc(sizes[i]);
        memset(bytes, 0xee, sizes[i]);
        MUST(buffer_new(d, sizes[i], &b));
        ck_assert_uint_eq(buffer_size(b), sizes[i]);
        MUST(buffer_read(b, 0, bytes, sizes[i]));
        for (size_t k = 0; k < sizes[i]; k++) ck_assert_uint_eq(bytes[k], 0);
        /* what a freed buffer held must not come back in the next one */
        memset(bytes, 0xee, sizes[i]);
        MUST(buffer_write(b, 0, bytes, sizes[i]));
        buffer_free(b);
        MUST(buffer_new(d, sizes[i], &b));
        MUST(buffer_read(b, 0, bytes, sizes[i]));
        for (size_t k = 0; k < sizes[i]; k++) ck_assert_uint_eq(bytes[k], 0);
        buffer_free(b);
        free(bytes);
    }
}

START_TEST(buffers_are_zeroed) {
    ck_assert_int_ge(on_every_target(check_zeroed), 1);
}
END_TEST

static void check_windows(struct device *d) {
    struct buffer *a, *b;
    char text[11] = "";
    MUST(buffer_new(d, 10, &a));
    MUST(buffer_new(d, 10, &b));
    MUST(buffer_write(a, 0, "abcdefghij", 10));
    MUST(buffer_write(a, 3, "XYZ", 3));
    MUST(buffer_write(a, 10, NULL, 0));
    MUST(buffer_copy(a, b));
    MUST(buffer_write(a, 0, "__________", 10));
    MUST(buffer_read(b, 0, text, 10));
    ck_assert_str_eq(text, "abcXYZghij");
    MUST(buffer_read(b, 5, text, 4));
    ck_assert_int_eq(strncmp(text, "Zghi", 4), 0);
    buffer_free(a);
    buffer_free(b);
}

START_TEST(windows_are_written_read_and_copied) {
    ck_assert_int_ge(on_every_target(check_windows), 1);
}
END_TEST

static void check_bounds(struct device *d) {
    struct buffer *a, *longer;
    char byte = 0;
    MUST(buffer_new(d, 10, &a));
    MUST(buffer_new(d, 11, &longer));
    REFUSED(buffer_write(a, 10, &byte, 1), ERR_SYSTEM, "buffer of 10 bytes");
    REFUSED(buffer_read(a, 4, &byte, 7), ERR_SYSTEM, "7 bytes at 4");
    REFUSED(buffer_read(a, SIZE_MAX, &byte, 2), ERR_SYSTEM, "passes the end");
    REFUSED(buffer_copy(a, longer), ERR_SYSTEM, "10 and 11");
    buffer_free(a);
    buffer_free(longer);
    buffer_free(NULL);
}

START_TEST(leaving_a_buffer_is_refused) {
    ck_assert_int_ge(on_every_target(check_bounds), 1);
}
END_TEST

/* The limits are those of the device_info, so small ones stand for a full device. */
static void check_limits(struct device *d) {
    struct device_info small = *device_about(d);
    struct device *e;
    struct buffer *a, *b = NULL, *c;
    small.global_bytes = 1000;
    small.max_alloc_bytes = 700;
    MUST(device_open(&small, &e));
    REFUSED(buffer_new(e, 701, &a), ERR_SYSTEM, "701 bytes do not fit on");
    ck_assert(strstr(err_message(), "700 bytes in one buffer") != NULL);
    ck_assert(strstr(err_message(), small.name) != NULL);
    MUST(buffer_new(e, 700, &a));
    MUST(buffer_new(e, 200, &b));
    REFUSED(buffer_new(e, 101, &c), ERR_SYSTEM, "900 are in use");
    buffer_free(a); /* gives its bytes back */
    MUST(buffer_new(e, 700, &a));
    buffer_free(a);
    buffer_free(b);
    device_close(e);
}

START_TEST(a_full_device_names_bytes_and_limits) {
    ck_assert_int_ge(on_every_target(check_limits), 1);
}
END_TEST

static void check_too_large(struct device *d) {
    struct buffer *b;
    REFUSED(buffer_new(d, device_about(d)->max_alloc_bytes + 1, &b), ERR_SYSTEM, "do not fit");
    REFUSED(buffer_new(d, SIZE_MAX, &b), ERR_SYSTEM, "do not fit");
}

START_TEST(more_than_the_device_has_is_refused) {
    ck_assert_int_ge(on_every_target(check_too_large), 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backend_buffer");
    TCase *tests = tcase_create("buffer");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_list_ends_with_the_reference);
    tcase_add_test(tests, a_device_is_found_by_its_indices_and_its_name);
    tcase_add_test(tests, find_two_defaults_to_the_reference_and_the_default);
    tcase_add_test(tests, the_family_follows_the_type_and_can_be_forced);
    tcase_add_test(tests, buffers_are_zeroed);
    tcase_add_test(tests, windows_are_written_read_and_copied);
    tcase_add_test(tests, leaving_a_buffer_is_refused);
    tcase_add_test(tests, a_full_device_names_bytes_and_limits);
    tcase_add_test(tests, more_than_the_device_has_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
