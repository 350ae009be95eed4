/* Training end to end on the digits: determinism, devices, micro-batches, stopping, bad
 * numbers. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "train/train.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const devices[] = {"cpu", "pocl"};

static struct model *train_with(const char *device, const struct recipe *r,
                                const dropcl_options *options, enum err expected,
                                dropcl_event *last) {
    struct device *d = train_device(device);
    struct model *m = NULL;
    enum err rc = train_run(d, r, options, &m, last);
    ck_assert_msg(rc == expected, "%d: %s", rc, err_message());
    device_close(d);
    return m;
}

static struct model *train_plainly(const char *device, struct recipe *r) {
    const dropcl_options none = {.data = train_data()};
    struct model *m = train_with(device, r, &none, OK, NULL);
    recipe_free(r);
    return m;
}

START_TEST(two_runs_give_the_same_bits) {
    struct model *a = train_plainly("pocl", train_recipe(NULL));
    struct model *b = train_plainly("pocl", train_recipe(NULL));
    ck_assert_str_eq(a->sha256, b->sha256);
    ck_assert_int_eq(a->step, 6);
    ck_assert_int_eq(a->epoch, 2);
    model_free(a);
    model_free(b);
}
END_TEST

START_TEST(reference_and_opencl_give_the_same_bits) {
    struct model *a = train_plainly("cpu", train_recipe(NULL));
    struct model *b = train_plainly("pocl", train_recipe(NULL));
    ck_assert_str_eq(a->sha256, b->sha256);
    model_free(a);
    model_free(b);
}
END_TEST

static const char *const changes[] = {
    "train.seed=8",         "model.layers.1.dropout.rate=0.4", "train.limit=64",
    "train.shuffle=false",  "train.schedule=constant",         "train.normalize=unit",
    "train.validation=1000"};

/* Each of these takes part in the result. */
START_TEST(another_setting_gives_other_bits) {
    struct model *a = train_plainly("pocl", train_recipe(NULL));
    struct model *b = train_plainly("pocl", train_recipe(changes[_i], NULL));
    ck_assert_str_ne(a->sha256, b->sha256);
    model_free(a);
    model_free(b);
}
END_TEST

/* ---- learning ---- */

START_TEST(digits_are_learned) {
    struct recipe *r = train_recipe("train.limit=2048", "train.epochs=12", "train.batch=64",
                                    "train.optimizer={adam: {lr: 0.004}}",
                                    "model.layers.*.dropout.rate=0.1", NULL);
    const dropcl_options none = {.data = train_data()};
    dropcl_event last;
    struct model *m = train_with("pocl", r, &none, OK, &last);
    /* chance is 0.1 and log 10 = 2.3; what so small a network reaches in 384 steps is far off both
     */
    ck_assert_msg(last.test_accuracy > 0.5, "accuracy %g", last.test_accuracy);
    ck_assert_msg(last.test_loss < 1.6 && last.train_loss < 1.8, "loss %g, %g", last.test_loss,
                  last.train_loss);
    model_free(m);
    recipe_free(r);
}
END_TEST

/* ---- micro-batches ---- */

static double distance(const struct model *a, const struct model *b) {
    double gap = 0, size = 0;
    for (size_t i = 0; i < a->plan->flat; i++) {
        gap += pow((double)a->flat[i] - (double)b->flat[i], 2);
        size += pow((double)a->flat[i], 2);
    }
    return sqrt(gap / size);
}

/* The masks must be the same, or the distance would be of the order of the gradient (1e-2). */
START_TEST(micro_batches_change_only_the_rounding) {
    struct model *whole = train_plainly("pocl", train_recipe(NULL));
    struct model *two = train_plainly("pocl", train_recipe("train.micro_batch=16", NULL));
    struct model *four = train_plainly("pocl", train_recipe("train.micro_batch=8", NULL));
    ck_assert_msg(distance(whole, two) < 1e-6, "2 x 16: %g", distance(whole, two));
    ck_assert_msg(distance(whole, four) < 1e-6, "4 x 8: %g", distance(whole, four));
    model_free(whole);
    model_free(two);
    model_free(four);
}
END_TEST

START_TEST(micro_batches_give_the_same_bits_on_every_device) {
    struct model *a = train_plainly("cpu", train_recipe("train.micro_batch=8", NULL));
    struct model *b = train_plainly("pocl", train_recipe("train.micro_batch=8", NULL));
    ck_assert_str_eq(a->sha256, b->sha256);
    model_free(a);
    model_free(b);
}
END_TEST

/* ---- events, stopping ---- */

struct log {
    dropcl_event epoch[8];
    int steps, epochs;
    int64_t stop_after; /* steps, 0: never */
    bool stop_at_epoch;
    char note[200];
};

static int listen(const dropcl_event *e, void *user) {
    struct log *log = user;
    if (e->kind == DROPCL_EPOCH) {
        log->epoch[log->epochs++] = *e;
        return log->stop_at_epoch;
    }
    ck_assert_int_eq(e->step, ++log->steps);
    ck_assert(isnan(e->train_loss) && isnan(e->test_loss) && isnan(e->samples_per_second));
    return log->steps == log->stop_after;
}

static void note(const char *text, void *user) {
    struct log *log = user;
    snprintf(log->note, sizeof log->note, "%s", text);
}

static struct model *train_logged(struct recipe *r, struct log *log, int64_t steps,
                                  enum err expected, dropcl_event *last) {
    const dropcl_options o = {
        .data = train_data(), .steps = steps, .callback = listen, .user = log, .message = note};
    struct model *m = train_with("pocl", r, &o, expected, last);
    recipe_free(r);
    return m;
}

START_TEST(callback_hears_every_step_and_epoch) {
    struct log log = {0};
    dropcl_event last;
    model_free(
        train_logged(train_recipe("train.validation=50", USUAL_RATES, NULL), &log, 0, OK, &last));
    ck_assert_int_eq(log.steps, 6);
    ck_assert_int_eq(log.epochs, 2);
    for (int i = 0; i < 2; i++) {
        const dropcl_event *e = &log.epoch[i];
        ck_assert(e->epoch == i + 1 && e->epochs == 2 && e->step == 3 * (i + 1) && e->steps == 6);
        ck_assert(e->train_loss > 0 && e->val_loss > 0 && e->test_loss > 0);
        ck_assert(e->train_accuracy >= 0 && e->val_accuracy >= 0 && e->test_accuracy >= 0);
        ck_assert(e->samples_per_second > 0 && e->seconds > 0);
    }
    ck_assert(last.test_loss == log.epoch[1].test_loss && last.epoch == 2);
    ck_assert_str_eq(log.note, "");
}
END_TEST

START_TEST(without_held_out_rows_nothing_is_said_of_them) {
    struct log log = {0};
    model_free(train_logged(train_recipe(NULL), &log, 0, OK, NULL));
    ck_assert(isnan(log.epoch[0].val_loss) && isnan(log.epoch[1].val_accuracy));
}
END_TEST

/* Stopping after step 4 must give what asking for 4 steps gives. */
START_TEST(interrupted_run_hands_over_its_last_step) {
    struct log log = {.stop_after = 4}, whole = {0};
    dropcl_event last;
    struct model *a = train_logged(train_recipe(NULL), &log, 0, ERR_INTERRUPTED, &last);
    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(a->step, 4);
    ck_assert(last.step == 4 && last.train_loss > 0 && isnan(last.test_loss));
    struct model *b = train_logged(train_recipe(NULL), &whole, 4, OK, NULL);
    ck_assert_str_eq(a->sha256, b->sha256);
    ck_assert_int_eq(whole.epochs, 2); /* the second one is short, and scored all the same */
    model_free(a);
    model_free(b);
}
END_TEST

START_TEST(stopping_at_an_epoch_keeps_its_scores) {
    struct log log = {.stop_at_epoch = true};
    dropcl_event last;
    struct model *m = train_logged(train_recipe(NULL), &log, 0, ERR_INTERRUPTED, &last);
    ck_assert_int_eq(m->step, 3);
    ck_assert(last.test_loss > 0);
    model_free(m);
}
END_TEST

/* Nothing is left to interrupt. */
START_TEST(stopping_at_the_last_epoch_is_success) {
    struct log log = {.stop_at_epoch = true};
    model_free(train_logged(train_recipe("train.epochs=1", NULL), &log, 0, OK, NULL));
}
END_TEST

START_TEST(large_batch_is_lowered_with_a_message) {
    struct log log = {0};
    dropcl_event last;
    model_free(train_logged(train_recipe("train.limit=20", NULL), &log, 0, OK, &last));
    ck_assert_str_eq(log.note, "batch: 32 is lowered to 20: there are 20 training rows");
    ck_assert_int_eq(last.steps, 2);
    model_free(train_logged(train_recipe("train.limit=20", "train.micro_batch=8", NULL),
                            &(struct log){0}, 0, OK, &last));
    ck_assert_int_eq(last.steps, 2);
}
END_TEST

/* ---- starting from a model ---- */

START_TEST(init_model_is_where_training_starts) {
    struct model *first = train_plainly("pocl", train_recipe(NULL));
    struct recipe *r = train_recipe("train.optimizer.sgd.lr=1e-40", NULL);
    const dropcl_options o = {.data = train_data(),
                              .init = (const dropcl_model *)(const void *)first};
    struct model *same = train_with("pocl", r, &o, OK, NULL);
    ck_assert_str_eq(same->sha256, first->sha256);
    model_free(same);
    model_free(first);
    recipe_free(r);
}
END_TEST

/* ---- numbers that stop being finite ---- */

static void fails_with(struct recipe *r, const struct model *init, const char *step,
                       const char *tensor) {
    for (int d = 0; d < 2; d++) {
        const dropcl_options o = {.data = train_data(),
                                  .init = (const dropcl_model *)(const void *)init};
        struct model *m = train_with(devices[d], r, &o, ERR_NUMERIC, NULL);
        ck_assert_ptr_null(m);
        ck_assert_msg(strstr(err_message(), step), "%s", err_message());
        ck_assert_msg(strstr(err_message(), tensor), "%s", err_message());
    }
    recipe_free(r);
}

/* The first step leaves weights of 1e28 behind; the second one's second layer overflows. */
START_TEST(huge_rate_names_step_and_tensor) {
    fails_with(train_recipe("train.optimizer.sgd.lr=1e30", "train.schedule=constant", NULL), NULL,
               "optimizer step 1 (epoch 1)", "fc2");
}
END_TEST

START_TEST(micro_batches_name_the_same_step) {
    fails_with(train_recipe("train.optimizer.sgd.lr=1e30", "train.schedule=constant",
                            "train.micro_batch=8", NULL),
               NULL, "optimizer step 1 (epoch 1)", "fc2");
}
END_TEST

START_TEST(bad_start_is_named_before_the_first_step) {
    struct model *m = train_plainly("cpu", train_recipe(NULL));
    for (int i = 0; i < m->plan->nparams; i++) {
        const struct value *v = &m->plan->values[m->plan->params[i].value];
        if (!strcmp(v->name, "fc2.bias")) m->flat[v->offset + 3] = NAN;
    }
    fails_with(train_recipe(NULL), m, "optimizer step 0 (epoch 1)",
               "fc2.bias [12], a parameter, already before this step: 1 of its 12");
    model_free(m);
}
END_TEST

/* One step only: it is the evaluation after it that meets the numbers. */
START_TEST(evaluation_names_bad_numbers_too) {
    struct recipe *r = train_recipe("train.optimizer.sgd.lr=1e30", "train.schedule=constant", NULL);
    const dropcl_options o = {.data = train_data(), .steps = 1};
    ck_assert_ptr_null(train_with("pocl", r, &o, ERR_NUMERIC, NULL));
    ck_assert_msg(strstr(err_message(), "the evaluation after 1 optimizer steps"), "%s",
                  err_message());
    recipe_free(r);
}
END_TEST

/* ---- recipes that do not fit the data ---- */

static void refuses(const char *setting, enum err code, const char *message) {
    struct recipe *r = train_recipe(setting, NULL);
    struct device *d = train_device("cpu");
    struct model *m = NULL;
    const dropcl_options none = {.data = train_data()};
    train_refused(train_run(d, r, &none, &m, NULL), code, message);
    ck_assert_ptr_null(m);
    device_close(d);
    recipe_free(r);
}

START_TEST(misfits_are_refused) {
    refuses("model.input=[28, 27, 1]", ERR_RECIPE, "[28, 28, 1] (height, width, channels)");
    refuses("model.layers.4.dense.units=9", ERR_RECIPE, "ends with 9 outputs");
    refuses("train.validation=2048", ERR_RECIPE,
            "error: train.validation holds out 2048 of the 2048");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("run");
    TCase *tests = tcase_create("run");
    tcase_add_test(tests, two_runs_give_the_same_bits);
    tcase_add_test(tests, reference_and_opencl_give_the_same_bits);
    tcase_add_loop_test(tests, another_setting_gives_other_bits, 0,
                        (int)(sizeof changes / sizeof *changes));
    tcase_add_test(tests, digits_are_learned);
    tcase_add_test(tests, micro_batches_change_only_the_rounding);
    tcase_add_test(tests, micro_batches_give_the_same_bits_on_every_device);
    tcase_add_test(tests, callback_hears_every_step_and_epoch);
    tcase_add_test(tests, without_held_out_rows_nothing_is_said_of_them);
    tcase_add_test(tests, interrupted_run_hands_over_its_last_step);
    tcase_add_test(tests, stopping_at_an_epoch_keeps_its_scores);
    tcase_add_test(tests, stopping_at_the_last_epoch_is_success);
    tcase_add_test(tests, large_batch_is_lowered_with_a_message);
    tcase_add_test(tests, init_model_is_where_training_starts);
    tcase_add_test(tests, huge_rate_names_step_and_tensor);
    tcase_add_test(tests, micro_batches_name_the_same_step);
    tcase_add_test(tests, bad_start_is_named_before_the_first_step);
    tcase_add_test(tests, evaluation_names_bad_numbers_too);
    tcase_add_test(tests, misfits_are_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
