/* The CIFAR-10 reader: where every byte goes, every lie a file can tell, and whole datasets. */
#include "base/hash.h"
#include "data/cifar.h"
#include "data/dataset.h"
#include "harness/data_files.h"
#include "harness/suite.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 70, PLANE = CIFAR_SIDE * CIFAR_SIDE }; /* more than one block of the reader */

static const char *const batches[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

/* The environment of whoever runs the tests must not lead to real files. */
static void set_up(void) {
    files_make_folder();
    unsetenv("DROPCL_DATA");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", files_path("home"), 1);
    ck_assert_int_eq(chdir(files_folder()), 0);
}

static uint8_t pixel(int row, int channel, int at) {
    return (uint8_t)(row * 31 + channel * 101 + at * 7 + at / 32);
}

static struct bytes records(int rows) {
    struct bytes b = {malloc((size_t)rows * CIFAR_RECORD), (size_t)rows * CIFAR_RECORD};
    for (int r = 0; r < rows; r++) {
        uint8_t *record = b.data + (size_t)r * CIFAR_RECORD;
        record[0] = (uint8_t)(r * 3 % 10);
        for (int i = 0; i < CIFAR_IMAGE; i++) record[1 + i] = pixel(r, i / PLANE, i % PLANE);
    }
    return b;
}

static uint8_t images[ROWS * CIFAR_IMAGE], labels[ROWS];

static void expect_good(const char *path) {
    memset(images, 0, sizeof images);
    ck_assert_msg(cifar_read(path, ROWS, images, labels) == OK, "%s", err_message());
    for (int r = 0; r < ROWS; r++) {
        ck_assert_int_eq(labels[r], r * 3 % 10);
        for (int at = 0; at < PLANE; at++)
            for (int c = 0; c < 3; c++)
                ck_assert_int_eq(images[r * CIFAR_IMAGE + at * 3 + c], pixel(r, c, at));
    }
}

static void expect_bad(const char *name, const void *data, size_t size, const char *first,
                       const char *second) {
    const char *path = files_write(name, data, size);
    EXPECT_MESSAGE(cifar_read(path, ROWS, images, labels), ERR_DATA, path, first, second);
}

START_TEST(planes_become_channels_plain_and_gzip) {
    struct bytes f = records(ROWS), z = files_gzip(f.data, f.size);
    expect_good(files_write("a.bin", f.data, f.size));
    expect_good(files_write("a.bin.gz", z.data, z.size));
    free(f.data);
    free(z.data);
}
END_TEST

START_TEST(a_cut_file_is_refused) {
    struct bytes f = records(ROWS);
    const size_t sizes[] = {0,         1, 2, CIFAR_RECORD, 64 * CIFAR_RECORD, f.size - CIFAR_RECORD,
                            f.size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char found[32];
        snprintf(found, sizeof found, "found %zu", sizes[i]);
        struct bytes z = files_gzip(f.data, sizes[i]);
        expect_bad("a.bin", f.data, sizes[i], "truncated: expected 70 records of 3073", found);
        expect_bad("a.bin.gz", z.data, z.size, "truncated: expected 70 records of 3073", found);
        free(z.data);
    }
    struct bytes z = files_gzip(f.data, f.size);
    for (size_t n = 2; n < z.size; n += 97)
        expect_bad("a.bin.gz", z.data, n, "truncated", "gzip data");
    free(z.data);
    free(f.data);
}
END_TEST

START_TEST(bytes_behind_the_last_record_are_refused) {
    struct bytes f = records(ROWS + 1);
    const size_t sizes[] = {(size_t)ROWS * CIFAR_RECORD + 1, f.size};
    for (int i = 0; i < 2; i++) {
        struct bytes z = files_gzip(f.data, sizes[i]);
        expect_bad("a.bin", f.data, sizes[i], "oversized", "70 records of 3073 bytes");
        expect_bad("a.bin.gz", z.data, z.size, "oversized", "70 records of 3073 bytes");
        z.data[z.size / 2] ^= 0x55;
        ck_assert_int_eq(cifar_read(files_write("a.bin.gz", z.data, z.size), ROWS, images, labels),
                         ERR_DATA);
        free(z.data);
    }
    free(f.data);
}
END_TEST

START_TEST(labels_above_nine_are_refused_with_their_row) {
    static const int rows[] = {0, 1, 63, 64, ROWS - 1};
    for (int i = 0; i < 5; i++) {
        struct bytes f = records(ROWS);
        char says[48];
        snprintf(says, sizeof says, "the label of row %d is 10, expected 0 to 9", rows[i]);
        f.data[(size_t)rows[i] * CIFAR_RECORD] = 10;
        expect_bad("a.bin", f.data, f.size, says, rows[i] ? "" : "binary version");
        free(f.data);
    }
}
END_TEST

START_TEST(other_files_say_what_they_are) {
    struct bytes f = records(ROWS), z = files_gzip(f.data, f.size);
    expect_bad("a.bin", z.data, z.size, "still gzipped", ".gz");
    expect_bad("a.bin.gz", f.data, f.size, "not a gzip file", "1f 8b");
    EXPECT_MESSAGE(cifar_read(files_path("none.bin"), ROWS, images, labels), ERR_MISSING,
                   "none.bin");
    free(f.data);
    free(z.data);
}
END_TEST

/* ---- class names ---- */

START_TEST(class_names_are_read_with_any_line_ends) {
    static const char *const texts[] = {"a\nb c\nc\nd\ne\nf\ng\nh\ni\nj\n",
                                        "a\r\nb c\r\nc\r\nd\r\n"
                                        "e\r\nf\r\ng\r\nh\r\ni\r\nj\r\n\r\n",
                                        "a\nb c\nc\nd\ne\nf\ng\nh\ni\nj"};
    for (int i = 0; i < 3; i++) {
        const char **names;
        const char *path = files_write("m.txt", texts[i], strlen(texts[i]));
        ck_assert_msg(cifar_names(path, &names) == OK, "%s", err_message());
        for (int c = 0; c < CIFAR_CLASSES; c++) ck_assert_int_eq(names[c][0], 'a' + c);
        ck_assert_str_eq(names[1], "b c");
        ck_assert_str_eq(names[9], "j");
        free(names);
    }
}
END_TEST

START_TEST(damaged_class_names_are_refused) {
    static const struct {
        const char *text, *says;
    } faults[] = {
        {"", "line 1"},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni\n", "line 10"},
        {"a\n\nc\nd\ne\nf\ng\nh\ni\nj\n", "line 2"},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n", "found more"},
        {"a\nb\x1b[31m\nc\nd\ne\nf\ng\nh\ni\nj\n", "line 2"},
        {"a\nb\xff\nc\nd\ne\nf\ng\nh\ni\nj\n", "line 2"},
        {"a\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n", "line 2"},
    };
    const char **names;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const char *path = files_write("m.txt", faults[i].text, strlen(faults[i].text));
        EXPECT_MESSAGE(cifar_names(path, &names), ERR_DATA, path, faults[i].says);
        ck_assert_ptr_null(names);
    }
    static char large[5000];
    EXPECT_MESSAGE(cifar_names(files_write("m.txt", "a\0b\n", 4), &names), ERR_DATA, "NUL");
    memset(large, '\n', sizeof large);
    EXPECT_MESSAGE(cifar_names(files_write("m.txt", large, sizeof large), &names), ERR_DATA,
                   "found more");
}
END_TEST

/* ---- whole datasets ---- */

/* Six full files: file i holds pixels and labels i, so that packing makes them small. */
static void write_dataset(const char *folder) {
    size_t size = (size_t)CIFAR_ROWS * CIFAR_RECORD;
    uint8_t *bytes = malloc(size);
    for (int i = 0; i < 6; i++) {
        char name[128];
        memset(bytes, i, size);
        struct bytes z = files_gzip(bytes, size);
        snprintf(name, sizeof name, "%s/%s.gz", folder, batches[i]);
        files_write(name, z.data, z.size);
        free(z.data);
    }
    free(bytes);
}

static struct dataset *open_dataset(const char *folder) {
    struct dataset *d;
    ck_assert_msg(dataset_open("cifar-10", folder, &d) == OK, "%s", err_message());
    ck_assert(d->height == 32 && d->width == 32 && d->channels == 3 && d->classes == 10);
    ck_assert_int_eq(d->train.rows, 50000);
    ck_assert_int_eq(d->test.rows, 10000);
    return d;
}

START_TEST(a_dataset_is_five_files_to_train_on_and_one_to_test) {
    write_dataset("cifar-10-batches-bin");
    struct dataset *d = open_dataset(files_folder());
    for (int r = 0; r < 50000; r++) {
        ck_assert_int_eq(d->train.labels[r], r / 10000);
        ck_assert_int_eq(d->train.images[(size_t)r * CIFAR_IMAGE], r / 10000);
        ck_assert_int_eq(d->train.images[(size_t)(r + 1) * CIFAR_IMAGE - 1], r / 10000);
    }
    for (int r = 0; r < 10000; r++) ck_assert_int_eq(d->test.labels[r], 5);
    ck_assert_str_eq(d->class_names[0], "airplane");
    ck_assert_str_eq(d->class_names[9], "truck");
    dataset_close(d);

    const char *names = "A\nB\nC\nD\nE\nF\nG\nH\nI\nJ\n";
    files_write("cifar-10-batches-bin/batches.meta.txt", names, strlen(names));
    d = open_dataset(files_path("cifar-10-batches-bin"));
    ck_assert_str_eq(d->class_names[0], "A");
    ck_assert_str_eq(d->class_names[9], "J");
    dataset_close(d);

    files_write("cifar-10-batches-bin/data_batch_3.bin.gz", "no", 2);
    EXPECT_MESSAGE(dataset_open("cifar-10", files_folder(), &d), ERR_DATA, "data_batch_3.bin.gz",
                   "not a gzip file");
    ck_assert_ptr_null(d);
    ck_assert_int_eq(remove("cifar-10-batches-bin/data_batch_3.bin.gz"), 0);
    EXPECT_MESSAGE(dataset_open("cifar-10", files_folder(), &d), ERR_MISSING,
                   "cifar-10-batches-bin: lacks data_batch_3.bin\n", "datasets/fetch.sh cifar-10");
}
END_TEST

START_TEST(a_folder_may_have_either_name) {
    static const char *const folders[] = {"data/cifar-10", "data/cifar-10-batches-bin",
                                          "datasets/cifar-10"};
    setenv("DROPCL_DATA", files_path("data"), 1);
    for (int f = 0; f < 3; f++) {
        ck_assert(!dataset_available("cifar-10", NULL));
        for (int i = 0; i < 6; i++) {
            char name[128];
            snprintf(name, sizeof name, "%s/%s", folders[f], batches[i]);
            files_write(name, "", 0);
        }
        ck_assert(dataset_available("cifar-10", NULL));
        char gone[64];
        snprintf(gone, sizeof gone, "gone%d", f);
        ck_assert_int_eq(rename(folders[f], gone), 0);
    }
}
END_TEST

START_TEST(the_real_cifar_10_is_the_published_one) {
    const char *folder = getenv("REAL_DROPCL_DATA");
    if (!folder || !dataset_available("cifar-10", folder)) {
        puts("skipped: the_real_cifar_10_is_the_published_one ($DROPCL_DATA has no cifar-10)");
        return;
    }
    struct dataset *d = open_dataset(folder);
    int train[10] = {0}, test[10] = {0};
    for (int r = 0; r < d->train.rows; r++) train[d->train.labels[r]]++;
    for (int r = 0; r < d->test.rows; r++) test[d->test.labels[r]]++;
    for (int c = 0; c < 10; c++) ck_assert(train[c] == 5000 && test[c] == 1000);
    ck_assert_str_eq(d->class_names[6], "frog"); /* the first training picture */
    ck_assert_int_eq(d->train.labels[0], 6);
    ck_assert_str_eq(dataset_hash(d),
                     "80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660");
    dataset_close(d);
}
END_TEST

int main(void) {
    if (getenv("DROPCL_DATA")) setenv("REAL_DROPCL_DATA", getenv("DROPCL_DATA"), 1);
    Suite *s = suite_create("data_cifar");
    TCase *t = tcase_create("cifar");
    tcase_add_checked_fixture(t, set_up, files_remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, planes_become_channels_plain_and_gzip);
    tcase_add_test(t, a_cut_file_is_refused);
    tcase_add_test(t, bytes_behind_the_last_record_are_refused);
    tcase_add_test(t, labels_above_nine_are_refused_with_their_row);
    tcase_add_test(t, other_files_say_what_they_are);
    tcase_add_test(t, class_names_are_read_with_any_line_ends);
    tcase_add_test(t, damaged_class_names_are_refused);
    tcase_add_test(t, a_dataset_is_five_files_to_train_on_and_one_to_test);
    tcase_add_test(t, a_folder_may_have_either_name);
    tcase_add_test(t, the_real_cifar_10_is_the_published_one);
    suite_add_tcase(s, t);
    return suite_run(s);
}
