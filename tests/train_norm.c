/* Training with batch norm: the running statistics as a part of the model. And the averaged model,
 * which they are a part of too. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "train/predict.h"
#include "train/train.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS(attributes)                                                                          \
    "model.layers=[{dense: {name: fc1, units: 20, bias: false}}, {batchnorm: {name: bn1" attributes \
    "}}, relu, {dropout: {rate: 0.25}}, {dense: {name: fc2, units: 12, activation: "                \
    "relu}}, {batchnorm: {name: bn2" attributes "}}, {dense: {name: fc3, units: 10}}]"

static struct model *train_on(const char *device, struct recipe *r, const dropcl_options *options,
                              dropcl_event *last) {
    struct device *d = train_device(device);
    struct model *m = NULL;
    enum err rc = train_run(d, r, options, &m, last);
    ck_assert_msg(rc == OK, "%d: %s", rc, err_message());
    device_close(d);
    recipe_free(r);
    return m;
}

static struct model *train_plainly(const char *device, struct recipe *r) {
    return train_on(device, r, &(dropcl_options){.data = train_data()}, NULL);
}

static const float *tensor(const struct model *m, const char *name) {
    for (int i = 0; i < m->plan->nparams; i++) {
        const struct value *v = &m->plan->values[m->plan->params[i].value];
        if (!strcmp(v->name, name)) return m->flat + v->offset;
    }
    ck_abort_msg("the model has no %s", name);
}

static const char *const micro[] = {"train.micro_batch=0", "train.micro_batch=8"};

START_TEST(reference_and_opencl_give_the_same_bits) {
    struct model *a = train_plainly("cpu", train_recipe(LAYERS(""), micro[_i], NULL));
    struct model *b = train_plainly("pocl", train_recipe(LAYERS(""), micro[_i], NULL));
    ck_assert_str_eq(a->sha256, b->sha256);
    ck_assert_uint_eq(a->parameters, 784 * 20 + 40 + 20 * 12 + 12 + 24 + 12 * 10 + 10);
    model_free(a);
    model_free(b);
}
END_TEST

START_TEST(every_step_of_training_agrees_bit_for_bit) {
    struct recipe *r = train_recipe(LAYERS(""), micro[_i], NULL);
    struct device *a = train_device("cpu"), *b = train_device("pocl");
    struct compare_result result;
    enum err rc =
        compare_run(a, b, r, &(struct compare_options){.data = train_data(), .steps = 3}, &result);
    ck_assert_msg(!rc, "%s", err_message());
    ck_assert(result.equal > 0 && result.unequal == 0);
    device_close(a);
    device_close(b);
    recipe_free(r);
}
END_TEST

START_TEST(saved_model_scores_as_at_the_end_of_training) {
    char path[600];
    dropcl_event last;
    struct model *back = NULL;
    struct model *m = train_on("pocl", train_recipe(LAYERS(""), NULL),
                               &(dropcl_options){.data = train_data()}, &last);
    snprintf(path, sizeof path, "%s/model.safetensors", train_folder("norm"));
    ck_assert_msg(!model_save(m, path), "%s", err_message());
    ck_assert_msg(!model_load(path, &back), "%s", err_message());
    ck_assert_str_eq(back->sha256, m->sha256);
    for (int c = 0; c < 20; c++) {
        ck_assert(tensor(back, "bn1.running_var")[c] > 0);
        ck_assert(tensor(back, "bn1.running_var")[c] != 1);
        ck_assert(tensor(back, "bn1.running_mean")[c] != 0);
    }
    struct device *d = train_device("cpu");
    dropcl_score s;
    ck_assert_msg(!predict_score(d, back, train_data(), NULL, &s), "%s", err_message());
    ck_assert(s.accuracy == last.test_accuracy && s.loss == last.test_loss);
    device_close(d);
    model_free(back);
    model_free(m);
}
END_TEST

/* A momentum of 0 keeps them as they came in. */
START_TEST(training_starts_from_the_statistics_of_the_first_model) {
    struct model *first = train_plainly("pocl", train_recipe(LAYERS(""), NULL));
    const dropcl_options o = {.data = train_data(), .init = (const dropcl_model *)first};
    struct model *second = train_on("pocl", train_recipe(LAYERS(", momentum: 0"), NULL), &o, NULL);
    ck_assert_mem_eq(tensor(second, "bn1.running_var"), tensor(first, "bn1.running_var"), 80);
    ck_assert_mem_eq(tensor(second, "bn2.running_mean"), tensor(first, "bn2.running_mean"), 48);
    ck_assert_str_ne(second->sha256, first->sha256);
    model_free(first);
    model_free(second);
}
END_TEST

/* Two micro-batches of 16 in one step move the statistics as two batches of 16 do, if the weights
 * stand still between them. (bn1 sees no dropout, whose masks would be others.) */
START_TEST(statistics_move_once_for_every_micro_batch) {
    const char *still = "train.optimizer={sgd: {lr: 1e-30}}", *fixed = "train.shuffle=false";
    const dropcl_options one = {.data = train_data(), .steps = 1};
    const dropcl_options two = {.data = train_data(), .steps = 2};
    struct model *a = train_on(
        "pocl", train_recipe(LAYERS(", momentum: 0.5"), still, fixed, "train.micro_batch=16", NULL),
        &one, NULL);
    struct model *b = train_on(
        "pocl", train_recipe(LAYERS(", momentum: 0.5"), still, fixed, "train.batch=16", NULL), &two,
        NULL);
    ck_assert_mem_eq(tensor(a, "fc1.weight"), tensor(b, "fc1.weight"), 784 * 80);
    ck_assert_mem_eq(tensor(a, "bn1.running_mean"), tensor(b, "bn1.running_mean"), 80);
    ck_assert_mem_eq(tensor(a, "bn1.running_var"), tensor(b, "bn1.running_var"), 80);
    model_free(a);
    model_free(b);
}
END_TEST

/* ---- the averaged model ---- */

START_TEST(averaged_models_have_the_same_bits_on_every_device) {
    struct model *a =
        train_plainly("cpu", train_recipe(LAYERS(""), micro[_i], "train.ema=0.5", NULL));
    struct model *b =
        train_plainly("pocl", train_recipe(LAYERS(""), micro[_i], "train.ema=0.5", NULL));
    struct model *plain = train_plainly("pocl", train_recipe(LAYERS(""), micro[_i], NULL));
    ck_assert_str_eq(a->sha256, b->sha256);
    ck_assert_str_ne(a->sha256, plain->sha256);
    model_free(a);
    model_free(b);
    model_free(plain);
}
END_TEST

/* After two steps, from the models before them and after each: rates 1 - 1/10 and 1 - 2/11. The
 * first models are the same because training itself does not see the average. */
START_TEST(the_saved_model_is_the_average_over_the_steps) {
    struct model *m[3], *mean;
    for (int i = 0; i < 3; i++) {
        const dropcl_options o = {.data = train_data(), .steps = i ? i : 1};
        const char *still = "train.optimizer={sgd: {lr: 1e-30}}";
        struct recipe *r =
            i ? train_recipe(LAYERS(""), NULL) : train_recipe(LAYERS(", momentum: 0"), still, NULL);
        m[i] = train_on("pocl", r, &o, NULL); /* m[0]: a step that moves nothing */
    }
    const dropcl_options two = {.data = train_data(), .steps = 2};
    mean = train_on("pocl", train_recipe(LAYERS(""), "train.ema=0.999", NULL), &two, NULL);
    for (size_t i = 0; i < mean->plan->stored; i++) {
        float first = fmaf((float)(1 - 1.0 / 10), m[1]->flat[i] - m[0]->flat[i], m[0]->flat[i]);
        float want = fmaf((float)(1 - 2.0 / 11), m[2]->flat[i] - first, first);
        ck_assert_msg(mean->flat[i] == want, "%zu: %.9g, want %.9g", i, (double)mean->flat[i],
                      (double)want);
    }
    for (int i = 0; i < 3; i++) model_free(m[i]);
    model_free(mean);
}
END_TEST

START_TEST(the_average_is_what_is_scored) {
    dropcl_event last;
    struct model *m = train_on("pocl", train_recipe(LAYERS(""), "train.ema=0.9", NULL),
                               &(dropcl_options){.data = train_data()}, &last);
    struct device *d = train_device("pocl");
    dropcl_score s;
    ck_assert_msg(!predict_score(d, m, train_data(), NULL, &s), "%s", err_message());
    ck_assert(s.accuracy == last.test_accuracy && s.loss == last.test_loss);
    device_close(d);
    model_free(m);
}
END_TEST

START_TEST(every_step_of_averaging_agrees_bit_for_bit) {
    struct recipe *r = train_recipe(LAYERS(""), "train.ema=0.9", "train.micro_batch=8", NULL);
    struct device *a = train_device("cpu"), *b = train_device("pocl");
    struct compare_result result;
    enum err rc =
        compare_run(a, b, r, &(struct compare_options){.data = train_data(), .steps = 2}, &result);
    ck_assert_msg(!rc, "%s", err_message());
    device_close(a);
    device_close(b);
    recipe_free(r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("norm");
    TCase *tests = tcase_create("norm");
    tcase_add_loop_test(tests, reference_and_opencl_give_the_same_bits, 0, 2);
    tcase_add_loop_test(tests, every_step_of_training_agrees_bit_for_bit, 0, 2);
    tcase_add_test(tests, saved_model_scores_as_at_the_end_of_training);
    tcase_add_test(tests, training_starts_from_the_statistics_of_the_first_model);
    tcase_add_test(tests, statistics_move_once_for_every_micro_batch);
    tcase_add_loop_test(tests, averaged_models_have_the_same_bits_on_every_device, 0, 2);
    tcase_add_test(tests, the_saved_model_is_the_average_over_the_steps);
    tcase_add_test(tests, the_average_is_what_is_scored);
    tcase_add_test(tests, every_step_of_averaging_agrees_bit_for_bit);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
