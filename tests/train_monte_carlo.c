/* Monte-Carlo dropout: probabilities and uncertainties against the network written out in double
 * with the masks of docs/masks.md, and what must not change them: batches, chunks, devices, the
 * rows beside. */
#include "data/dataset.h"
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "harness/train_network.h"
#include "train/params.h"
#include "train/predict.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 23, CLASSES = 10 };

/* An untrained model whose weights are large enough for its passes to disagree. */
static struct model *wild_model(void) {
    struct recipe *r = train_recipe(NULL);
    struct model *m;
    ck_assert_int_eq(model_new(r, &m), OK);
    params_init(m->plan, 5, m->flat);
    for (size_t i = 0; i < m->plan->stored; i++) m->flat[i] *= 2;
    m->norm[0] = 1.0f / 128;
    m->norm[1] = -0.5f;
    recipe_free(r);
    return m;
}

static struct dataset *digits(void) {
    struct dataset *d;
    ck_assert_int_eq(dataset_open("mnist", train_data(), &d), OK);
    return d;
}

struct answers {
    float p[ROWS * CLASSES];
    dropcl_uncertainty figures[ROWS];
};

static struct answers ask(const char *device, const struct model *m,
                          const struct predict_rows *rows) {
    struct answers a;
    memset(&a, 0, sizeof a);
    struct device *d = train_device(device);
    ck_assert_msg(!predict_images(d, m, rows, a.p, a.figures), "%s", err_message());
    device_close(d);
    return a;
}

static double entropy(const double *p) {
    double h = 0;
    for (int c = 0; c < CLASSES; c++) h -= p[c] > 0 ? p[c] * log(p[c]) : 0;
    return h;
}

static int largest(const double *p) {
    int best = 0;
    for (int c = 1; c < CLASSES; c++) best = p[c] > p[best] ? c : best;
    return best;
}

/* Single precision against double: 784 products of some 1 leave 1e-5 in the logits and as much in
 * probabilities; votes are decided otherwise only where two classes are that close. */
static void check_row(const struct model *m, const struct predict_rows *rows, size_t row,
                      const float *p, const dropcl_uncertainty *u) {
    double mean[CLASSES] = {0}, votes[CLASSES] = {0}, expected = 0;
    for (int k = 0; k < rows->passes; k++) {
        const struct network_masks masks = {
            true, 7, (uint32_t)k, rows->first + (uint32_t)row, {0.5, 0.25}, rows->split};
        double one[CLASSES];
        network_run(m, rows->images + 784 * row, &masks, one);
        for (int c = 0; c < CLASSES; c++) mean[c] += one[c] / rows->passes;
        votes[largest(one)] += 1.0 / rows->passes;
        expected += entropy(one) / rows->passes;
    }
    for (int c = 0; c < CLASSES; c++) ck_assert(fabs((double)p[c] - mean[c]) < 2e-5);
    ck_assert(fabs(u->probability - mean[largest(mean)]) < 2e-5);
    ck_assert(fabs(u->entropy - entropy(mean)) < 2e-4);
    ck_assert(fabs(u->expected_entropy - expected) < 2e-4);
    ck_assert(fabs(u->information - (entropy(mean) - expected)) < 2e-4);
    ck_assert_msg(fabs(u->variation - (1 - votes[largest(votes)])) < 1e-9, "row %zu: %g, not %g",
                  row, u->variation, 1 - votes[largest(votes)]);
}

/* The rows of each split have masks of their own; 300 passes are more than one upload of CONTROL.
 */
START_TEST(passes_are_those_of_the_contracts_masks) {
    static const int passes[] = {1, 4, 300};
    struct model *m = wild_model();
    struct dataset *data = digits();
    struct predict_rows rows = {.images = data->train.images + 784 * 3,
                                .rows = ROWS,
                                .split = (uint32_t)_i,
                                .first = 3,
                                .passes = passes[_i],
                                .batch = 8};
    struct answers a = ask("pocl", m, &rows);
    for (size_t r = 0; r < rows.rows; r++) check_row(m, &rows, r, a.p + r * CLASSES, &a.figures[r]);
    dataset_close(data);
    model_free(m);
}
END_TEST

START_TEST(splits_and_row_numbers_choose_the_masks) {
    struct model *m = wild_model();
    struct dataset *data = digits();
    struct predict_rows rows = {.images = data->test.images, .rows = 5, .passes = 2};
    struct answers here = ask("cpu", m, &rows), there;
    rows.split = SPLIT_USER;
    there = ask("cpu", m, &rows);
    ck_assert(memcmp(here.p, there.p, sizeof here.p));
    rows = (struct predict_rows){.images = data->test.images, .rows = 5, .passes = 2, .first = 1};
    there = ask("cpu", m, &rows);
    ck_assert(memcmp(here.p, there.p, sizeof here.p));
    dataset_close(data);
    model_free(m);
}
END_TEST

/* On the reference, which has nothing to build for each size; on a device one size more. */
START_TEST(batches_and_chunks_change_nothing) {
    static const int sizes[][2] = {{8, 0}, {1, 0}, {7, 0}, {ROWS, 0}, {0, 1}, {4, 9}, {9, 4}};
    struct model *m = wild_model();
    struct dataset *data = digits();
    for (int flip = 0; flip < 2; flip++) {
        struct predict_rows rows = {
            .images = data->test.images, .rows = ROWS, .passes = 6, .flip = flip, .first = 40};
        struct answers usual = ask("cpu", m, &rows);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            rows.batch = sizes[i][0];
            rows.chunk = sizes[i][1];
            struct answers other = ask(flip && !i ? "pocl" : "cpu", m, &rows);
            ck_assert_msg(!memcmp(&usual, &other, sizeof usual), "batches of %d, chunks of %d",
                          sizes[i][0], sizes[i][1]);
        }
    }
    dataset_close(data);
    model_free(m);
}
END_TEST

START_TEST(a_row_comes_out_alone_as_among_others) {
    struct model *m = wild_model();
    struct dataset *data = digits();
    struct predict_rows rows = {.images = data->test.images, .rows = ROWS, .passes = 5, .first = 9};
    struct answers all = ask("cpu", m, &rows);
    for (uint32_t r = 0; r < ROWS; r += 11) {
        const struct predict_rows one = {
            .images = data->test.images + 784 * r, .rows = 1, .passes = 5, .first = 9 + r};
        struct answers alone = ask(r ? "cpu" : "pocl", m, &one);
        ck_assert_mem_eq(alone.p, all.p + r * CLASSES, CLASSES * sizeof *all.p);
        ck_assert_mem_eq(alone.figures, &all.figures[r], sizeof *all.figures);
    }
    dataset_close(data);
    model_free(m);
}
END_TEST

START_TEST(devices_and_families_give_the_same_bits) {
    static const char *const families[] = {"cpu", "gpu"};
    struct model *m = wild_model();
    struct dataset *data = digits();
    for (int passes = 0; passes <= 7; passes += 7) {
        const struct predict_rows rows = {
            .images = data->test.images, .rows = ROWS, .passes = passes, .batch = 8};
        struct answers reference = ask("cpu", m, &rows);
        for (int f = 0; f < 2; f++) {
            setenv("DROPCL_FAMILY", families[f], 1);
            struct answers other = ask("pocl", m, &rows);
            unsetenv("DROPCL_FAMILY");
            ck_assert_msg(!memcmp(&reference, &other, sizeof other), "family %s", families[f]);
        }
    }
    dataset_close(data);
    model_free(m);
}
END_TEST

START_TEST(without_passes_nothing_is_unknown_to_the_model) {
    struct model *m = wild_model();
    struct dataset *data = digits();
    const struct predict_rows rows = {.images = data->test.images, .rows = ROWS};
    struct answers a = ask("cpu", m, &rows);
    for (int r = 0; r < ROWS; r++) {
        ck_assert(a.figures[r].information == 0 && a.figures[r].variation == 0);
        ck_assert(a.figures[r].entropy == a.figures[r].expected_entropy);
    }
    dataset_close(data);
    model_free(m);
}
END_TEST

/* ---- scores ---- */

START_TEST(scores_after_fewer_passes_are_those_of_fewer_passes) {
    struct model *m = wild_model();
    struct device *d = train_device("pocl");
    dropcl_score many, plain;
    ck_assert_int_eq(predict_score(d, m, train_data(), &(dropcl_inference){.passes = 7}, &many),
                     OK);
    ck_assert_int_eq(predict_score(d, m, train_data(), NULL, &plain), OK);
    ck_assert_int_eq(many.points, 5); /* off, 1, 2, 5, 7 */
    ck_assert_int_eq(plain.points, 1);
    ck_assert_mem_eq(&many.point[0], &plain.point[0], sizeof plain.point[0]);
    for (int i = 1; i < 5; i++) {
        const dropcl_inference how = {.passes = many.point[i].passes};
        dropcl_score fewer;
        ck_assert_int_eq(predict_score(d, m, train_data(), &how, &fewer), OK);
        ck_assert_mem_eq(&fewer.point[i], &many.point[i], sizeof fewer.point[i]);
        ck_assert(fewer.loss == many.point[i].loss && fewer.brier == many.point[i].brier);
    }
    ck_assert_int_eq(many.all.rows, TEST_ROWS);
    ck_assert_int_eq(many.right.rows + many.wrong.rows, TEST_ROWS);
    ck_assert(fabs((double)many.right.rows - many.accuracy * TEST_ROWS) < 1e-9);
    ck_assert(many.all.mean.information > 0.01); /* the passes do disagree */
    device_close(d);
    model_free(m);
}
END_TEST

/* ---- faults ---- */

START_TEST(a_pass_that_is_not_finite_is_named) {
    struct model *m = wild_model();
    struct dataset *data = digits();
    struct device *d = train_device("cpu");
    struct predict_rows rows = {.images = data->test.images, .rows = ROWS, .passes = 5, .first = 6};
    struct answers a;
    m->flat[0] = NAN;
    train_refused(predict_images(d, m, &rows, a.p, a.figures), ERR_NUMERIC,
                  "Monte-Carlo pass 0 over 23 rows from row 6 on");
    ck_assert_ptr_nonnull(strstr(err_message(), "a parameter"));
    rows.passes = 0;
    train_refused(predict_images(d, m, &rows, a.p, a.figures), ERR_NUMERIC, "a parameter");
    device_close(d);
    dataset_close(data);
    model_free(m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("monte_carlo");
    TCase *tests = tcase_create("monte_carlo");
    tcase_set_timeout(tests, 0); /* CTest has one */
    tcase_add_loop_test(tests, passes_are_those_of_the_contracts_masks, 0, 3);
    tcase_add_test(tests, splits_and_row_numbers_choose_the_masks);
    tcase_add_test(tests, batches_and_chunks_change_nothing);
    tcase_add_test(tests, a_row_comes_out_alone_as_among_others);
    tcase_add_test(tests, devices_and_families_give_the_same_bits);
    tcase_add_test(tests, without_passes_nothing_is_unknown_to_the_model);
    tcase_add_test(tests, scores_after_fewer_passes_are_those_of_fewer_passes);
    tcase_add_test(tests, a_pass_that_is_not_finite_is_named);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
