#define _XOPEN_SOURCE 700 /* nftw */
#include "base/io.h"
#include "harness/suite.h"
#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/dropcl-io-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk) {
    (void)st, (void)kind, (void)walk;
    return remove(path);
}

static void remove_folder(void) {
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int entries(void) {
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *e; (e = readdir(dir));) count += e->d_name[0] != '.';
    closedir(dir);
    return count;
}

START_TEST(what_is_written_is_read_back) {
    /* Larger than the first read of io_read, and with NUL bytes. */
    size_t size = 200001, got = 0;
    char *data = malloc(size), *back = NULL;
    for (size_t i = 0; i < size; i++) data[i] = (char)(i * 31);
    ck_assert_int_eq(io_write_atomic(in_folder("x"), data, size), OK);
    ck_assert_int_eq(io_read(in_folder("x"), 1 << 20, &back, &got), OK);
    ck_assert_uint_eq(got, size);
    ck_assert_int_eq(memcmp(data, back, size), 0);
    ck_assert_int_eq(back[size], 0);
    ck_assert_int_eq(entries(), 1);
    free(data);
    free(back);
}
END_TEST

START_TEST(the_limit_is_exact) {
    char *data;
    size_t size;
    ck_assert_int_eq(io_write_atomic(in_folder("x"), "12345", 5), OK);
    ck_assert_int_eq(io_read(in_folder("x"), 5, &data, &size), OK);
    ck_assert_str_eq(data, "12345");
    free(data);
    ck_assert_int_eq(io_read(in_folder("x"), 4, &data, &size), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_message(), "/x: larger than the 4 bytes allowed"));
    ck_assert_ptr_null(data);
    ck_assert_int_eq(io_write_atomic(in_folder("empty"), NULL, 0), OK);
    ck_assert_int_eq(io_read(in_folder("empty"), 0, &data, &size), OK);
    ck_assert_uint_eq(size, 0);
    free(data);
}
END_TEST

START_TEST(absent_files_and_folders_are_told_apart) {
    char *data;
    size_t size;
    ck_assert_int_eq(io_read(in_folder("absent"), 10, &data, &size), ERR_MISSING);
    ck_assert_int_eq(io_read(folder, 10, &data, &size), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_message(), "is a folder"));
    ck_assert(io_exists(folder) && io_is_folder(folder));
    ck_assert(!io_exists(in_folder("absent")) && !io_is_folder(in_folder("absent")));
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file_and_no_other) {
    ck_assert_int_eq(io_write_atomic(in_folder("x"), "old", 3), OK);
    ck_assert_int_eq(io_write_atomic(in_folder("absent/x"), "new", 3), ERR_CREATE);
    ck_assert_int_eq(mkdir(in_folder("taken"), 0777), 0);
    ck_assert_int_eq(io_write_atomic(in_folder("taken"), "new", 3), ERR_CREATE);
    ck_assert_int_eq(entries(), 2); /* x and taken: the temporary file is gone */
    ck_assert_int_eq(io_write_atomic("/dev/full/x", "new", 3), ERR_CREATE);
}
END_TEST

/* A device in a pipe's clothes: what `--out /dev/full` names must still be there afterwards. */
START_TEST(what_is_no_regular_file_is_not_replaced) {
    struct stat st;
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(io_write_atomic(in_folder("pipe"), "new", 3), ERR_CREATE);
    ck_assert_ptr_nonnull(strstr(err_message(), "pipe: is a device or pipe"));
    ck_assert_int_eq(stat(in_folder("pipe"), &st), 0);
    ck_assert(S_ISFIFO(st.st_mode));
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(replacing_keeps_the_rights) {
    struct stat st;
    ck_assert_int_eq(io_write_atomic(in_folder("x"), "old", 3), OK);
    ck_assert_int_eq(chmod(in_folder("x"), 0640), 0);
    ck_assert_int_eq(io_write_atomic(in_folder("x"), "new", 3), OK);
    ck_assert_int_eq(stat(in_folder("x"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(folders_are_made_with_their_parents) {
    ck_assert_int_eq(io_make_folder(in_folder("a/b//c/")), OK);
    ck_assert(io_is_folder(in_folder("a/b/c")));
    ck_assert_int_eq(io_make_folder(in_folder("a/b/c")), OK);
    ck_assert_int_eq(io_make_folder("/"), OK);
    ck_assert_int_eq(io_write_atomic(in_folder("a/file"), "", 0), OK);
    ck_assert_int_eq(io_make_folder(in_folder("a/file/d")), ERR_CREATE);
    ck_assert_ptr_nonnull(strstr(err_message(), "a/file: cannot create folder"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base_io");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, make_folder, remove_folder);
    tcase_add_test(all, what_is_written_is_read_back);
    tcase_add_test(all, the_limit_is_exact);
    tcase_add_test(all, absent_files_and_folders_are_told_apart);
    tcase_add_test(all, a_failed_write_leaves_the_old_file_and_no_other);
    tcase_add_test(all, what_is_no_regular_file_is_not_replaced);
    tcase_add_test(all, replacing_keeps_the_rights);
    tcase_add_test(all, folders_are_made_with_their_parents);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
