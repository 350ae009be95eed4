/* Datasets: where they are found, what is refused, and what comes out. */
#include "base/hash.h"
#include "data/dataset.h"
#include "harness/data_files.h"
#include "harness/suite.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIXELS = 28 * 28 };

static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
static const uint32_t good_rows[] = {7, 7, 3, 3};

/* The environment of whoever runs the tests must not lead to real files. */
static void set_up(void) {
    files_make_folder();
    unsetenv("DROPCL_DATA");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", files_path("home"), 1);
    ck_assert_int_eq(chdir(files_folder()), 0);
}

static struct bytes content(int file, uint32_t rows, uint32_t height, uint32_t width, int modulus) {
    const uint32_t dim[] = {rows, height, width};
    return files_idx(file % 2 ? 1 : 3, dim, modulus);
}

/* One of the four files of a tiny MNIST; odd files are labels. */
static void write_one(const char *folder, int file, const struct bytes *b) {
    char name[128];
    int gzip = file >= 2; /* a dataset may mix both */
    snprintf(name, sizeof name, "%s/%s%s", folder, names[file], gzip ? ".gz" : "");
    struct bytes z = {0};
    if (gzip) z = files_gzip(b->data, b->size);
    files_write(name, gzip ? z.data : b->data, gzip ? z.size : b->size);
    free(z.data);
}

static void write_good(const char *folder, int without) {
    for (int file = 0; file < 4; file++) {
        struct bytes b = content(file, good_rows[file], 28, 28, file % 2 ? 10 : 256);
        if (file != without) write_one(folder, file, &b);
        free(b.data);
    }
}

static void expect_opens(const char *folder) {
    struct dataset *d;
    ck_assert(dataset_available("mnist", folder));
    ck_assert_msg(dataset_open("mnist", folder, &d) == OK, "%s", err_message());
    ck_assert_int_eq(d->train.rows, 7);
    ck_assert_int_eq(d->test.rows, 3);
    dataset_close(d);
}

START_TEST(the_rows_come_out_as_they_are_in_the_files) {
    struct dataset *d;
    write_good("mnist", -1);
    ck_assert_int_eq(dataset_open("mnist", files_path("mnist"), &d), OK);
    ck_assert_str_eq(d->name, "mnist");
    ck_assert(d->height == 28 && d->width == 28 && d->channels == 1 && d->classes == 10);
    const struct split *splits[] = {&d->train, &d->test};
    for (int s = 0; s < 2; s++) {
        ck_assert_int_eq(splits[s]->rows, (int)good_rows[2 * s]);
        for (int i = 0; i < splits[s]->rows * PIXELS; i++)
            ck_assert_int_eq(splits[s]->images[i], i * 7 % 256);
        for (int i = 0; i < splits[s]->rows; i++)
            ck_assert_int_eq(splits[s]->labels[i], i * 7 % 10);
    }
    for (int c = 0; c < 10; c++) {
        ck_assert_uint_eq(strlen(d->class_names[c]), 1);
        ck_assert_int_eq(d->class_names[c][0], '0' + c);
    }
    dataset_close(d);
    dataset_close(NULL);
}
END_TEST

START_TEST(the_hash_is_that_of_all_rows_in_memory_order) {
    struct dataset *d;
    struct sha256 h;
    char want[65];
    sha256_init(&h);
    for (int file = 0; file < 4; file++) {
        struct bytes b = content(file, good_rows[file], 28, 28, file % 2 ? 10 : 256);
        size_t header = file % 2 ? 8 : 16;
        sha256_add(&h, b.data + header, b.size - header);
        free(b.data);
    }
    sha256_hex(&h, want);
    write_good("mnist", -1);
    ck_assert_int_eq(dataset_open("mnist", files_folder(), &d), OK);
    ck_assert_str_eq(dataset_hash(d), want);
    dataset_close(d);
}
END_TEST

START_TEST(a_shared_dataset_lives_until_each_has_closed_it) {
    struct dataset *d;
    write_good("mnist", -1);
    ck_assert_int_eq(dataset_open("mnist", files_folder(), &d), OK);
    struct dataset *again = dataset_share(d), *once_more = dataset_share(again);
    ck_assert(again == d && once_more == d);
    const char *hash = dataset_hash(again);
    dataset_close(d);
    dataset_close(again);
    ck_assert_int_eq(once_more->train.images[3], 3 * 7 % 256); /* a sanitizer sees it if not */
    ck_assert_ptr_eq(dataset_hash(once_more), hash);
    dataset_close(once_more);
}
END_TEST

START_TEST(a_given_folder_may_be_the_datasets_own_or_the_one_above) {
    write_good("some/mnist", -1);
    expect_opens(files_path("some/mnist"));
    expect_opens(files_path("some"));
    ck_assert(!dataset_available("mnist", files_folder()));
}
END_TEST

START_TEST(without_a_folder_four_places_are_tried) {
    static const char *const places[] = {"data/mnist", "datasets/mnist", "xdg/dropcl/mnist",
                                         "home/.local/share/dropcl/mnist"};
    setenv("DROPCL_DATA", files_path("data"), 1);
    for (int i = 0; i < 4; i++) {
        /* $XDG_DATA_HOME stands in for the folder below $HOME, and counts as absent when empty. */
        setenv("XDG_DATA_HOME", i == 2 ? files_path("xdg") : "", 1);
        ck_assert(!dataset_available("mnist", NULL));
        write_good(places[i], -1);
        expect_opens(NULL);
        char gone[300];
        snprintf(gone, sizeof gone, "%s-%d", files_path(places[i]), i);
        ck_assert_int_eq(rename(files_path(places[i]), gone), 0);
    }
}
END_TEST

START_TEST(a_given_folder_is_the_only_one_that_counts) {
    write_good("datasets/mnist", -1);
    ck_assert(dataset_available("mnist", NULL));
    ck_assert(!dataset_available("mnist", files_path("elsewhere")));
}
END_TEST

START_TEST(an_incomplete_folder_is_passed_over) {
    setenv("DROPCL_DATA", files_path("data"), 1);
    write_good("data/mnist", 3);
    ck_assert(!dataset_available("mnist", NULL));
    write_good("datasets/mnist", -1);
    expect_opens(NULL);
}
END_TEST

START_TEST(a_missing_dataset_says_where_it_was_sought_and_how_to_get_it) {
    struct dataset *d;
    setenv("DROPCL_DATA", files_path("data"), 1);
    write_good("data/mnist", 3);
    EXPECT_MESSAGE(dataset_open("mnist", NULL, &d), ERR_MISSING, names[0], names[1], names[2],
                   "data/mnist: lacks t10k-labels-idx1-ubyte\n", "datasets/mnist: no such folder",
                   "home/.local/share/dropcl/mnist: no such folder", "datasets/fetch.sh mnist",
                   "train.dataset=synthetic");
    ck_assert_ptr_null(d);
    EXPECT_MESSAGE(dataset_open("mnist", files_path("x"), &d), ERR_MISSING, "/x: no such folder",
                   "/x/mnist: no such folder");
    ck_assert_ptr_null(strstr(err_message(), ".local"));
}
END_TEST

START_TEST(an_unknown_dataset_gets_a_suggestion) {
    struct dataset *d;
    EXPECT_MESSAGE(dataset_open("mnits", NULL, &d), ERR_USAGE, "mnits", "did you mean mnist?");
    EXPECT_MESSAGE(dataset_open("imagenet", NULL, &d), ERR_USAGE, "imagenet", "synthetic");
    EXPECT_MESSAGE(dataset_open("", NULL, &d), ERR_USAGE, "known:");
    ck_assert(!dataset_available("imagenet", NULL));
}
END_TEST

START_TEST(every_known_dataset_can_be_asked_for) {
    int count = 0;
    for (const char *const *n = dataset_names(); *n; n++, count++) {
        struct dataset *d = NULL;
        enum err rc = dataset_open(*n, files_path("nowhere"), &d);
        ck_assert_msg(rc == OK || rc == ERR_MISSING, "%s: %s", *n, err_message());
        ck_assert_int_eq(rc == OK, dataset_available(*n, files_path("nowhere")));
        dataset_close(d);
    }
    ck_assert_int_ge(count, 2);
}
END_TEST

START_TEST(files_that_do_not_fit_each_other_are_refused) {
    static const struct {
        int file;
        uint32_t rows, height, width;
        int modulus, blamed;
        const char *first, *second;
    } faults[] = {
        {0, 7, 27, 28, 256, 0, "27 x 28", "28 x 28"},
        {2, 3, 28, 29, 256, 2, "28 x 29", "28 x 28"},
        {1, 6, 0, 0, 10, 1, "6 labels", "7 images"},
        {3, 7, 0, 0, 10, 3, "7 labels", "3 images"},
        {0, 3, 28, 28, 256, 1, "7 labels", "3 images"},
        {1, 7, 0, 0, 15, 1, "row 2 is 14", "0 to 9"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct dataset *d;
        write_good("mnist", faults[i].file);
        struct bytes b = content(faults[i].file, faults[i].rows, faults[i].height, faults[i].width,
                                 faults[i].modulus);
        write_one("mnist", faults[i].file, &b);
        free(b.data);
        enum err rc = dataset_open("mnist", files_folder(), &d);
        EXPECT_MESSAGE(rc, ERR_DATA, names[faults[i].blamed], faults[i].first, faults[i].second);
        ck_assert_ptr_null(d);
    }
}
END_TEST

START_TEST(exchanged_files_are_refused_by_name) {
    struct dataset *d;
    struct bytes labels = content(1, 7, 0, 0, 10);
    write_good("mnist", 0);
    write_one("mnist", 0, &labels);
    free(labels.data);
    EXPECT_MESSAGE(dataset_open("mnist", files_folder(), &d), ERR_DATA, names[0],
                   "labels in the place of images");
    ck_assert_ptr_null(d);
}
END_TEST

START_TEST(the_real_mnist_is_the_published_one) {
    struct dataset *d;
    const char *folder = getenv("REAL_DROPCL_DATA");
    if (!folder || !dataset_available("mnist", folder)) {
        puts("skipped: the_real_mnist_is_the_published_one ($DROPCL_DATA has no mnist)");
        return;
    }
    ck_assert_msg(dataset_open("mnist", folder, &d) == OK, "%s", err_message());
    ck_assert_int_eq(d->train.rows, 60000);
    ck_assert_int_eq(d->test.rows, 10000);
    /* sha256sum of the four unpacked files without their headers, images before labels. */
    ck_assert_str_eq(dataset_hash(d),
                     "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16");
    dataset_close(d);
}
END_TEST

int main(void) {
    if (getenv("DROPCL_DATA")) setenv("REAL_DROPCL_DATA", getenv("DROPCL_DATA"), 1);
    Suite *s = suite_create("data_dataset");
    TCase *t = tcase_create("dataset");
    tcase_add_checked_fixture(t, set_up, files_remove_folder);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_rows_come_out_as_they_are_in_the_files);
    tcase_add_test(t, the_hash_is_that_of_all_rows_in_memory_order);
    tcase_add_test(t, a_shared_dataset_lives_until_each_has_closed_it);
    tcase_add_test(t, a_given_folder_may_be_the_datasets_own_or_the_one_above);
    tcase_add_test(t, without_a_folder_four_places_are_tried);
    tcase_add_test(t, a_given_folder_is_the_only_one_that_counts);
    tcase_add_test(t, an_incomplete_folder_is_passed_over);
    tcase_add_test(t, a_missing_dataset_says_where_it_was_sought_and_how_to_get_it);
    tcase_add_test(t, an_unknown_dataset_gets_a_suggestion);
    tcase_add_test(t, every_known_dataset_can_be_asked_for);
    tcase_add_test(t, files_that_do_not_fit_each_other_are_refused);
    tcase_add_test(t, exchanged_files_are_refused_by_name);
    tcase_add_test(t, the_real_mnist_is_the_published_one);
    suite_add_tcase(s, t);
    return suite_run(s);
}
