/* Arena and error messages. */
#include "base/arena.h"
#include "base/err.h"
#include "harness/suite.h"
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST(arena_memory_is_zeroed_aligned_and_apart) {
    struct arena *a = arena_new();
    unsigned char *blocks[300];
    /* Sizes around the block size of the arena too. */
    for (size_t i = 0; i < 300; i++) {
        size_t size = i % 7 == 6 ? 16300 + i : i;
        unsigned char *p = blocks[i] = arena_alloc(a, size);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t k = 0; k < size; k++) ck_assert_uint_eq(p[k], 0);
        memset(p, (int)(i & 255), size);
    }
    for (size_t i = 0; i < 300; i++)
        if (i) ck_assert_uint_eq(blocks[i][0], i & 255);
    arena_free(a);
    arena_free(NULL);
}
END_TEST

START_TEST(an_absurd_size_gives_null_and_the_arena_lives_on) {
    struct arena *a = arena_new();
    ck_assert_ptr_null(arena_alloc(a, SIZE_MAX));
#ifndef DROPCL_SANITIZED /* the sanitizer ends the program where malloc would return NULL */
    ck_assert_ptr_null(arena_alloc(a, SIZE_MAX / 2 - 64));
#endif
    ck_assert_ptr_nonnull(arena_alloc(a, 10));
    arena_free(a);
}
END_TEST

START_TEST(strings_are_copied) {
    struct arena *a = arena_new();
    ck_assert_str_eq(arena_strdup(a, "dense"), "dense");
    ck_assert_str_eq(arena_strndup(a, "dense", 3), "den");
    ck_assert_str_eq(arena_strndup(a, "dense", 99), "dense");
    ck_assert_str_eq(arena_printf(a, "%s%d", "dense", 12), "dense12");
    arena_free(a);
}
END_TEST

START_TEST(growing_keeps_what_was_there) {
    struct arena *a = arena_new();
    int *numbers = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 5000; i++) {
        numbers = arena_grow(a, numbers, (size_t)i, &capacity, sizeof *numbers);
        ck_assert_ptr_nonnull(numbers);
        ck_assert_uint_gt(capacity, (size_t)i);
        numbers[i] = i;
    }
    for (int i = 0; i < 5000; i++) ck_assert_int_eq(numbers[i], i);
    ck_assert_uint_eq(capacity, 8192);
    arena_free(a);
}
END_TEST

START_TEST(a_message_may_contain_the_message_before) {
    ck_assert_int_eq(err_set(ERR_DATA, "bad %s", "header"), ERR_DATA);
    ck_assert_int_eq(err_set(ERR_IO, "file x: %s", err_message()), ERR_IO);
    ck_assert_str_eq(err_message(), "file x: bad header");
    err_append("after: %s", err_message());
    ck_assert_str_eq(err_message(), "file x: bad header\nafter: file x: bad header");
}
END_TEST

START_TEST(a_message_that_is_too_long_is_cut) {
    err_set(ERR_DATA, "%s", "");
    for (int i = 0; i < 3000; i++) err_append("line %d", i);
    size_t length = strlen(err_message());
    ck_assert_uint_gt(length, 16000);
    ck_assert_uint_lt(length, 16384);
    ck_assert_int_eq(strncmp(err_message(), "line 0\nline 1\n", 14), 0);
}
END_TEST

static void *on_another_thread(void *unused) {
    (void)unused;
    bool empty = err_message()[0] == 0;
    err_set(ERR_DATA, "theirs");
    return empty ? "empty" : NULL;
}

START_TEST(each_thread_has_its_own_message) {
    err_set(ERR_DATA, "mine");
    pthread_t thread;
    void *result = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, on_another_thread, NULL), 0);
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
    ck_assert_str_eq(err_message(), "mine");
}
END_TEST

START_TEST(codes_have_names_and_the_values_of_sysexits) {
    ck_assert_int_eq(ERR_USAGE, 64);
    ck_assert_int_eq(ERR_RECIPE, 78);
    ck_assert_str_eq(err_name(OK), "ok");
    ck_assert_str_eq(err_name(ERR_MISSING), "missing input");
    ck_assert_str_eq(err_name((enum err)12345), "unknown");
    ck_assert_int_eq(err_memory("a plan"), ERR_SYSTEM);
    ck_assert_str_eq(err_message(), "out of memory: a plan");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base_memory");
    TCase *all = tcase_create("all");
    tcase_add_test(all, arena_memory_is_zeroed_aligned_and_apart);
    tcase_add_test(all, an_absurd_size_gives_null_and_the_arena_lives_on);
    tcase_add_test(all, strings_are_copied);
    tcase_add_test(all, growing_keeps_what_was_there);
    tcase_add_test(all, a_message_may_contain_the_message_before);
    tcase_add_test(all, a_message_that_is_too_long_is_cut);
    tcase_add_test(all, each_thread_has_its_own_message);
    tcase_add_test(all, codes_have_names_and_the_values_of_sysexits);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
