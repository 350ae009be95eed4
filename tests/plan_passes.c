/* Shapes, slots, the layout of the flat buffers, verification and the printed table. */
#include "base/io.h"
#include "base/text.h"
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include "ops/table.h"
#include "plan/passes.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MLP                                                                                        \
    "    - dense: {name: fc1, units: 256, activation: relu}\n    - dropout: {rate: 0.5}\n"         \
    "    - dense: {name: fc2, units: 128, activation: relu}\n    - dropout: {rate: 0.5}\n"         \
    "    - dense: {name: fc3, units: 10}"

static struct recipe *recipe;
static struct plan *plan;

static void make(const char *train, struct plan_options options) {
    recipe = fixture_recipe("[28, 28, 1]", MLP, train);
    plan = fixture_plan(recipe, options);
}

static void teardown(void) {
    plan_free(plan);
    recipe_free(recipe);
    plan = NULL;
    recipe = NULL;
}

/* Compares with tests/golden/NAME; UPDATE=1 rewrites it. */
static void check_golden(const char *name, const struct plan *p) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/%s", TEST_SOURCE_DIR, name);
    struct text t = {0};
    plan_print(p, NULL, &t);
    if (getenv("UPDATE")) ck_assert_int_eq(io_write_atomic(path, t.data, t.size), OK);
    char *golden = NULL;
    size_t size;
    ck_assert_msg(io_read(path, 1 << 20, &golden, &size) == OK, "%s", err_message());
    ck_assert_str_eq(t.data, golden);
    free(golden);
    text_free(&t);
}

START_TEST(training_plan_prints_as_agreed) {
    make("  batch: 128\n", (struct plan_options){.mode = PLAN_TRAIN});
    check_golden("mlp-train.txt", plan);
}
END_TEST

START_TEST(micro_batch_plan_prints_as_agreed) {
    make("  batch: 128\n  micro_batch: 32\n", (struct plan_options){.mode = PLAN_TRAIN});
    check_golden("mlp-micro.txt", plan);
}
END_TEST

START_TEST(evaluation_plan_prints_as_agreed) {
    make("  batch: 128\n", (struct plan_options){.mode = PLAN_EVAL});
    check_golden("mlp-eval.txt", plan);
}
END_TEST

START_TEST(residual_plan_prints_as_agreed) {
    recipe = fixture_recipe("[28, 28, 1]",
                            "    - dense: {units: 64, activation: relu}\n"
                            "    - residual:\n"
                            "        activation: relu\n"
                            "        body:\n"
                            "          - dense: {units: 32, activation: relu}\n"
                            "          - dropout: {rate: 0.1}\n"
                            "          - dense: {units: 64}\n"
                            "    - residual:\n"
                            "        name: wide\n"
                            "        activation: relu\n"
                            "        body: [{dense: {units: 96}}]\n"
                            "        shortcut: [{dense: {units: 96, bias: false}}]\n"
                            "    - dense: {units: 10}",
                            "  batch: 32\n");
    plan = fixture_plan(recipe, (struct plan_options){.mode = PLAN_TRAIN});
    check_golden("residual-train.txt", plan);
}
END_TEST

#define NORM                                                                                       \
    "    - batchnorm: {name: bn0}\n    - dense: {name: fc1, units: 32, bias: false}\n"             \
    "    - batchnorm: {name: bn1}\n    - relu\n    - dropout: {rate: 0.5}\n"                       \
    "    - dense: {name: fc2, units: 16, activation: relu}\n    - batchnorm: {name: bn2}\n"        \
    "    - dense: {name: fc3, units: 10}"

START_TEST(batch_norm_plan_prints_as_agreed) {
    recipe = fixture_recipe("[8, 8, 3]", NORM, "  batch: 32\n");
    plan = fixture_plan(recipe, (struct plan_options){.mode = _i ? PLAN_EVAL : PLAN_TRAIN});
    check_golden(_i ? "norm-eval.txt" : "norm-train.txt", plan);
}
END_TEST

/* What evaluation computes from parameters alone is computed before the first batch is read. */
START_TEST(folded_weights_are_made_by_the_first_steps) {
    recipe = fixture_recipe("[8, 8, 3]", NORM, "  batch: 32\n");
    plan = fixture_plan(recipe, (struct plan_options){.mode = PLAN_EVAL});
    int gather = fixture_find(plan, "gather", 0), fold = fixture_find(plan, "batch_norm_fold", 0);
    ck_assert_int_eq(gather, 4); /* three batch norms, one of them folded */
    ck_assert(fold >= 0 && fold < gather);
    int dense = fixture_find(plan, "dense+relu", 0);
    ck_assert_int_eq(plan->steps[dense].in[1], plan->steps[fold].out[0]);
    ck_assert_int_eq(plan->steps[dense].in[2], plan->steps[fold].out[1]);
    ck_assert_int_eq(plan->steps[dense].nin, 3);
}
END_TEST

START_TEST(running_statistics_are_stored_behind_what_is_trained) {
    recipe = fixture_recipe("[8, 8, 3]", NORM, "  batch: 32\n");
    plan = fixture_plan(recipe, (struct plan_options){.mode = PLAN_TRAIN});
    int running = 0;
    for (int i = 0; i < plan->nparams; i++) {
        const struct value *v = &plan->values[plan->params[i].value];
        running += plan->params[i].running;
        ck_assert_int_eq(plan->params[i].running, strstr(v->name, ".running_") != NULL);
        ck_assert_int_eq(plan->params[i].running, v->offset >= plan->flat);
        ck_assert_int_eq(plan->params[i].decay,
                         !strncmp(v->name, "fc", 2) && strstr(v->name, ".weight") != NULL);
        ck_assert_uint_le(v->offset + shape_elements(&v->shape), plan->stored);
    }
    ck_assert_int_eq(running, 6);
    ck_assert_uint_eq(plan->buffer_bytes[BUFFER_PARAM], plan->stored * sizeof(float));
    ck_assert_uint_eq(plan->buffer_bytes[BUFFER_GRAD], plan->flat * sizeof(float));
}
END_TEST

/* The property behind sharing: values alive at one time never share a slot. Lifetimes are
 * recomputed here from the steps, not read from the plan. */
START_TEST(live_values_never_share_a_slot) {
    make("  batch: 8\n", (struct plan_options){.mode = PLAN_TRAIN, .no_fuse = _i == 1});
    int shared = 0;
    for (int a = 0; a < plan->nvalues; a++)
        for (int b = 0; b < a; b++) {
            if (plan->values[a].role != ROLE_ACTIVATION || plan->values[a].buffer < 0) continue;
            if (plan->values[a].buffer != plan->values[b].buffer) continue;
            shared++;
            int first[2] = {1000, 1000}, last[2] = {-1, -1}, at[2] = {a, b};
            for (int i = 0; i < plan->nsteps; i++)
                for (int w = 0; w < 2; w++) {
                    bool used = false;
                    for (int k = 0; k < plan->steps[i].nin; k++)
                        used |= plan->steps[i].in[k] == at[w];
                    for (int k = 0; k < plan->steps[i].nout; k++)
                        used |= plan->steps[i].out[k] == at[w];
                    if (used && i < first[w]) first[w] = i;
                    if (used) last[w] = i;
                }
            ck_assert_msg(last[0] < first[1] || last[1] < first[0], "%s and %s overlap",
                          plan->values[a].name, plan->values[b].name);
        }
    ck_assert_int_gt(shared, 0); /* otherwise this test says nothing */
}
END_TEST

START_TEST(parameters_are_aligned_and_decayed_ones_first) {
    make("  batch: 8\n", (struct plan_options){.mode = PLAN_TRAIN});
    ck_assert_int_eq(plan->nparams, 6);
    for (int i = 0; i < plan->nparams; i++) {
        const struct value *v = &plan->values[plan->params[i].value];
        ck_assert_uint_eq(v->offset % 256, 0);
        bool weight = strstr(v->name, ".weight") != NULL;
        ck_assert_int_eq(plan->params[i].decay, weight);
        ck_assert_int_eq(v->offset < plan->decayed, weight);
        ck_assert_uint_eq(plan->values[v->grad].offset, v->offset);
    }
    ck_assert_str_eq(plan->values[plan->params[0].value].name, "fc1.weight");
    ck_assert_str_eq(plan->values[plan->params[1].value].name, "fc1.bias");
}
END_TEST

START_TEST(all_plans_of_a_recipe_lay_parameters_out_alike) {
    make("  batch: 8\n", (struct plan_options){.mode = PLAN_TRAIN});
    struct plan *eval =
        fixture_plan(recipe, (struct plan_options){.mode = PLAN_EVAL, .batch = 500});
    ck_assert_uint_eq(eval->flat, plan->flat);
    for (int i = 0; i < plan->nparams; i++) {
        const struct value *a = &plan->values[plan->params[i].value];
        const struct value *b = &eval->values[eval->params[i].value];
        ck_assert_str_eq(a->name, b->name);
        ck_assert_uint_eq(a->offset, b->offset);
    }
    plan_free(eval);
}
END_TEST

START_TEST(micro_batch_tree_has_a_level_per_doubling) {
    static const int micro[] = {8, 4, 2, 1}, levels[] = {0, 1, 2, 3};
    char train[64];
    snprintf(train, sizeof train, "  batch: 8\n  micro_batch: %d\n", micro[_i]);
    make(train, (struct plan_options){.mode = PLAN_TRAIN});
    ck_assert_int_eq(plan->micro_batches, 8 / micro[_i]);
    ck_assert_int_eq(plan->partial_levels, levels[_i]);
    ck_assert_int_eq(plan->update - plan->combine, 2 * levels[_i]);
}
END_TEST

START_TEST(verification_notices_broken_plans) {
    make("  batch: 8\n", (struct plan_options){.mode = PLAN_TRAIN});
    ck_assert_int_eq(verify_plan(plan), OK);
    struct step *forward = &plan->steps[1];
    int x = forward->in[0], first_output = forward->out[0];

    forward->in[0] = plan->steps[2].out[0]; /* read before it is written */
    ck_assert_int_eq(verify_plan(plan), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_message(), "before it is written"));
    forward->in[0] = x;

    int slot = plan->values[first_output].buffer;
    plan->values[first_output].buffer = plan->values[x].buffer;
    ck_assert_int_eq(verify_plan(plan), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_message(), "slot"));
    plan->values[first_output].buffer = slot;

    int dw = fixture_find(plan, "dense_dw", 0), other = fixture_find(plan, "dense_dw", dw + 1);
    int gradient = plan->steps[dw].out[0];
    plan->steps[dw].out[0] = plan->steps[other].out[0];
    ck_assert_int_eq(verify_plan(plan), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_message(), "exactly one writer"));
    plan->steps[dw].out[0] = gradient;

    struct repeat empty = {.first = 2, .last = 2, .count = 3};
    plan->repeats = &empty;
    plan->nrepeats = 1;
    ck_assert_int_eq(verify_plan(plan), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(err_message(), "repeat"));
    plan->nrepeats = 0;
    ck_assert_int_eq(verify_plan(plan), OK);
}
END_TEST

static const struct {
    const char *input, *layers, *train, *message;
} oversized[] = {
    {"[65536, 32768, 1]", "    - dense: {units: 3}", "  batch: 1\n",
     "a batch of inputs: 2147483648"},
    {"[65535, 3, 1]", "    - dense: {units: 3}", "  batch: 65536\n", "a batch of inputs"},
    {"[65536]", "    - dense: {units: 65536}", "  batch: 1\n", "dense1 has 4294967296 weights"},
    {"[4]", "    - dense: {units: 1048576}", "  batch: 4096\n", "4294967296 outputs"},
    {"[32768]", "    - dense: {units: 40000}\n    - dense: {units: 32768}", "  batch: 1\n",
     "parameters: 26215"},
};

START_TEST(sizes_beyond_31_bits_are_refused) {
    recipe = fixture_recipe(oversized[_i].input, oversized[_i].layers, oversized[_i].train);
    enum err rc =
        plan_new(recipe, &op_table_all, &(struct plan_options){.mode = PLAN_TRAIN}, &plan);
    ck_assert_int_eq(rc, ERR_RECIPE);
    ck_assert_msg(strstr(err_message(), oversized[_i].message), "%s", err_message());
}
END_TEST

int main(void) {
    Suite *s = suite_create("plan_passes");
    TCase *c = tcase_create("passes");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, training_plan_prints_as_agreed);
    tcase_add_test(c, micro_batch_plan_prints_as_agreed);
    tcase_add_test(c, evaluation_plan_prints_as_agreed);
    tcase_add_test(c, residual_plan_prints_as_agreed);
    tcase_add_loop_test(c, batch_norm_plan_prints_as_agreed, 0, 2);
    tcase_add_test(c, folded_weights_are_made_by_the_first_steps);
    tcase_add_test(c, running_statistics_are_stored_behind_what_is_trained);
    tcase_add_loop_test(c, live_values_never_share_a_slot, 0, 2);
    tcase_add_test(c, parameters_are_aligned_and_decayed_ones_first);
    tcase_add_test(c, all_plans_of_a_recipe_lay_parameters_out_alike);
    tcase_add_loop_test(c, micro_batch_tree_has_a_level_per_doubling, 0, 4);
    tcase_add_test(c, verification_notices_broken_plans);
    tcase_add_loop_test(c, sizes_beyond_31_bits_are_refused, 0,
                        sizeof oversized / sizeof *oversized);
    suite_add_tcase(s, c);
    return suite_run(s);
}
