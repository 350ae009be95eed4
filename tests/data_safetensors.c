/* safetensors files: what is written comes back, equal content gives equal bytes, and nothing is
 * written that no reader would take. */
#include "base/io.h"
#include "harness/data_tensors.h"
#include "harness/suite.h"
#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const float floats[1] = {1};
static const uint8_t bytes[1] = {1};

START_TEST(what_is_written_comes_back_bit_for_bit) {
    struct safetensors *s;
    const char *path = tensors_path("x");
    tensors_write_sample(path);
    ck_assert_int_eq(safetensors_open(path, &s), OK);
    ck_assert_int_eq(s->ntensors, 4);
    ck_assert_int_eq(s->nmetadata, 3);
    for (int i = 0; i < 4; i++)
        tensors_expect_same(safetensors_find(s, sample[i].name), &sample[i]);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(safetensors_metadata(s, sample_metadata[i].key), sample_metadata[i].value);
    ck_assert_ptr_null(safetensors_find(s, "fc1"));
    ck_assert_ptr_null(safetensors_find(s, "__metadata__"));
    ck_assert_ptr_null(safetensors_metadata(s, "fc1.bias"));
    safetensors_close(s);
    safetensors_close(NULL);
}
END_TEST

START_TEST(tensors_come_in_the_order_of_the_file) {
    /* Written: large elements first, then by name. */
    static const char *const sorted[] = {"count", "fc1.bias", "fc1.weight", "small"};
    struct safetensors *s;
    const char *path = tensors_path("x");
    ck_assert_int_eq(safetensors_write(path, sample, 4, NULL, 0), OK);
    ck_assert_int_eq(safetensors_open(path, &s), OK);
    ck_assert_int_eq(s->nmetadata, 0);
    for (int i = 0; i < 4; i++) ck_assert_str_eq(s->tensors[i].name, sorted[i]);
    safetensors_close(s);
}
END_TEST

START_TEST(the_bytes_are_those_of_the_format) {
    /* Put together by hand from the description of the format; 8 + 144 + 13 bytes. */
    static const char want[] = "\x90\0\0\0\0\0\0\0"
                               "{\"__metadata__\":{\"a\":\"1\",\"b\":\"\\\"\"},"
                               "\"w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
                               "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[12,13]}}  "
                               "\0\0\x80\x3f\0\0\0\xc0\0\0\0\x80\x2a";
    static const float w[] = {1, -2, -0.0f};
    static const struct tensor two[] = {{"a", "U8", 0, {0}, "*", 1}, {"w", "F32", 1, {3}, w, 12}};
    static const struct metadata data[] = {{"b", "\""}, {"a", "1"}};
    size_t size;
    const char *path = tensors_path("x");
    ck_assert_int_eq(safetensors_write(path, two, 2, data, 2), OK);
    char *got = tensors_content(path, &size);
    ck_assert_uint_eq(size, sizeof want - 1);
    ck_assert_int_eq(memcmp(got, want, size), 0);
    free(got);
}
END_TEST

START_TEST(equal_content_gives_equal_bytes_in_any_order) {
    size_t size, other_size;
    const char *path = tensors_path("x");
    tensors_write_sample(path);
    char *first = tensors_content(path, &size), *other;
    ck_assert_uint_eq((size - 24 - 4 - 8 - 5) % 8, 0); /* the padded header and its length */
    for (int turn = 1; turn < 12; turn++) {
        struct tensor tensors[4];
        struct metadata data[3];
        for (int i = 0; i < 4; i++)
            tensors[i] = sample[turn & 4 ? (turn - i + 4) % 4 : (turn + i) % 4];
        for (int i = 0; i < 3; i++) data[i] = sample_metadata[(i + turn) % 3];
        ck_assert_int_eq(safetensors_write(path, tensors, 4, data, 3), OK);
        other = tensors_content(path, &other_size);
        ck_assert_uint_eq(other_size, size);
        ck_assert_int_eq(memcmp(first, other, size), 0);
        free(other);
    }
    free(first);
}
END_TEST

START_TEST(nothing_and_emptiness_are_legal) {
    static const struct tensor empty[] = {{"b", "F64", 3, {4, 0, 3}, NULL, 0},
                                          {"", "I8", 8, {1, 1, 1, 1, 1, 1, 1, 1}, bytes, 1},
                                          {"a", "BF16", 1, {0}, NULL, 0}};
    struct safetensors *s;
    const char *path = tensors_path("x");
    ck_assert_int_eq(safetensors_write(path, NULL, 0, NULL, 0), OK);
    ck_assert_int_eq(safetensors_open(path, &s), OK);
    ck_assert_int_eq(s->ntensors, 0);
    safetensors_close(s);
    ck_assert_int_eq(safetensors_write(path, empty, 3, NULL, 0), OK);
    ck_assert_int_eq(safetensors_open(path, &s), OK);
    for (int i = 0; i < 3; i++) tensors_expect_same(safetensors_find(s, empty[i].name), &empty[i]);
    safetensors_close(s);
}
END_TEST

/* ---- what must not be written ---- */

static const struct {
    struct tensor tensor;
    const char *sentence;
} unwritable[] = {
    {{"small", "U8", 0, {0}, bytes, 1}, "\"small\" would be written twice"},
    {{"small", "F32", 0, {0}, floats, 4}, "\"small\" would be written twice"},
    {{"__metadata__", "U8", 0, {0}, bytes, 1}, "no tensor may be called"},
    {{"a", "float", 0, {0}, bytes, 1}, "the unknown type \"float\""},
    {{"a", "U8", 9, {0}, bytes, 1}, "has 9 dimensions"},
    {{"a", "U8", -1, {0}, bytes, 1}, "has -1 dimensions"},
    {{"a", "U8", 1, {-1}, bytes, 1}, "the negative dimension -1"},
    {{"a", "U8", 2, {1L << 40, 1L << 40}, bytes, 1}, "too large for any memory"},
    {{"a", "U8", 1, {2}, bytes, 1}, "has 1 bytes, its shape needs 2"},
    {{"\xff", "U8", 1, {1}, bytes, 1}, "it is not UTF-8"},
};

START_TEST(what_no_reader_would_take_is_not_written) {
    size_t size, after;
    const char *path = tensors_path("x");
    tensors_write_sample(path);
    char *before = tensors_content(path, &size);
    struct tensor two[] = {sample[0], unwritable[_i].tensor};
    ck_assert_int_eq(safetensors_write(path, two, 2, NULL, 0), ERR_DATA);
    ck_assert_msg(strstr(err_message(), unwritable[_i].sentence), "%s", err_message());
    char *kept = tensors_content(path, &after); /* the old file is still there */
    ck_assert_uint_eq(after, size);
    ck_assert_int_eq(memcmp(before, kept, size), 0);
    free(before);
    free(kept);
}
END_TEST

START_TEST(bad_metadata_is_not_written) {
    static const struct metadata twice[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
    static const struct metadata value = {"a", "caf\xe9"}, key = {"\x80", "1"};
    const char *path = tensors_path("x");
    ck_assert_int_eq(safetensors_write(path, sample, 4, twice, 3), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_message(), "\"a\" would be written twice"));
    ck_assert_int_eq(safetensors_write(path, sample, 4, &value, 1), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_message(), "not UTF-8"));
    ck_assert_int_eq(safetensors_write(path, sample, 4, &key, 1), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_message(), "not UTF-8"));
    ck_assert(!io_exists(path));
}
END_TEST

START_TEST(a_header_beyond_the_limit_of_readers_is_not_written) {
    size_t limit = 100000000;
    char *value = malloc(limit + 1);
    memset(value, 'x', limit);
    value[limit] = 0;
    const struct metadata one = {"key", value};
    ck_assert_int_eq(safetensors_write(tensors_path("x"), NULL, 0, &one, 1), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_message(), "100000000 are possible"));
    ck_assert(!io_exists(tensors_path("x")));
    free(value);
}
END_TEST

/* RFC 3629, section 4, at its edges. */
static const struct {
    const char *text;
    bool valid;
} utf8[] = {
    {"\x7f", true},
    {"\xc2\x80", true},
    {"\xdf\xbf", true},
    {"\xe0\xa0\x80", true},
    {"\xed\x9f\xbf", true},
    {"\xee\x80\x80", true},
    {"\xef\xbf\xbf", true},
    {"\xf0\x90\x80\x80", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xc1\xbf", false},
    {"\xc3", false},
    {"\xc3(", false},
    {"\xe0\x9f\xbf", false},
    {"\xed\xa0\x80", false},
    {"\xe2\x82", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf8\x90\x80\x80", false},
    {"\xff", false},
};

START_TEST(metadata_is_utf8_or_refused) {
    const char *path = tensors_path("x");
    const struct metadata one = {"key", utf8[_i].text};
    enum err rc = safetensors_write(path, NULL, 0, &one, 1);
    ck_assert_int_eq(rc, utf8[_i].valid ? OK : ERR_DATA);
    if (rc) {
        ck_assert_ptr_nonnull(strstr(err_message(), "not UTF-8"));
        return;
    }
    struct safetensors *s;
    ck_assert_int_eq(safetensors_open(path, &s), OK);
    ck_assert_str_eq(safetensors_metadata(s, "key"), utf8[_i].text);
    safetensors_close(s);
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_an_error) {
    ck_assert_int_eq(safetensors_write(tensors_path("absent/x"), sample, 4, NULL, 0), ERR_CREATE);
    ck_assert_int_eq(safetensors_write(tensors_folder(), sample, 4, NULL, 0), ERR_CREATE);
}
END_TEST

/* ---- memory ---- */

static long allocations_left;

static void *scarce(size_t size) {
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* The n-th allocation of the JSON library fails, and all that follow: after a single failure its
 * lexer runs into an assertion of its own. It calls some failures bad JSON, hence ERR_DATA too. */
START_TEST(reading_without_memory_gives_an_error_and_no_half_file) {
    const char *path = tensors_path("x");
    tensors_write_sample(path);
    json_set_alloc_funcs(scarce, free);
    struct safetensors *s = NULL;
    int failed = 0;
    for (;; failed++) {
        allocations_left = failed;
        enum err rc = safetensors_open(path, &s);
        if (!rc) break;
        ck_assert_ptr_null(s);
        ck_assert_msg(rc == ERR_SYSTEM || (failed && rc == ERR_DATA), "%s", err_message());
    }
    tensors_expect_sample(s);
    safetensors_close(s);
    json_set_alloc_funcs(malloc, free);
    ck_assert_int_gt(failed, 20);
}
END_TEST

int main(void) {
    TCase *tc = tcase_create("safetensors");
    tcase_add_checked_fixture(tc, tensors_make_folder, tensors_remove_folder);
    tcase_add_test(tc, what_is_written_comes_back_bit_for_bit);
    tcase_add_test(tc, tensors_come_in_the_order_of_the_file);
    tcase_add_test(tc, the_bytes_are_those_of_the_format);
    tcase_add_test(tc, equal_content_gives_equal_bytes_in_any_order);
    tcase_add_test(tc, nothing_and_emptiness_are_legal);
    tcase_add_loop_test(tc, what_no_reader_would_take_is_not_written, 0,
                        sizeof unwritable / sizeof unwritable[0]);
    tcase_add_test(tc, bad_metadata_is_not_written);
    tcase_add_loop_test(tc, metadata_is_utf8_or_refused, 0, sizeof utf8 / sizeof utf8[0]);
    tcase_add_test(tc, a_header_beyond_the_limit_of_readers_is_not_written);
    tcase_add_test(tc, a_place_that_cannot_be_written_is_an_error);
    tcase_add_test(tc, reading_without_memory_gives_an_error_and_no_half_file);
    Suite *suite = suite_create("data_safetensors");
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
