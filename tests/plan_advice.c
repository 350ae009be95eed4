/* Warnings about rates and places: each row of the table at its limits and beyond, and the two
 * places where dropping hurts. */
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include "plan/advice.h"
#include "plan/draw.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[2048];
static int count;

static void hear(const char *sentence, void *user) {
    ck_assert_ptr_eq(user, said);
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", sentence);
    count++;
}

static int advise(const char *input, const char *layers) {
    struct recipe *recipe = fixture_recipe(input, layers, "  batch: 4\n");
    said[0] = '\0';
    count = 0;
    ck_assert_int_eq(plan_advise(recipe, hear, said), OK);
    recipe_free(recipe);
    return count;
}

/* ---- rates ---- */

#define DROP(type) "    - " type ": {rate: %s}\n"
#define CONV       "    - conv: {filters: 4, kernel: 3}\n"
#define DENSE      "    - dense: {units: 5}\n"

static const struct {
    const char *layers;                 /* with one rate in it                    */
    const char *inside[2], *outside[2]; /* rates that are usual, and others */
    const char *where;
} rates[] = {
    {DROP("dropout") DENSE, {"1e-9", "0.2"}, {"0.21", "1"}, "on the input, 0 to 0.2 is usual"},
    {"    - relu\n" DROP("dropout2d") CONV, {"0.05", "0.2"}, {"0.3", "0.5"}, "on the input"},
    {DENSE "    - relu\n" DROP("dropout") DENSE,
     {"0.4", "0.5"},
     {"0.39", "0.51"},
     "behind a hidden dense layer, 0.4 to 0.5 is usual (Srivastava et al. 2014)"},
    {DENSE DROP("gaussian_dropout") DENSE, {"0.4", "0.5"}, {"0.2", "0.8"}, "behind a hidden dense"},
    {CONV "    - maxpool: {size: 2}\n" DROP("dropout2d") CONV DENSE,
     {"0.1", "0.3"},
     {"0.09", "0.4"},
     "behind a convolution, 0.1 to 0.3 is usual"},
    {CONV "    - flatten\n" DROP("dropout") DENSE,
     {"0.1", "0.5"},
     {"0.05", "0.6"},
     "between convolutions and a dense layer, 0.1 to 0.5 is usual"},
    {CONV DROP("alpha_dropout") CONV, {"0.05", "0.1"}, {"0.01", "0.5"}, "0.05 to 0.1 is usual"},
    {CONV "    - dropblock: {size: 2, rate: %s}\n" DENSE,
     {"0.05", "0.25"},
     {"0.01", "0.5"},
     "0.05 to 0.25 is usual"},
    {"    - residual:\n        body:\n          - relu\n          - droppath: {rate: %s}\n" DENSE,
     {"0.01", "0.5"},
     {"0.6", "1"},
     "0 to 0.5 is usual"},
};

START_TEST(rates_are_judged_by_what_is_before_and_behind) {
    char layers[512];
    for (int k = 0; k < 2; k++) {
        snprintf(layers, sizeof layers, rates[_i].layers, rates[_i].inside[k]);
        ck_assert_msg(advise("[9, 9, 2]", layers) == 0, "%s", said);
        snprintf(layers, sizeof layers, rates[_i].layers, rates[_i].outside[k]);
        ck_assert_int_eq(advise("[9, 9, 2]", layers), 1);
        ck_assert_msg(strstr(said, rates[_i].where), "%s", said);
        ck_assert_msg(strstr(said, rates[_i].outside[k]), "%s", said);
    }
    snprintf(layers, sizeof layers, rates[_i].layers, "0");
    ck_assert_int_eq(advise("[9, 9, 2]", layers), 0); /* switched off */
}
END_TEST

START_TEST(a_warning_names_its_line_and_both_probabilities) {
    ck_assert_int_eq(advise("[9]", DENSE "    - dropout: {name: d, rate: 0.75}\n" DENSE), 1);
    ck_assert_ptr_nonnull(strstr(said, ":7:7: warning: the rate of d is the probability to drop, "
                                       "0.75 (0.25 is kept)"));
}
END_TEST

/* ---- places ---- */

START_TEST(a_dropout_behind_the_output_layer_is_noticed) {
    ck_assert_int_eq(advise("[9]", DENSE "    - dropout: {rate: 0.5}\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "dropout1 stands behind the output layer"));
    ck_assert_int_eq(advise("[9]", DENSE "    - relu\n    - dropout: {rate: 0.1}\n    - tanh\n"),
                     1);
    ck_assert_int_eq(advise("[9]", DENSE "    - dropout: {rate: 0}\n"), 0);
    /* inside a block that is the last: its body has no weights behind the dropout */
    ck_assert_int_eq(advise("[9]", "    - dense: {units: 9}\n    - residual:\n        body:\n"
                                   "          - dense: {units: 9}\n          - dropout: {rate: "
                                   "0.5}\n"),
                     1);
    ck_assert_int_eq(advise("[9]", "    - dense: {units: 9}\n    - residual:\n        body:\n"
                                   "          - dense: {units: 9}\n          - dropout: {rate: "
                                   "0.5}\n" DENSE),
                     0);
}
END_TEST

START_TEST(a_dropout_before_a_batch_norm_is_noticed) {
    ck_assert_int_eq(advise("[9]", DENSE "    - dropout: {rate: 0.5}\n    - batchnorm\n" DENSE), 1);
    ck_assert_ptr_nonnull(strstr(said, "dropout1 stands directly before a batch normalisation"));
    ck_assert_ptr_nonnull(strstr(said, "Li et al. 2018"));
    ck_assert_int_eq(advise("[9]", DENSE "    - batchnorm\n    - dropout: {rate: 0.5}\n" DENSE), 0);
    /* through a reference */
    ck_assert_int_eq(advise("[9]",
                            DENSE "    - dropout: {name: d, rate: 0.5}\n    - dense: {units: "
                                  "5}\n    - batchnorm: {from: d}\n" DENSE),
                     1);
    /* both faults of one layer */
    ck_assert_int_eq(advise("[9]", DENSE "    - dropout: {rate: 0.9}\n    - batchnorm\n" DENSE), 2);
}
END_TEST

START_TEST(blocks_are_looked_into_in_the_order_of_the_text) {
    ck_assert_int_eq(
        advise("[9]",
               "    - dropout: {name: a, rate: 0.5}\n    - dense: {units: 9}\n"
               "    - residual:\n        shortcut:\n          - dropout: {name: c, rate: 0.9}\n"
               "          - dense: {units: 9}\n        body:\n          - dropout: {name: b, "
               "rate: 0.8}\n          - dense: {units: 9}\n"
               "    - dropout: {name: d, rate: 0.7}\n" DENSE),
        4);
    const char *at = said;
    static const char *const order[] = {"rate of a", "rate of b", "rate of c", "rate of d"};
    for (int i = 0; i < 4; i++) ck_assert_ptr_nonnull(at = strstr(at, order[i]));
}
END_TEST

/* ---- rates that are left open ---- */

static const struct {
    const char *layers; /* the layer to look at is called d */
    double rate;
} open_rates[] = {
    {"    - dropout: {name: d}\n" DENSE, 0.2},
    {"    - dropout2d: {name: d, rate: usual}\n" CONV DENSE, 0.2},
    {DENSE "    - dropout: {name: d}\n" DENSE, 0.5},
    {DENSE "    - gaussian_dropout: {name: d, rate: usual}\n" DENSE, 0.5},
    {CONV "    - dropout2d: {name: d}\n" CONV DENSE, 0.2},
    {CONV "    - flatten\n    - dropout: {name: d}\n" DENSE, 0.25},
    {DENSE "    - alpha_dropout: {name: d}\n" DENSE, 0.1},
    {CONV "    - dropblock: {name: d, size: 2}\n" CONV DENSE, 0.1},
    {"    - residual:\n        body:\n          - relu\n          - droppath: {name: d}\n" DENSE,
     0.2},
    {DENSE "    - dropout: {name: d, rate: 0.375}\n" DENSE, 0.375},
};

static const struct layer *sought;
static void seek(const struct layer *layer, void *user) {
    (void)user;
    if (!strcmp(layer->name, "d")) sought = layer;
}

START_TEST(a_rate_left_open_is_the_usual_one_of_its_place) {
    struct recipe *recipe = fixture_recipe("[9, 9, 2]", open_rates[_i].layers, "  batch: 4\n");
    ck_assert_int_eq(plan_usual_rates(recipe), OK);
    recipe_walk(&recipe->model.layers, seek, NULL);
    ck_assert(draw_attr_of(sought)->rate == open_rates[_i].rate);
    said[0] = '\0', count = 0;
    ck_assert_int_eq(plan_advise(recipe, hear, said), OK);
    ck_assert_int_eq(count, open_rates[_i].rate == 0.375); /* what is usual needs no warning */
    recipe_free(recipe);
}
END_TEST

static void refuse(const char *layers, const char *sentence) {
    struct recipe *recipe = fixture_recipe("[9]", layers, "  batch: 4\n");
    ck_assert_int_eq(plan_usual_rates(recipe), ERR_RECIPE);
    ck_assert_msg(strstr(err_message(), sentence), "%s", err_message());
    recipe_free(recipe);
}

START_TEST(where_no_rate_is_usual_one_must_be_given) {
    refuse(DENSE "    - dropout\n",
           "7:7: error: dropout1 needs 'rate': there is no usual one behind the output layer");
    refuse("    - dense: {name: a, units: 5}\n    - dropout1d\n" DENSE
           "    - dropout: {rate: usual}\n",
           "dropout1 needs 'rate'");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("advice");
    TCase *tests = tcase_create("advice");
    tcase_add_loop_test(tests, rates_are_judged_by_what_is_before_and_behind, 0,
                        sizeof rates / sizeof *rates);
    tcase_add_test(tests, a_warning_names_its_line_and_both_probabilities);
    tcase_add_test(tests, a_dropout_behind_the_output_layer_is_noticed);
    tcase_add_test(tests, a_dropout_before_a_batch_norm_is_noticed);
    tcase_add_test(tests, blocks_are_looked_into_in_the_order_of_the_text);
    tcase_add_loop_test(tests, a_rate_left_open_is_the_usual_one_of_its_place, 0,
                        sizeof open_rates / sizeof *open_rates);
    tcase_add_test(tests, where_no_rate_is_usual_one_must_be_given);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
