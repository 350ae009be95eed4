/* The IDX reader: good files plain and compressed, and every lie a file can tell. */
#include "data/idx.h"
#include "harness/data_files.h"
#include "harness/suite.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const uint32_t small[] = {5, 4, 3};

/* A good file of 76 bytes: 16 of header, 60 values. */
static struct bytes good(void) {
    return files_idx(3, small, 251);
}

static void expect_good(const char *path) {
    struct idx x;
    struct bytes want = good();
    ck_assert_msg(idx_read(path, 3, &x) == OK, "%s", err_message());
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(x.dim[i], small[i]);
    ck_assert_uint_eq(x.size, 60);
    ck_assert_mem_eq(x.data, want.data + 16, 60);
    free(x.data);
    free(want.data);
}

/* Demands ERR_DATA with the file's name and both texts, and that nothing is handed out. */
static void expect_bad(const char *name, const void *data, size_t size, const char *first,
                       const char *second) {
    struct idx x;
    const char *path = files_write(name, data, size);
    enum err rc = idx_read(path, 3, &x);
    EXPECT_MESSAGE(rc, ERR_DATA, path, first, second);
    ck_assert_ptr_null(x.data);
}

START_TEST(plain_and_gzip_files_give_the_same_values) {
    struct bytes f = good(), z = files_gzip(f.data, f.size);
    expect_good(files_write("a", f.data, f.size));
    expect_good(files_write("a.gz", z.data, z.size));
    free(f.data);
    free(z.data);
}
END_TEST

START_TEST(large_files_come_back_whole) {
    /* More than several buffers, and not a power of two. */
    const uint32_t dim[] = {300007};
    struct bytes f = files_idx(1, dim, 256), z = files_gzip(f.data, f.size);
    const char *paths[] = {files_write("a", f.data, f.size), files_write("a.gz", z.data, z.size)};
    for (int i = 0; i < 2; i++) {
        struct idx x;
        ck_assert_msg(idx_read(paths[i], 1, &x) == OK, "%s", err_message());
        ck_assert_uint_eq(x.size, dim[0]);
        ck_assert_mem_eq(x.data, f.data + 8, dim[0]);
        free(x.data);
    }
    free(f.data);
    free(z.data);
}
END_TEST

START_TEST(a_gzip_file_may_have_several_members) {
    struct bytes f = good(), a = files_gzip(f.data, 30), b = files_gzip(f.data + 30, 46);
    struct bytes both = {malloc(a.size + b.size), a.size + b.size};
    memcpy(both.data, a.data, a.size);
    memcpy(both.data + a.size, b.data, b.size);
    expect_good(files_write("a.gz", both.data, both.size));
    free(f.data);
    free(a.data);
    free(b.data);
    free(both.data);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused) {
    struct bytes f = good(), z = files_gzip(f.data, f.size);
    for (size_t n = 0; n < f.size; n++)
        expect_bad("a", f.data, n, "truncated", n < 16 ? "found" : "promise 5 x 4 x 3");
    for (size_t n = 2; n < z.size; n++) expect_bad("a.gz", z.data, n, "truncated", "gzip");
    for (size_t n = 0; n < 2; n++) expect_bad("a.gz", z.data, n, "1f 8b", "fewer than two bytes");
    free(f.data);
    free(z.data);
}
END_TEST

/* A copy of the good file with `extra` zero bytes behind it. */
static struct bytes longer(size_t extra) {
    struct bytes f = good();
    struct bytes out = {calloc(f.size + extra, 1), f.size + extra};
    memcpy(out.data, f.data, f.size);
    free(f.data);
    return out;
}

START_TEST(bytes_behind_the_end_are_refused) {
    struct bytes f = longer(1), z = files_gzip(f.data, f.size);
    expect_bad("a", f.data, f.size, "oversized", "60");
    expect_bad("a.gz", z.data, z.size, "oversized", "60");
    free(f.data);
    free(z.data);
}
END_TEST

START_TEST(bytes_behind_the_gzip_data_are_refused) {
    struct bytes f = good(), z = files_gzip(f.data, f.size);
    uint8_t *more = calloc(z.size + 3, 1);
    memcpy(more, z.data, z.size);
    expect_bad("a.gz", more, z.size + 1, "bytes follow the end", "gzip");
    expect_bad("a.gz", more, z.size + 3, "bytes follow the end", "gzip");
    free(more);
    free(f.data);
    free(z.data);
}
END_TEST

START_TEST(every_field_of_the_header_is_checked) {
    static const struct {
        size_t offset;
        uint8_t value;
        const char *first, *second;
    } faults[] = {
        {0, 1, "01000803", "00000803"},
        {1, 9, "00090803", "00000803"},
        {2, 0x0d, "00000d03", "unsigned bytes"},
        {3, 1, "is 1, expected 3", "labels in the place"},
        {3, 2, "is 2, expected 3", "dimensions"},
        {7, 0, "dimension 0 is 0", "at least 1"},
        {11, 0, "dimension 1 is 0", "at least 1"},
        {15, 0, "dimension 2 is 0", "at least 1"},
        {7, 6, "promise 6 x 4 x 3", "hold 60"},
        {7, 4, "oversized", "promises 48"},
        {4, 0x80, "promise 2147483653 x 4 x 3", "hold 60"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct bytes f = good();
        f.data[faults[i].offset] = faults[i].value;
        expect_bad("a", f.data, f.size, faults[i].first, faults[i].second);
        free(f.data);
    }
}
END_TEST

START_TEST(a_file_that_is_still_gzipped_says_so) {
    struct bytes f = good(), z = files_gzip(f.data, f.size);
    expect_bad("a", z.data, z.size, "still gzipped", ".gz");
    expect_bad("a.gz", f.data, f.size, "not a gzip file", "1f 8b");
    free(f.data);
    free(z.data);
}
END_TEST

START_TEST(no_flipped_bit_of_a_gzip_file_changes_values_unseen) {
    struct bytes f = good(), z = files_gzip(f.data, f.size);
    int refused = 0, harmless = 0;
    for (size_t bit = 0; bit < 8 * z.size; bit++) {
        struct idx x;
        z.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const char *path = files_write("a.gz", z.data, z.size);
        enum err rc = idx_read(path, 3, &x);
        z.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* Header bits such as the time or the system change nothing: then the values are right. */
        if (rc == OK) ck_assert_mem_eq(x.data, f.data + 16, 60);
        if (rc != OK) ck_assert_int_eq(rc, ERR_DATA);
        harmless += rc == OK;
        refused += rc == ERR_DATA;
        free(x.data);
    }
    /* 4 bytes of time, one of flags, one of system, and a few bits whose fields are not used. */
    ck_assert_int_ge(harmless, 48);
    ck_assert_int_ge(refused, (int)(8 * (z.size - 10)));
    free(f.data);
    free(z.data);
}
END_TEST

/* Runs with 256 MB of address space on top of what the process has: a reader that believes a header
 * or unpacks a bomb cannot. */
static void limit_memory(void) {
    const struct rlimit little = {(rlim_t)256 << 20, (rlim_t)256 << 20};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &little), 0);
}

START_TEST(a_lying_header_costs_no_memory) {
    uint8_t header[2000] = {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9};
    struct bytes z = files_gzip(header, sizeof header);
    limit_memory();
    expect_bad("a", header, sizeof header, "4294967295 x 4294967295 x 9", "hold 1984");
    expect_bad("a.gz", z.data, z.size, "4294967295 x 4294967295 x 9", "truncated");
    free(z.data);
}
END_TEST

START_TEST(a_decompression_bomb_stops_where_the_header_says) {
    /* 400 MB of zeros behind an honest small file, in a file of 400 KB. */
    struct bytes f = good();
    size_t block = (size_t)16 << 20;
    uint8_t *zeros = calloc(block, 1);
    struct bytes first = files_gzip(f.data, f.size), bomb = files_gzip(zeros, block);
    size_t size = first.size + 25 * bomb.size;
    uint8_t *file = malloc(size);
    memcpy(file, first.data, first.size);
    for (size_t i = 0; i < 25; i++) memcpy(file + first.size + i * bomb.size, bomb.data, bomb.size);
    limit_memory();
    expect_bad("a.gz", file, size, "oversized", "promises 60");
    free(file);
    free(zeros);
    free(first.data);
    free(bomb.data);
    free(f.data);
}
END_TEST

START_TEST(files_that_cannot_be_read_say_why) {
    struct idx x;
    EXPECT_MESSAGE(idx_read(files_path("none"), 3, &x), ERR_MISSING, files_path("none"));
    EXPECT_MESSAGE(idx_read(files_path("none.gz"), 3, &x), ERR_MISSING, "none.gz");
    EXPECT_MESSAGE(idx_read(files_folder(), 3, &x), ERR_IO, files_folder(), "not a regular file");
}
END_TEST

int main(void) {
    Suite *s = suite_create("data_idx");
    TCase *t = tcase_create("idx");
    tcase_add_checked_fixture(t, files_make_folder, files_remove_folder);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, plain_and_gzip_files_give_the_same_values);
    tcase_add_test(t, large_files_come_back_whole);
    tcase_add_test(t, a_gzip_file_may_have_several_members);
    tcase_add_test(t, a_file_cut_anywhere_is_refused);
    tcase_add_test(t, bytes_behind_the_end_are_refused);
    tcase_add_test(t, bytes_behind_the_gzip_data_are_refused);
    tcase_add_test(t, every_field_of_the_header_is_checked);
    tcase_add_test(t, a_file_that_is_still_gzipped_says_so);
    tcase_add_test(t, no_flipped_bit_of_a_gzip_file_changes_values_unseen);
#ifndef DROPCL_SANITIZED /* ASan reserves terabytes of address space */
    tcase_add_test(t, a_lying_header_costs_no_memory);
    tcase_add_test(t, a_decompression_bomb_stops_where_the_header_says);
#else
    (void)a_lying_header_costs_no_memory, (void)a_decompression_bomb_stops_where_the_header_says;
#endif
    tcase_add_test(t, files_that_cannot_be_read_say_why);
    suite_add_tcase(s, t);
    return suite_run(s);
}
