/* The library of matrix products (`gemm: any`): nobody gets it unasked, it is tried before training
 * starts, and its failures are survived or reported with its status. CLBlastSgemm below stands
 * before the library's own and fails when it is told to. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "train/train.h"
#include "train/tune.h"
#include "train/tune_file.h"
#include <clblast_c.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCTS = 8, NEVER = 1 << 30 }; /* of the test network's training step */

static int calls, fails_from = NEVER;

typedef CLBlastStatusCode sgemm(CLBlastLayout, CLBlastTranspose, CLBlastTranspose, size_t, size_t,
                                size_t, float, cl_mem, size_t, size_t, cl_mem, size_t, size_t,
                                float, cl_mem, size_t, size_t, cl_command_queue *, cl_event *);

CLBlastStatusCode CLBlastSgemm(const CLBlastLayout layout, const CLBlastTranspose ta,
                               const CLBlastTranspose tb, const size_t m, const size_t n,
                               const size_t k, const float alpha, const cl_mem a,
                               const size_t a_offset, const size_t a_ld, const cl_mem b,
                               const size_t b_offset, const size_t b_ld, const float beta, cl_mem c,
                               const size_t c_offset, const size_t c_ld, cl_command_queue *queue,
                               cl_event *event) {
    if (calls++ >= fails_from) return CLBlastInvalidLocalMemUsage;
    sgemm *library;
    *(void **)&library = dlsym(RTLD_NEXT, "CLBlastSgemm");
    ck_assert_ptr_nonnull(library);
    return library(layout, ta, tb, m, n, k, alpha, a, a_offset, a_ld, b, b_offset, b_ld, beta, c,
                   c_offset, c_ld, queue, event);
}

static void setup(void) {
    setenv("XDG_CACHE_HOME", train_folder("library-cache"), 1);
    struct device *d = train_device("pocl");
    char path[4096];
    ck_assert(tune_file_path(d, path, sizeof path));
    remove(path);
    device_close(d);
    calls = 0;
    fails_from = NEVER;
}

/* What a training left behind. */
struct outcome {
    enum err rc;
    char digest[65], note[1024];
    int calls_at_first_step;
};

static int on_event(const dropcl_event *e, void *user) {
    struct outcome *o = user;
    if (e->kind == DROPCL_STEP && e->step == 1) o->calls_at_first_step = calls;
    return 0;
}

static void on_message(const char *text, void *user) {
    struct outcome *o = user;
    snprintf(o->note, sizeof o->note, "%s", text);
}

static struct outcome train_with(const char *wish, const char *setting) {
    struct outcome o = {.rc = OK};
    const dropcl_options options = {
        .data = train_data(), .callback = on_event, .message = on_message, .user = &o};
    if (wish)
        setenv("DROPCL_TUNE", wish, 1);
    else
        unsetenv("DROPCL_TUNE");
    struct recipe *r = train_recipe(USUAL_RATES, setting, NULL);
    struct device *d = train_device("pocl");
    struct model *m = NULL;
    o.rc = train_run(d, r, &options, &m, NULL);
    ck_assert_int_eq(o.rc == OK, m != NULL);
    if (m) snprintf(o.digest, sizeof o.digest, "%s", m->sha256);
    model_free(m);
    device_close(d);
    recipe_free(r);
    return o;
}

/* Neither in training nor in the evaluation behind each epoch. */
START_TEST(nobody_gets_it_unasked) {
    struct outcome portable = train_with("off", NULL), any = train_with("off", "train.gemm=any");
    ck_assert_int_eq(any.rc, OK);
    ck_assert_int_eq(calls, 0);
    ck_assert_str_eq(any.digest, portable.digest);
}
END_TEST

START_TEST(each_product_is_tried_before_the_first_step) {
    struct outcome o = train_with("clblast", "train.gemm=any");
    ck_assert_msg(o.rc == OK, "%s", err_message());
    ck_assert_int_eq(o.calls_at_first_step, 2 * PRODUCTS);
    ck_assert_str_eq(o.note, "");
}
END_TEST

START_TEST(own_kernels_take_over_when_it_fails_at_once) {
    struct outcome portable = train_with("off", NULL);
    fails_from = 0;
    struct outcome o = train_with("clblast", "train.gemm=any");
    ck_assert_msg(o.rc == OK, "%s", err_message());
    ck_assert_int_eq(calls, PRODUCTS); /* tried once each, and not again */
    ck_assert_ptr_nonnull(strstr(o.note, "own kernels"));
    ck_assert_ptr_nonnull(strstr(o.note, "-2046 (CLBlastInvalidLocalMemUsage)"));
    ck_assert_str_eq(o.digest, portable.digest);
}
END_TEST

/* The fourth product of the first step: the gradient of the last weights. */
START_TEST(a_failure_in_training_is_reported_with_its_status) {
    fails_from = PRODUCTS + 3;
    ck_assert_int_eq(train_with("clblast", "train.gemm=any").rc, ERR_SYSTEM);
    const char *const parts[] = {"CLBlast", "m 12, n 10, k 32",
                                 "-2046 (CLBlastInvalidLocalMemUsage)"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(err_message(), parts[i]), "no \"%s\": %s", parts[i], err_message());
}
END_TEST

/* How many products are kept for the library. */
static int kept_for_library(const struct device *d) {
    const struct tuning *t = device_caps(d)->tuning;
    int n = 0;
    for (int i = 0; t && i < t->count; i++) n += !strcmp(t->at[i].way, "clblast");
    return n;
}

START_TEST(the_tuner_rejects_it_when_it_fails) {
    fails_from = 0;
    unsetenv("DROPCL_TUNE");
    struct recipe *r = train_recipe("train.gemm=any", NULL);
    struct device *d = train_device("pocl");
    struct tune_result result;
    ck_assert_msg(!tune_device(d, r, 32, true, NULL, &result), "%s", err_message());
    ck_assert_int_eq(result.keys, PRODUCTS);
    ck_assert_int_eq(result.rejected, PRODUCTS);
    ck_assert_int_eq(kept_for_library(d), 0);
    device_close(d);
    recipe_free(r);
}
END_TEST

/* As after an update of the library: what was kept no longer works. */
START_TEST(a_kept_choice_that_fails_now_ends_no_run) {
    struct recipe *r = train_recipe("train.gemm=any", NULL);
    struct device *d = train_device("pocl");
    char path[4096];
    setenv("DROPCL_TUNE", "clblast", 1);
    ck_assert(!tune_device(d, r, 32, false, NULL, NULL));
    ck_assert_int_eq(kept_for_library(d), PRODUCTS);
    ck_assert(tune_file_path(d, path, sizeof path) && !tune_file_save(d, path));
    device_close(d);
    recipe_free(r);
    fails_from = 0;
    struct outcome o = train_with(NULL, "train.gemm=any");
    ck_assert_msg(o.rc == OK, "%s", err_message());
    ck_assert_ptr_nonnull(strstr(o.note, "CLBlastInvalidLocalMemUsage"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("library");
    TCase *c = tcase_create("library");
    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, nobody_gets_it_unasked);
    tcase_add_test(c, each_product_is_tried_before_the_first_step);
    tcase_add_test(c, own_kernels_take_over_when_it_fails_at_once);
    tcase_add_test(c, a_failure_in_training_is_reported_with_its_status);
    tcase_add_test(c, the_tuner_rejects_it_when_it_fails);
    tcase_add_test(c, a_kept_choice_that_fails_now_ends_no_run);
    suite_add_tcase(s, c);
    return suite_run(s);
}
