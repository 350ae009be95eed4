/* Plans of Monte-Carlo evaluation: what no mask reaches runs once, before the passes, and survives
 * them. */
#include "base/text.h"
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include <check.h>
#include <string.h>

static struct recipe *recipe;
static struct plan *plan;

static void make(const char *layers, bool no_fuse) {
    recipe = fixture_recipe("[6]", layers, "  batch: 4\n");
    plan = fixture_plan(recipe, (struct plan_options){.mode = PLAN_MC, .no_fuse = no_fuse});
}

static void teardown(void) {
    plan_free(plan);
    recipe_free(recipe);
    plan = NULL;
    recipe = NULL;
}

/* What a pass reads of the steps before it must lie where no step of a pass writes. */
static void check_places(void) {
    for (int i = plan->pass; i < plan->nsteps; i++)
        for (int k = 0; k < plan->steps[i].nin; k++) {
            const struct value *in = &plan->values[plan->steps[i].in[k]];
            if (in->role != ROLE_ACTIVATION || in->first >= plan->pass) continue;
            for (int later = plan->pass; later < plan->nsteps; later++)
                for (int o = 0; o < plan->steps[later].nout; o++)
                    ck_assert_int_ne(plan->values[plan->steps[later].out[o]].buffer, in->buffer);
        }
}

/* "gather dense | ensemble": the steps that run once, a bar, those of a pass. */
static void check_steps(const char *layers, const char *expected) {
    struct text names = {0};
    make(layers, true);
    check_places();
    teardown();
    make(layers, false);
    check_places();
    for (int i = 0; i < plan->nsteps; i++) {
        char title[96];
        step_title(&plan->steps[i], title, sizeof title);
        text_add(&names, "%s%s%s", i ? " " : "", i == plan->pass ? "| " : "", title);
    }
    ck_assert_str_eq(names.data, expected);
    text_free(&names);
}

START_TEST(what_no_mask_reaches_runs_once) {
    check_steps("    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n"
                "    - dense: {units: 5, activation: relu}\n    - dropout: {rate: 0.5}\n"
                "    - dense: {units: 3}",
                "gather dense+relu | dropout dense+relu+dropout dense softmax ensemble");
}
END_TEST

START_TEST(a_shortcut_around_the_masks_runs_once) {
    check_steps("    - residual:\n        body:\n          - dropout: {rate: 0.5}\n"
                "          - dense: {units: 5}\n        shortcut:\n          - dense: {units: 5}\n"
                "    - dense: {units: 3}",
                "gather dense | dropout dense add dense softmax ensemble");
}
END_TEST

START_TEST(a_folded_batch_norm_runs_once) {
    check_steps(
        "    - dense: {units: 5, bias: false}\n    - batchnorm\n    - dropout: {rate: 0.5}\n"
        "    - dense: {units: 3}\n    - batchnorm",
        "batch_norm_freeze batch_norm_freeze batch_norm_fold batch_norm_fold gather dense | "
        "dropout dense softmax ensemble");
}
END_TEST

START_TEST(without_masks_a_pass_only_counts) {
    check_steps("    - dense: {units: 5}\n    - dropout: {rate: 0}\n    - dense: {units: 3}",
                "gather dense dense softmax | ensemble");
}
END_TEST

START_TEST(masks_over_the_pictures_leave_only_the_batch) {
    check_steps("    - dropout: {rate: 0.2}\n    - dense: {units: 3}",
                "gather | dropout dense softmax ensemble");
}
END_TEST

START_TEST(other_plans_have_no_passes) {
    static const enum plan_mode modes[] = {PLAN_TRAIN, PLAN_EVAL};
    recipe = fixture_recipe("[6]", "    - dropout: {rate: 0.2}\n    - dense: {units: 3}", "");
    for (int i = 0; i < 2; i++) {
        plan_free(plan);
        plan = fixture_plan(recipe, (struct plan_options){.mode = modes[i]});
        ck_assert_int_eq(plan->pass, 0);
        ck_assert_int_eq(plan->ensemble, -1);
        ck_assert_uint_eq(plan->buffer_bytes[BUFFER_PASSES], 0);
    }
}
END_TEST

/* A record for each row and interval; nothing of it is an activation that could be overwritten. */
START_TEST(records_are_the_callers) {
    recipe = fixture_recipe("[6]", "    - dropout: {rate: 0.2}\n    - dense: {units: 3}", "");
    plan = fixture_plan(recipe, (struct plan_options){.mode = PLAN_MC, .batch = 7, .intervals = 5});
    ck_assert_uint_eq(plan->buffer_bytes[BUFFER_PASSES], 5 * 7 * (3 * 3 + 2) * 4);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan_monte_carlo");
    TCase *tests = tcase_create("plan_monte_carlo");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, what_no_mask_reaches_runs_once);
    tcase_add_test(tests, a_shortcut_around_the_masks_runs_once);
    tcase_add_test(tests, a_folded_batch_norm_runs_once);
    tcase_add_test(tests, without_masks_a_pass_only_counts);
    tcase_add_test(tests, masks_over_the_pictures_leave_only_the_batch);
    tcase_add_test(tests, other_plans_have_no_passes);
    tcase_add_test(tests, records_are_the_callers);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
