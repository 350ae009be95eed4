/* What is fused, and which backward form dropout takes: from the output alone only where that is
 * exact. */
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include "ops/table.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN ((struct plan_options){.mode = PLAN_TRAIN})

static struct recipe *recipe;
static struct plan *plan;

static void make(const char *layers, struct plan_options options) {
    recipe = fixture_recipe("[6]", layers, "  batch: 4\n");
    plan = fixture_plan(recipe, options);
}

static void teardown(void) {
    plan_free(plan);
    recipe_free(recipe);
    plan = NULL;
    recipe = NULL;
}

START_TEST(bias_relu_and_dropout_join_the_dense_step) {
    make(
        "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n    - dense: {units: 3}",
        TRAIN);
    ck_assert_int_ge(fixture_find(plan, "dense+relu+dropout", 0), 0);
    /* ReLU's output is read by the dropout alone: no mask backward, ReLU tests dropout's output. */
    int dx = fixture_find(plan, "dense_dx+dropout_scale+relu_grad", 0);
    ck_assert_int_ge(dx, 0);
    const struct step *s = &plan->steps[dx];
    int forward = fixture_find(plan, "dense+relu+dropout", 0);
    ck_assert_int_eq(s->in[s->stage[1].extra], plan->steps[forward].out[0]);
}
END_TEST

START_TEST(dropout_without_activation_regenerates_its_mask) {
    make("    - dense: {units: 5}\n    - dropout: {rate: 0.5}\n    - dense: {units: 3}", TRAIN);
    ck_assert_int_ge(fixture_find(plan, "dense+dropout", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "dense_dx+dropout_grad", 0), 0);
}
END_TEST

START_TEST(dropout_twice_regenerates_the_second_mask_only) {
    make(
        "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n    - dropout: {rate: 0.2}\n"
        "    - dense: {units: 3}",
        TRAIN);
    /* the first dropout's output must exist: ReLU's backward reads it */
    ck_assert_int_ge(fixture_find(plan, "dense+relu+dropout", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "pointwise+dropout", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "dense_dx+dropout_grad+dropout_scale+relu_grad", 0), 0);
}
END_TEST

START_TEST(dropout_on_the_input_has_no_backward_step) {
    make("    - dropout: {rate: 0.2}\n    - dense: {units: 3}", TRAIN);
    ck_assert_int_ge(fixture_find(plan, "pointwise+dropout", 0), 0);
    for (int i = plan->backward; i < plan->nsteps; i++) ck_assert_int_eq(plan->steps[i].nstages, 0);
    ck_assert_int_lt(fixture_find(plan, "dense_dx", 0), 0);
}
END_TEST

START_TEST(rate_zero_makes_no_step) {
    make(
        "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0}\n    - dense: {units: 3}",
        TRAIN);
    ck_assert_int_ge(fixture_find(plan, "dense+relu", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "dense_dx+relu_grad", 0), 0);
}
END_TEST

START_TEST(evaluation_plan_contains_no_dropout) {
    make(
        "    - dropout: {rate: 0.2}\n    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n"
        "    - dense: {units: 3}",
        (struct plan_options){.mode = PLAN_EVAL});
    for (int i = 0; i < plan->nsteps; i++) {
        ck_assert_str_ne(plan->steps[i].op->name, "dropout");
        for (int k = 0; k < plan->steps[i].nstages; k++)
            ck_assert_str_ne(plan->steps[i].stage[k].op->name, "dropout");
    }
    ck_assert_int_ge(fixture_find(plan, "softmax", 0), 0);
}
END_TEST

START_TEST(monte_carlo_plan_keeps_dropout_and_has_no_backward) {
    make(
        "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n    - dense: {units: 3}",
        (struct plan_options){.mode = PLAN_MC});
    ck_assert_int_ge(fixture_find(plan, "dense+relu", 0), 0); /* once for all passes */
    ck_assert_int_ge(fixture_find(plan, "pointwise+dropout", 0), 0);
    ck_assert_int_eq(plan->backward, plan->nsteps);
}
END_TEST

START_TEST(no_fuse_leaves_every_operation_a_step) {
    make(
        "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n    - dense: {units: 3}",
        (struct plan_options){.mode = PLAN_TRAIN, .no_fuse = true});
    ck_assert_int_ge(fixture_find(plan, "dense", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "pointwise+relu", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "pointwise+dropout", 0), 0);
    ck_assert_int_ge(fixture_find(plan, "pointwise+relu_grad", 0), 0);
}
END_TEST

START_TEST(from_reads_the_named_layer) {
    make(
        "    - dense: {name: a, units: 5}\n    - dropout: {name: off, rate: 0}\n    - dense: {name: b, units: 3, from: a}",
        TRAIN);
    int a = fixture_find(plan, "dense", 0), b = fixture_find(plan, "dense", a + 1);
    ck_assert_int_eq(plan->steps[b].in[0], plan->steps[a].out[0]);
}
END_TEST

START_TEST(layer_that_nothing_reads_is_refused) {
    recipe = fixture_recipe("[6]",
                            "    - dense: {name: a, units: 5}\n    - dense: {name: b, units: 4}\n"
                            "    - dense: {name: c, units: 3, from: a}",
                            "  batch: 4\n");
    enum err rc = plan_new(recipe, &op_table_all, &TRAIN, &plan);
    ck_assert_int_eq(rc, ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(err_message(), "fixture:7:"));
    ck_assert_ptr_nonnull(strstr(err_message(), "nothing reads the output of b"));
}
END_TEST

START_TEST(fused_values_take_no_memory) {
    make(
        "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n    - dense: {units: 3}",
        TRAIN);
    for (int v = 0; v < plan->nvalues; v++) {
        const struct value *value = &plan->values[v];
        if (value->role == ROLE_ACTIVATION && value->first < 0) ck_assert_int_eq(value->buffer, -1);
    }
    ck_assert_uint_eq(plan->mask_bytes_saved, 4 * 5);
}
END_TEST

int main(void) {
    Suite *s = suite_create("plan_fusion");
    TCase *c = tcase_create("fusion");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, bias_relu_and_dropout_join_the_dense_step);
    tcase_add_test(c, dropout_without_activation_regenerates_its_mask);
    tcase_add_test(c, dropout_twice_regenerates_the_second_mask_only);
    tcase_add_test(c, dropout_on_the_input_has_no_backward_step);
    tcase_add_test(c, rate_zero_makes_no_step);
    tcase_add_test(c, evaluation_plan_contains_no_dropout);
    tcase_add_test(c, monte_carlo_plan_keeps_dropout_and_has_no_backward);
    tcase_add_test(c, no_fuse_leaves_every_operation_a_step);
    tcase_add_test(c, from_reads_the_named_layer);
    tcase_add_test(c, layer_that_nothing_reads_is_refused);
    tcase_add_test(c, fused_values_take_no_memory);
    suite_add_tcase(s, c);
    return suite_run(s);
}
