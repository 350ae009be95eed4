/* The tuner: only right ways may win, what was found is kept, nothing it meets is fatal, and no
 * choice changes a bit of the result. */
#include "base/io.h"
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "ops/table.h"
#include "train/train.h"
#include "train/tune.h"
#include "train/tune_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cache of the test's own; tuning is otherwise switched off for suites. */
static void setup(void) {
    setenv("XDG_CACHE_HOME", train_folder("tune-cache"), 1);
    unsetenv("DROPCL_TUNE");
    struct device *d = train_device("pocl");
    char path[4096];
    ck_assert(tune_file_path(d, path, sizeof path));
    remove(path);
    device_close(d);
}

static void teardown(void) {
    unsetenv("DROPCL_FAMILY");
    kernel_override("gemm_cpu.cl", NULL);
}

static struct tune_result tune(bool again) {
    struct recipe *r = train_recipe(NULL);
    struct device *d = train_device("pocl");
    struct tune_result result;
    ck_assert_msg(!tune_device(d, r, 32, again, NULL, &result), "%s", err_message());
    const struct tuning *table = device_caps(d)->tuning;
    ck_assert(table && table->count >= result.keys);
    device_close(d);
    recipe_free(r);
    return result;
}

static char *kept(void) {
    struct device *d = train_device("pocl");
    char path[4096], *text = NULL;
    size_t size;
    ck_assert(tune_file_path(d, path, sizeof path));
    ck_assert_msg(!io_read(path, 1 << 20, &text, &size), "%s", err_message());
    device_close(d);
    return text;
}

static void keep(const char *text) {
    struct device *d = train_device("pocl");
    char path[4096];
    ck_assert(tune_file_path(d, path, sizeof path));
    ck_assert(!io_write_atomic(path, text, strlen(text)));
    device_close(d);
}

START_TEST(choices_are_kept_and_not_timed_again) {
    struct tune_result first = tune(false), second = tune(false);
    /* dense x 3, their dW, two dx: eight different products of this network */
    ck_assert_int_eq(first.keys, 8);
    ck_assert_int_eq(first.timed, 8);
    ck_assert_int_eq(first.rejected, 0);
    ck_assert_int_ge(first.ways, 2 * 8);
    ck_assert_int_eq(second.timed, 0);
    ck_assert_int_eq(tune(true).timed, 8);
    char *text = kept();
    ck_assert_ptr_nonnull(strstr(text, "gemm_32x16x784"));
    ck_assert_ptr_null(
        strstr(text, "simple")); /* the measure, not a candidate where there are others */
    free(text);
}
END_TEST

static const char *const damages[] = {
    "dropcl-tuning 2\n", "dropcl-tuning 1\nkey\tway",
    "dropcl-tuning 1\nkey\tthis way has a name longer than any\n"};

START_TEST(a_damaged_file_is_made_anew) {
    keep(damages[_i]);
    ck_assert_int_eq(tune(false).timed, 8);
    ck_assert_int_eq(tune(false).timed, 0);
}
END_TEST

static bool place(const char *cache, const char *home, const struct device *d, char path[4096]) {
    setenv("XDG_CACHE_HOME", cache, 1);
    setenv("HOME", home, 1);
    return tune_file_path(d, path, 4096);
}

/* A relative path would scatter files over whatever folder the program is started in. */
START_TEST(relative_places_are_none) {
    struct device *d = train_device("pocl");
    char path[4096], *home = strdup(getenv("HOME") ? getenv("HOME") : "/");
    ck_assert(place("/a", "/b", d, path));
    ck_assert_int_eq(strncmp(path, "/a/dropcl/", 10), 0);
    ck_assert(place("a", "/b", d, path));
    ck_assert_int_eq(strncmp(path, "/b/.cache/dropcl/", 17), 0);
    ck_assert(!place("a", "b", d, path));
    ck_assert(!place("", "", d, path));
    setenv("HOME", home, 1);
    free(home);
    device_close(d);
}
END_TEST

/* Fewer compute units are another machine to the tuner. */
START_TEST(the_number_of_compute_units_is_part_of_the_name) {
    struct device_info info;
    struct device *d;
    char all[4096], fewer[4096];
    ck_assert(!device_find("pocl", &info) && !device_open(&info, &d));
    ck_assert(tune_file_path(d, all, sizeof all));
    device_close(d);
    info.compute_units++;
    ck_assert(!device_open(&info, &d));
    ck_assert(tune_file_path(d, fewer, sizeof fewer));
    device_close(d);
    ck_assert_str_ne(all, fewer);
}
END_TEST

/* As after an update of the program that renamed its ways. */
START_TEST(a_way_that_does_not_exist_is_timed_anew) {
    char text[4096] = "dropcl-tuning 1\n";
    tune(false);
    char *good = kept();
    for (char *line = strchr(good, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        size_t key = strcspn(line, "\t"), used = strlen(text);
        snprintf(text + used, sizeof text - used, "%.*s\tno such way\n", (int)key, line);
    }
    free(good);
    keep(text);
    ck_assert_int_eq(tune(false).timed, 8);
}
END_TEST

/* `file` with `to` in place of `from`; the caller frees. */
static char *replaced(const char *file, const char *from, const char *to) {
    const char *text = kernel_source(file), *at = strstr(text, from);
    ck_assert_msg(at, "%s has no %s", file, from);
    size_t size = strlen(text) + strlen(to) + 1;
    char *wrong = malloc(size);
    snprintf(wrong, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return wrong;
}

/* The plainest way is the measure of the others: when it is wrong, agreeing with it is worth
 * nothing. */
static const struct {
    const char *file, *from, *to;
} shared_faults[] = {{"gemm_common.cl", "((v) + load_lanes(bias + (n), count))",
                      "((v) - load_lanes(bias + (n), count))"},
                     {"gemm_common.cl", "return load_lanes(&B_AT(k, n), count);",
                      "return load_lanes(&B_AT(k, n), count) * 2.0f;"}};

START_TEST(a_fault_that_all_ways_share_is_no_way_at_all) {
    char *wrong = replaced(shared_faults[_i].file, shared_faults[_i].from, shared_faults[_i].to);
    kernel_override(shared_faults[_i].file, wrong);
    struct recipe *r = train_recipe(NULL);
    struct device *d = train_device("pocl");
    train_refused(tune_device(d, r, 32, true, NULL, NULL), ERR_SYSTEM,
                  "computes what the reference does");
    kernel_override(shared_faults[_i].file, NULL);
    device_close(d);
    recipe_free(r);
    free(wrong);
}
END_TEST

static char digest[65];

static const char *train_once(void) {
    const dropcl_options options = {.data = train_data()};
    struct recipe *r = train_recipe(NULL);
    struct device *d = train_device("pocl");
    struct model *m = NULL;
    ck_assert_msg(!train_run(d, r, &options, &m, NULL), "%s", err_message());
    snprintf(digest, sizeof digest, "%s", m->sha256);
    model_free(m);
    device_close(d);
    recipe_free(r);
    return digest;
}

/* A kernel that is wrong in one column of its last row only: 256 samples alone would miss it. */
START_TEST(a_wrong_way_is_rejected) {
    setenv("DROPCL_TUNE", "off", 1);
    char right[65];
    snprintf(right, sizeof right, "%s", train_once());
    unsetenv("DROPCL_TUNE");
    const char *spot = "if (!CHAINED && k0) sum[i] = load_lanes(at, count) + sum[i];";
    char fault[256];
    snprintf(fault, sizeof fault, "if (row[i] == SIZE_M - 1) sum[i].s3 += 1.0f;%s", spot);
    char *wrong = replaced("gemm_cpu.cl", spot, fault);
    kernel_override("gemm_cpu.cl", wrong);
    struct tune_result r = tune(true);
    ck_assert_int_eq(r.rejected, 3 * 8); /* every tile height of the broken file */
    char *choices = kept();
    ck_assert_ptr_null(strstr(choices, "cpu"));
    ck_assert_ptr_nonnull(strstr(choices, "simple"));
    free(choices);
    ck_assert_str_eq(train_once(), right); /* the broken file is on the shelf, and not used */
    kernel_override("gemm_cpu.cl", NULL);
    free(wrong);
}
END_TEST

/* Only the second output, the bias gradient, is wrong, in a product too large (more than 2e8
 * operations) to be computed by the reference as a whole: one of the candidates, then the measure
 * of all of them. */
static const struct {
    const char *file;
    enum err rc;
} column_faults[] = {{"gemm_cpu.cl", OK}, {"gemm_simple.cl", ERR_SYSTEM}};

START_TEST(a_wrong_bias_gradient_of_a_large_product_is_noticed) {
    enum { LARGE = 512 };
    const char *file = column_faults[_i].file;
    char *wrong = replaced(file, "store_lanes(column_total, columns",
                           "column_total.s1 += 1.0f, store_lanes(column_total, columns");
    struct recipe *r = train_recipe_layers("    - dense: {units: 256}\n    - dense: {units: 10}\n");
    struct device *d = train_device("pocl");
    struct tune_result result;
    kernel_override(file, wrong);
    enum err rc = tune_device(d, r, LARGE, true, NULL, &result);
    kernel_override(file, NULL);
    ck_assert_int_eq(rc, column_faults[_i].rc);
    if (rc)
        ck_assert_ptr_nonnull(strstr(err_message(), "computes what the reference does"));
    else
        ck_assert_int_eq(result.rejected,
                         3 * 2); /* both products with columns, every tile height */
    device_close(d);
    recipe_free(r);
    free(wrong);
}
END_TEST

/* A stop that says yes when it is asked for the `left`-th time. */
static int stop_soon(void *user) {
    return --*(int *)user <= 0;
}

START_TEST(tuning_stops_when_it_is_asked_to) {
    static const int after[] = {1, 2, 12};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
        int left = after[i];
        const struct notes notes = {.stop = stop_soon, .user = &left};
        struct recipe *r = train_recipe(NULL);
        struct device *d = train_device("pocl");
        char path[4096];
        train_refused(tune_device(d, r, 32, true, &notes, NULL), ERR_INTERRUPTED, "interrupted");
        ck_assert_int_eq(left, 0); /* not asked again */
        ck_assert(tune_file_path(d, path, sizeof path));
        ck_assert(!io_exists(path));
        device_close(d);
        recipe_free(r);
    }
}
END_TEST

START_TEST(a_way_that_cannot_be_built_is_rejected) {
    kernel_override("gemm_cpu.cl", "this is no kernel");
    struct tune_result r = tune(true);
    ck_assert_int_eq(r.rejected, 3 * 8);
}
END_TEST

static const struct {
    const char *family, *way;
} ways[] = {{"cpu", "off"},         {"cpu", "simple"},   {"cpu", "cpu 4x16"},
            {"cpu", "cpu 6x16"},    {"cpu", "cpu 8x16"}, {"gpu", "off"},
            {"gpu", "gpu 32"},      {"gpu", "gpu 64"},   {"gpu", "gpu 128"},
            {"gpu", "gpu 128x64"},  {"gpu", "simple"},   {"gpu", "gpu 32 split"},
            {"gpu", "gpu 64 split"}};

START_TEST(every_way_gives_the_same_parameters) {
    setenv("DROPCL_TUNE", "off", 1);
    char expected[65];
    snprintf(expected, sizeof expected, "%s", train_once());
    setenv("DROPCL_FAMILY", ways[_i].family, 1);
    setenv("DROPCL_TUNE", ways[_i].way, 1);
    ck_assert_str_eq(train_once(), expected);
}
END_TEST

/* How many products of the test network are launched in `way` when it is asked for. */
static int forced(const char *setting, const char *way) {
    setenv("DROPCL_TUNE", way, 1);
    struct recipe *r = train_recipe(setting, NULL);
    struct device *d = train_device("pocl");
    ck_assert_msg(!tune_device(d, r, 32, false, NULL, NULL), "%s", err_message());
    const struct tuning *table = device_caps(d)->tuning;
    int n = 0;
    for (int i = 0; table && i < table->count; i++) n += !strcmp(table->at[i].way, way);
    device_close(d);
    recipe_free(r);
    return n;
}

START_TEST(the_library_is_a_way_where_any_order_of_summation_will_do) {
    ck_assert_int_eq(forced("train.gemm=any", "clblast"), 8);
    ck_assert_int_eq(forced(NULL, "clblast"), 0);
}
END_TEST

START_TEST(portable_choices_do_not_serve_where_any_order_will_do) {
    tune(false);
    struct recipe *r = train_recipe("train.gemm=any", NULL);
    struct device *d = train_device("pocl");
    ck_assert(!tune_recall(d, r, 32));
    struct plan *p = NULL;
    ck_assert(
        !plan_new(r, &op_table_all, &(struct plan_options){.mode = PLAN_TRAIN, .batch = 32}, &p));
    struct caps caps = *device_caps(d);
    caps.gemm_any = true;
    int products = 0;
    for (int i = 0; i < p->nsteps; i++) {
        struct step_ways of;
        if (!p->steps[i].op->ways || !p->steps[i].op->ways(p, &p->steps[i], &caps, &of)) continue;
        ck_assert_ptr_null(tuning_find(caps.tuning, of.key));
        ck_assert_str_eq(of.name[of.count - 1], "clblast");
        products++;
    }
    ck_assert_int_eq(products, 8);
    plan_free(p);
    device_close(d);
    recipe_free(r);
}
END_TEST

START_TEST(a_mistyped_way_is_refused) {
    setenv("DROPCL_TUNE", "clblasst", 1);
    struct recipe *r = train_recipe(NULL);
    struct device *d = train_device("pocl");
    train_refused(tune_device(d, r, 32, false, NULL, NULL), ERR_USAGE, "clblasst");
    device_close(d);
    recipe_free(r);
}
END_TEST

/* Forcing a way really changes what is launched. */
START_TEST(forcing_a_way_is_no_empty_gesture) {
    ck_assert_int_eq(forced(NULL, "cpu 4x16"), 8);
    setenv("DROPCL_FAMILY", "gpu", 1);
    ck_assert_int_eq(forced(NULL, "gpu 128"), 8);
    ck_assert_int_eq(forced(NULL, "gpu 32 split"),
                     1); /* only 784 products are more than one chunk */
}
END_TEST

int main(void) {
    Suite *s = suite_create("tune");
    TCase *c = tcase_create("tune");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, choices_are_kept_and_not_timed_again);
    tcase_add_loop_test(c, a_damaged_file_is_made_anew, 0, sizeof damages / sizeof *damages);
    tcase_add_test(c, relative_places_are_none);
    tcase_add_test(c, the_number_of_compute_units_is_part_of_the_name);
    tcase_add_test(c, a_way_that_does_not_exist_is_timed_anew);
    tcase_add_loop_test(c, a_fault_that_all_ways_share_is_no_way_at_all, 0, 2);
    tcase_add_test(c, the_library_is_a_way_where_any_order_of_summation_will_do);
    tcase_add_test(c, portable_choices_do_not_serve_where_any_order_will_do);
    tcase_add_test(c, a_mistyped_way_is_refused);
    tcase_add_test(c, a_wrong_way_is_rejected);
    tcase_add_loop_test(c, a_wrong_bias_gradient_of_a_large_product_is_noticed, 0, 2);
    tcase_add_test(c, tuning_stops_when_it_is_asked_to);
    tcase_add_test(c, a_way_that_cannot_be_built_is_rejected);
    tcase_add_loop_test(c, every_way_gives_the_same_parameters, 0, sizeof ways / sizeof *ways);
    tcase_add_test(c, forcing_a_way_is_no_empty_gesture);
    suite_add_tcase(s, c);
    return suite_run(s);
}
