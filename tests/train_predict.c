/* Using models: evaluation, Monte-Carlo dropout and predictions against the network written out in
 * double, and the public API's own rules. */
#include "data/dataset.h"
#include "dropcl.h"
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "harness/train_network.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = TEST_ROWS, PASSES = 3 };

/* A briefly trained model through the public API; the handle is a struct model. */
static dropcl_model *trained(void) {
    struct recipe *r = train_recipe("train.limit=640", "train.epochs=3", NULL);
    dropcl_device *d = NULL;
    dropcl_model *m = NULL;
    const dropcl_options options = {.data = train_data()};
    ck_assert_msg(!dropcl_device_open("pocl", &d), "%s", dropcl_error());
    ck_assert_msg(!dropcl_train(d, (const dropcl_recipe *)r, &options, &m, NULL), "%s",
                  dropcl_error());
    dropcl_device_close(d);
    recipe_free(r);
    return m;
}

static const struct model *inside(const dropcl_model *m) {
    return (const struct model *)(const void *)m;
}

static dropcl_score score_as(const char *device, const dropcl_model *m,
                             const dropcl_inference *how) {
    dropcl_device *d = NULL;
    dropcl_score s;
    ck_assert_msg(!dropcl_device_open(device, &d), "%s", dropcl_error());
    ck_assert_msg(!dropcl_evaluate(d, m, train_data(), how, &s), "%s", dropcl_error());
    dropcl_device_close(d);
    return s;
}

static dropcl_score score_on(const char *device, const dropcl_model *m, int passes) {
    return score_as(device, m, &(dropcl_inference){.passes = passes});
}

static dropcl_score flipped_on(const char *device, const dropcl_model *m, int passes) {
    return score_as(device, m, &(dropcl_inference){passes, 1});
}

/* The score of the definition: mean probabilities over the passes (0: one without masks). */
static dropcl_score expected_mean(const struct model *m, int passes, int views) {
    struct dataset *data = NULL;
    dropcl_score s = {.rows = ROWS};
    ck_assert_int_eq(dataset_open("mnist", train_data(), &data), OK);
    ck_assert_int_eq(data->test.rows, ROWS);
    for (uint32_t row = 0; row < ROWS; row++) {
        double mean[10] = {0}, p[10];
        int best = 0, runs = passes ? passes : 1;
        for (uint32_t k = 0; k < (uint32_t)runs; k++) {
            const struct network_masks masks = {passes > 0, 7, k, row, {0.5, 0.25}, 0};
            for (int view = 0; view < views; view++) {
                uint8_t image[784];
                for (int i = 0; i < 784; i++)
                    image[i] =
                        data->test.images[784 * row + (uint32_t)(view ? i - i % 28 * 2 + 27 : i)];
                network_run(m, image, &masks, p);
                for (int c = 0; c < 10; c++) mean[c] += p[c] / (runs * views);
            }
        }
        for (int c = 1; c < 10; c++)
            if (mean[c] > mean[best]) best = c;
        s.accuracy += best == data->test.labels[row];
        s.loss -= log(mean[data->test.labels[row]]);
    }
    s.loss /= ROWS;
    s.accuracy /= ROWS;
    dataset_close(data);
    return s;
}

static dropcl_score expected_score(const struct model *m, int passes) {
    return expected_mean(m, passes, 1);
}

/* Losses: single precision against double, 1e-5 is some 100 roundings of 6e-8. Accuracy: two rows
 * may stand so close to a tie that rounding decides. */
static void check_score(dropcl_score got, dropcl_score expected) {
    ck_assert_int_eq(got.rows, expected.rows);
    ck_assert_msg(fabs(got.loss - expected.loss) < 1e-5 * expected.loss, "loss %.9g, not %.9g",
                  got.loss, expected.loss);
    ck_assert_msg(fabs(got.accuracy - expected.accuracy) < 2.5 / ROWS, "accuracy %g, not %g",
                  got.accuracy, expected.accuracy);
}

START_TEST(evaluation_is_the_network_without_masks) {
    dropcl_model *m = trained();
    check_score(score_on("pocl", m, 0), expected_score(inside(m), 0));
    dropcl_model_close(m);
}
END_TEST

START_TEST(monte_carlo_is_the_mean_over_the_contracts_masks) {
    dropcl_model *m = trained();
    dropcl_score plain = expected_score(inside(m), 0), mean = expected_score(inside(m), PASSES);
    check_score(score_on("pocl", m, PASSES), mean);
    ck_assert(fabs(mean.loss - plain.loss) > 1e-3); /* the masks do matter */
    dropcl_model_close(m);
}
END_TEST

START_TEST(flipped_scores_are_means_over_picture_and_mirror_image) {
    dropcl_model *m = trained();
    dropcl_score plain = expected_score(inside(m), 0);
    for (int passes = 0; passes <= 2; passes += 2) {
        dropcl_score want = expected_mean(inside(m), passes, 2),
                     got = flipped_on("pocl", m, passes);
        check_score(got, want);
        ck_assert(fabs(want.loss - plain.loss) > 1e-3); /* the mirror does matter */
        dropcl_score cpu = flipped_on("cpu", m, passes);
        ck_assert(cpu.loss == got.loss && cpu.accuracy == got.accuracy);
    }
    dropcl_model_close(m);
}
END_TEST

START_TEST(scores_have_the_same_bits_on_the_reference) {
    dropcl_model *m = trained();
    for (int passes = 0; passes <= 2; passes += 2) {
        dropcl_score a = score_on("cpu", m, passes), b = score_on("pocl", m, passes);
        ck_assert_mem_eq(&a.point, &b.point, sizeof a.point);
        ck_assert_mem_eq(&a.all, &b.all, sizeof a.all);
        ck_assert(a.loss == b.loss && a.accuracy == b.accuracy && a.rows == b.rows);
    }
    dropcl_model_close(m);
}
END_TEST

START_TEST(saved_model_scores_as_at_the_end_of_training) {
    struct recipe *r = train_recipe(NULL);
    dropcl_device *d = NULL;
    dropcl_model *m = NULL, *back = NULL;
    dropcl_event last;
    const dropcl_options options = {.data = train_data()};
    char path[600];
    snprintf(path, sizeof path, "%s/model.safetensors", train_folder("predict"));
    ck_assert_int_eq(dropcl_device_open("pocl", &d), 0);
    ck_assert_msg(!dropcl_train(d, (const dropcl_recipe *)r, &options, &m, &last), "%s",
                  dropcl_error());
    ck_assert_msg(!dropcl_model_save(m, path), "%s", dropcl_error());
    ck_assert_msg(!dropcl_model_load(path, &back), "%s", dropcl_error());
    dropcl_score s = score_on("cpu", back, 0);
    ck_assert(s.accuracy == last.test_accuracy && s.loss == last.test_loss);
    ck_assert_str_eq(dropcl_model_sha256(back), dropcl_model_sha256(m));
    dropcl_model_close(m);
    dropcl_model_close(back);
    dropcl_device_close(d);
    recipe_free(r);
}
END_TEST

/* ---- predictions ---- */

START_TEST(predictions_are_the_networks_probabilities) {
    dropcl_model *m = trained();
    dropcl_device *d = NULL;
    struct dataset *data = NULL;
    float p[7 * 10];
    ck_assert_int_eq(dataset_open("mnist", train_data(), &data), OK);
    ck_assert_int_eq(dropcl_device_open("pocl", &d), 0);
    ck_assert_msg(!dropcl_predict(d, m, data->test.images, 7, NULL, p, NULL), "%s", dropcl_error());
    for (int row = 0; row < 7; row++) {
        double expected[10], sum = 0;
        network_run(inside(m), data->test.images + 784 * row, &(struct network_masks){0}, expected);
        for (int c = 0; c < 10; c++) {
            sum += (double)p[row * 10 + c];
            ck_assert(fabs((double)p[row * 10 + c] - expected[c]) < 1e-5);
        }
        ck_assert(fabs(sum - 1) < 1e-6);
    }
    dropcl_device_close(d);
    dataset_close(data);
    dropcl_model_close(m);
}
END_TEST

/* 4097 rows are many batches and a last one that is hardly filled; each must come out as it does
 * alone. */
START_TEST(many_rows_come_out_as_each_alone) {
    enum { MANY = 4097 };
    dropcl_model *m = trained();
    dropcl_device *d = NULL;
    uint8_t *images = malloc(MANY * 784);
    float *all = malloc(MANY * 10 * sizeof *all), one[10];
    static const size_t probes[] = {0, 499, 500, 4095, 4096};
    ck_assert(images && all);
    for (size_t i = 0; i < MANY * 784; i++) images[i] = (uint8_t)(i * 2654435761u >> 13);
    ck_assert_int_eq(dropcl_device_open("pocl", &d), 0);
    ck_assert_msg(!dropcl_predict(d, m, images, MANY, NULL, all, NULL), "%s", dropcl_error());
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(dropcl_predict(d, m, images + 784 * probes[i], 1, NULL, one, NULL), 0);
        ck_assert_mem_eq(one, all + 10 * probes[i], sizeof one);
    }
    ck_assert_int_eq(dropcl_predict(d, m, NULL, 0, NULL, NULL, NULL), 0);
    free(all);
    free(images);
    dropcl_device_close(d);
    dropcl_model_close(m);
}
END_TEST

/* ---- the API's rules ---- */

START_TEST(api_reports_what_is_wrong) {
    dropcl_device *d = NULL;
    dropcl_recipe *r = NULL;
    dropcl_model *m = NULL;
    ck_assert_int_eq(dropcl_device_open("no such thing", &d), DROPCL_DEVICE);
    ck_assert_ptr_null(d);
    ck_assert_int_eq(dropcl_recipe_parse("dropcl: 1\nmodle: {}\n", NULL, 0, &r), DROPCL_RECIPE);
    ck_assert_ptr_nonnull(strstr(dropcl_error(), "recipe:2:1: error"));
    ck_assert_int_eq(dropcl_recipe_read("nowhere.yaml", NULL, 0, &r), DROPCL_MISSING);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(dropcl_train(NULL, NULL, NULL, &m, NULL), DROPCL_USAGE);
    const dropcl_options backwards = {.steps = -1};
    ck_assert_int_eq(
        dropcl_train((dropcl_device *)&d, (const dropcl_recipe *)&r, &backwards, &m, NULL),
        DROPCL_USAGE);
    ck_assert_int_eq(dropcl_model_load("nowhere", &m), DROPCL_MISSING);
    dropcl_score score;
    for (int passes = -1; passes <= 65537; passes += 65538) {
        const dropcl_inference how = {.passes = passes};
        float p;
        ck_assert_int_eq(
            dropcl_evaluate((dropcl_device *)&d, (const dropcl_model *)&m, NULL, &how, &score),
            DROPCL_USAGE);
        ck_assert_int_eq(dropcl_predict((dropcl_device *)&d, (const dropcl_model *)&m,
                                        (const uint8_t *)"", 1, &how, &p, NULL),
                         DROPCL_USAGE);
    }
    ck_assert_int_eq(dropcl_model_load(NULL, &m), DROPCL_USAGE);
    dropcl_device_close(NULL);
    dropcl_recipe_close(NULL);
    dropcl_model_close(NULL);
}
END_TEST

/* So that closing what was asked for is safe after every failure. */
START_TEST(a_refused_call_hands_over_null) {
    static int wild;
    dropcl_device *d = (dropcl_device *)&wild;
    dropcl_recipe *r = (dropcl_recipe *)&wild, *parsed = r;
    dropcl_model *m = (dropcl_model *)&wild, *trained = m, *backwards = m;
    const dropcl_options negative = {.steps = -1};
    ck_assert_int_eq(dropcl_device_open("no such thing", &d), DROPCL_DEVICE);
    ck_assert_ptr_null(d);
    ck_assert_int_eq(dropcl_recipe_read(NULL, NULL, 0, &r), DROPCL_USAGE);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(dropcl_recipe_parse("dropcl: 1", NULL, 1, &parsed), DROPCL_USAGE);
    ck_assert_ptr_null(parsed);
    ck_assert_int_eq(dropcl_train(NULL, NULL, NULL, &trained, NULL), DROPCL_USAGE);
    ck_assert_ptr_null(trained);
    ck_assert_int_eq(dropcl_train((dropcl_device *)&wild, (const dropcl_recipe *)&wild, &negative,
                                  &backwards, NULL),
                     DROPCL_USAGE);
    ck_assert_ptr_null(backwards);
    ck_assert_int_eq(dropcl_model_load(NULL, &m), DROPCL_USAGE);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(api_applies_settings_and_refuses_bad_ones) {
    struct recipe *small = train_recipe(NULL);
    const char *text = dropcl_recipe_text((const dropcl_recipe *)small);
    const char *good[] = {"train.seed=99", "model.name=other"}, *bad[] = {"train.seed"};
    const char *nothing[] = {"model.layers.9.dense.units=3"}, *typo[] = {"train.sede=1"};
    dropcl_recipe *r = NULL;
    ck_assert_msg(!dropcl_recipe_parse(text, good, 2, &r), "%s", dropcl_error());
    ck_assert_uint_eq(dropcl_recipe_seed(r), 99);
    ck_assert_str_eq(dropcl_recipe_name(r), "other");
    ck_assert_int_eq(dropcl_dataset_found(r, train_data()), 1);
    dropcl_recipe_close(r);
    ck_assert_int_eq(dropcl_recipe_parse(text, bad, 1, &r), DROPCL_USAGE);
    ck_assert_int_eq(dropcl_recipe_parse(text, nothing, 1, &r), DROPCL_USAGE);
    ck_assert_int_eq(dropcl_recipe_parse(text, typo, 1, &r), DROPCL_RECIPE);
    ck_assert_ptr_null(r);
    recipe_free(small);
}
END_TEST

START_TEST(api_describes_models) {
    dropcl_model *m = trained();
    ck_assert_uint_eq(dropcl_model_parameters(m), 784 * 16 + 16 + 16 * 12 + 12 + 12 * 10 + 10);
    ck_assert_int_eq(dropcl_model_classes(m), 10);
    ck_assert_uint_eq(dropcl_model_features(m), 784);
    ck_assert_uint_eq(strlen(dropcl_model_sha256(m)), 64);
    ck_assert_ptr_nonnull(strstr(dropcl_model_recipe(m), "mnist"));
    dropcl_model_close(m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("predict");
    TCase *tests = tcase_create("predict");
    tcase_add_test(tests, evaluation_is_the_network_without_masks);
    tcase_add_test(tests, monte_carlo_is_the_mean_over_the_contracts_masks);
    tcase_add_test(tests, flipped_scores_are_means_over_picture_and_mirror_image);
    tcase_add_test(tests, scores_have_the_same_bits_on_the_reference);
    tcase_add_test(tests, saved_model_scores_as_at_the_end_of_training);
    tcase_add_test(tests, predictions_are_the_networks_probabilities);
    tcase_add_test(tests, many_rows_come_out_as_each_alone);
    tcase_add_test(tests, api_reports_what_is_wrong);
    tcase_add_test(tests, a_refused_call_hands_over_null);
    tcase_add_test(tests, api_applies_settings_and_refuses_bad_ones);
    tcase_add_test(tests, api_describes_models);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
