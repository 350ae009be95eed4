/* CONTROL rows against words worked out by hand from the randomness contract. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "ops/table.h"
#include "train/control.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    double rate;
    uint64_t threshold;
    uint32_t limit, active;
    float scale;
} rates[] = {
    {0, 0, 0, 0, 1},
    {0.5, 0x80000000u, 0x7fffffffu, 1, 2},
    {0.25, 0x40000000u, 0x3fffffffu, 1, 4.0f / 3},
    {0.75, 0xc0000000u, 0xbfffffffu, 1, 4},
    {0.1, 429496730, 429496729, 1, 1.11111116f}, /* 429496729.6 rounds up */
    {1, 0x100000000u, 0xffffffffu, 1, 0},        /* drops every word, scale 0 */
    {0x1p-32, 1, 0, 1, 1},
    {0x1p-33, 0, 0, 0, 1}, /* half rounds to even: 0 */
    {0x3p-33, 2, 1, 1, 1}, /* one and a half: 2      */
    {0x5p-33, 2, 1, 1, 1}, /* two and a half: 2      */
    {1 - 0x1p-32, 0xffffffffu, 0xfffffffeu, 1, 4294967296.0f},
};

START_TEST(rate_becomes_threshold_limit_and_scale) {
    struct decision r = decision_of(rates[_i].rate);
    ck_assert_uint_eq(r.threshold, rates[_i].threshold);
    ck_assert_uint_eq(r.limit, rates[_i].limit);
    ck_assert_uint_eq(r.active, rates[_i].active);
    ck_assert_msg(r.scale == rates[_i].scale, "scale %.9g, not %.9g", (double)r.scale,
                  (double)rates[_i].scale);
}
END_TEST

/* Where scale from T and scale from the rate round differently, T decides: E[mask * scale] is then
 * exactly what the drawn bits give. */
START_TEST(scale_comes_from_the_threshold) {
    double rate = 1 - 0x1.8p-32; /* T = 2^32 - 1.5 rounded to even = 2^32 - 2 */
    struct decision r = decision_of(rate);
    ck_assert_uint_eq(r.threshold, 0xfffffffeu);
    ck_assert(r.scale == 0x1p31f);
    ck_assert(r.scale != (float)(1 / (1 - rate)));
}
END_TEST

/* The shapes come from a plan; here nothing depends on them. */
static enum err control_of(const struct recipe *r, struct control *c) {
    const struct plan_options options = {.mode = PLAN_TRAIN};
    struct plan *plan;
    ck_assert_int_eq(plan_new(r, &op_table_all, &options, &plan), OK);
    enum err rc = control_init(c, r, plan);
    plan_free(plan);
    return rc;
}

static float float_of(uint32_t word) {
    float f;
    memcpy(&f, &word, sizeof f);
    return f;
}

static const struct optimizer_type *optimizer_of(const struct recipe *r) {
    return (const struct optimizer_type *)(const void *)r->train.optimizer.schema;
}

/* Epoch 1 of a run with 3 steps an epoch, 8 rows a step in 2 micro-batches. */
START_TEST(training_rows_hold_position_seed_and_rates) {
    struct recipe *r = train_recipe("train.seed=4294967301", "train.schedule=constant", NULL);
    struct control c;
    uint32_t *rows = calloc(6 * 28, sizeof *rows);
    ck_assert_int_eq(control_of(r, &c), OK);
    ck_assert_int_eq(c.words, 20 + 2 * 4);
    const struct control_epoch e = {.epoch = 6,
                                    .first_step = 3,
                                    .steps = 3,
                                    .per_epoch = 3,
                                    .run_steps = 9,
                                    .batch = 8,
                                    .micro_batches = 2};
    control_train(&c, optimizer_of(r), &e, rows);
    for (uint32_t i = 0; i < 6; i++) {
        const uint32_t *row = rows + 28 * i;
        ck_assert_uint_eq(row[CONTROL_SEED_LOW], 5);
        ck_assert_uint_eq(row[CONTROL_SEED_HIGH], 1);
        ck_assert_uint_eq(row[CONTROL_STEP], 3 + i / 2);
        ck_assert_uint_eq(row[CONTROL_EPOCH], 6);
        ck_assert_uint_eq(row[CONTROL_FIRST], i / 2 * 8 + i % 2 * 4);
        ck_assert_uint_eq(row[CONTROL_SAMPLE], i % 2 * 4);
        ck_assert_uint_eq(row[CONTROL_VALID], 4);
        ck_assert_uint_eq(row[CONTROL_AUX], 0);
        ck_assert(float_of(row[CONTROL_MEAN]) == 0.125f);
        ck_assert(float_of(row[CONTROL_OPTIMIZER]) == 0.05f);
        ck_assert(float_of(row[CONTROL_OPTIMIZER + 1]) == 0.9f);
        ck_assert_uint_eq(row[CONTROL_LAYERS + LAYER_LIMIT], 0x7fffffffu);
        ck_assert_uint_eq(row[CONTROL_LAYERS + LAYER_ACTIVE], 1);
        ck_assert(float_of(row[CONTROL_LAYERS + LAYER_SCALE]) == 2);
        ck_assert_uint_eq(row[CONTROL_LAYERS + CONTROL_LAYER + LAYER_LIMIT], 0x3fffffffu);
        ck_assert(float_of(row[CONTROL_LAYERS + CONTROL_LAYER + LAYER_SCALE]) == 4.0f / 3);
    }
    control_free(&c);
    free(rows);
    recipe_free(r);
}
END_TEST

START_TEST(training_rows_follow_the_schedule) {
    struct recipe *r = train_recipe("train.schedule={cosine: {}}", NULL);
    struct control c;
    uint32_t rows[4 * 28];
    ck_assert_int_eq(control_of(r, &c), OK);
    const struct control_epoch e = {.first_step = 4,
                                    .steps = 4,
                                    .per_epoch = 4,
                                    .run_steps = 8,
                                    .batch = 8,
                                    .micro_batches = 1};
    control_train(&c, optimizer_of(r), &e, rows);
    for (int i = 0; i < 4; i++) {
        double lr = 0.05 * 0.5 * (1 + cos(3.14159265358979323846 * (4 + i) / 8));
        ck_assert(fabs((double)float_of(rows[28 * i + CONTROL_OPTIMIZER]) - lr) < 1e-8);
    }
    control_free(&c);
    recipe_free(r);
}
END_TEST

/* 20 steps: the first layer rises from 0 over 16 of them, the second falls from 1 over all. */
START_TEST(rates_of_dropping_follow_their_schedules) {
    struct recipe *r =
        train_recipe("model.layers.1.dropout.schedule={linear: {from: 0, over: 0.8}}",
                     "model.layers.3.dropout={rate: 0, schedule: {linear: {from: 1}}}", NULL);
    struct control c;
    uint32_t rows[20 * 28];
    ck_assert_int_eq(control_of(r, &c), OK);
    const struct control_epoch e = {
        .steps = 20, .per_epoch = 20, .run_steps = 20, .batch = 8, .micro_batches = 1};
    control_train(&c, optimizer_of(r), &e, rows);
    for (int t = 0; t < 20; t++) {
        struct decision rising = decision_of(t < 16 ? 0.5 * (t / 16.0) : 0.5);
        struct decision falling = decision_of(1 + (0 - 1.0) * (t / 20.0));
        const uint32_t *first = rows + 28 * t + CONTROL_LAYERS, *second = first + CONTROL_LAYER;
        ck_assert_uint_eq(first[LAYER_ACTIVE], t > 0);
        ck_assert_uint_eq(first[LAYER_LIMIT], rising.limit);
        ck_assert(float_of(first[LAYER_SCALE]) == rising.scale);
        ck_assert_uint_eq(second[LAYER_ACTIVE], 1);
        ck_assert_uint_eq(second[LAYER_LIMIT], falling.limit);
        ck_assert(float_of(second[LAYER_SCALE]) == falling.scale);
    }
    control_evaluate(&c, 8, 8, rows); /* where the schedules end */
    ck_assert_uint_eq(rows[CONTROL_LAYERS + LAYER_LIMIT], 0x7fffffffu);
    ck_assert_uint_eq(rows[CONTROL_LAYERS + CONTROL_LAYER + LAYER_ACTIVE], 0);
    control_free(&c);
    recipe_free(r);
}
END_TEST

START_TEST(rate_zero_is_inactive_and_leaves_the_other_layer) {
    struct recipe *r = train_recipe("model.layers.1.dropout.rate=0", NULL);
    struct control c;
    uint32_t row[28];
    ck_assert_int_eq(control_of(r, &c), OK);
    control_evaluate(&c, 1, 1, row);
    ck_assert_uint_eq(row[CONTROL_LAYERS + LAYER_ACTIVE], 0);
    ck_assert(float_of(row[CONTROL_LAYERS + LAYER_SCALE]) == 1);
    ck_assert_uint_eq(row[CONTROL_LAYERS + CONTROL_LAYER + LAYER_LIMIT], 0x3fffffffu);
    ck_assert_uint_eq(row[CONTROL_LAYERS + CONTROL_LAYER + LAYER_ACTIVE], 1);
    control_free(&c);
    recipe_free(r);
}
END_TEST

/* 10 rows in batches of 4: the last batch holds 2. */
START_TEST(evaluation_rows_count_every_row_once) {
    struct recipe *r = train_recipe(NULL);
    struct control c;
    uint32_t rows[3 * 28];
    static const uint32_t valid[] = {4, 4, 2};
    ck_assert_int_eq(control_of(r, &c), OK);
    control_evaluate(&c, 10, 4, rows);
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t *row = rows + 28 * i;
        ck_assert_uint_eq(row[CONTROL_FIRST], 4 * i);
        ck_assert_uint_eq(row[CONTROL_SAMPLE], 4 * i);
        ck_assert_uint_eq(row[CONTROL_VALID], valid[i]);
    }
    control_free(&c);
    recipe_free(r);
}
END_TEST

/* Passes 4 to 6 of 7, over the last batch: intervals end after 1, 2, 5 and 7 passes. */
START_TEST(passes_name_their_rows_masks_and_intervals) {
    struct recipe *r = train_recipe(NULL);
    struct control c;
    uint32_t rows[3 * 28];
    static const int end[] = {1, 2, 5, 7};
    static const uint32_t interval[] = {2 * 2, 2 * 3 + 1, 2 * 3};
    static const uint32_t splits[] = {SPLIT_TEST, SPLIT_TRAIN, SPLIT_USER};
    ck_assert_int_eq(control_of(r, &c), OK);
    for (uint32_t s = 0; s < 3; s++) {
        const struct control_passes at = {8, 2, 108, splits[s], 4, 3, end};
        control_passes(&c, &at, rows);
        for (uint32_t i = 0; i < 3; i++) {
            const uint32_t *row = rows + 28 * i;
            ck_assert_uint_eq(row[CONTROL_FIRST], 8);
            ck_assert_uint_eq(row[CONTROL_SAMPLE], 108);
            ck_assert_uint_eq(row[CONTROL_VALID], 2);
            ck_assert_uint_eq(row[CONTROL_STEP], 4 + i);
            ck_assert_uint_eq(row[CONTROL_AUX], s << 14);
            ck_assert_uint_eq(row[CONTROL_INTERVAL], interval[i]);
            ck_assert_uint_eq(row[CONTROL_LAYERS + LAYER_LIMIT], 0x7fffffffu);
        }
    }
    control_free(&c);
    recipe_free(r);
}
END_TEST

/* The last pass that a mask can have. */
START_TEST(the_last_pass_is_one) {
    struct recipe *r = train_recipe(NULL);
    struct control c;
    uint32_t row[28];
    const struct control_passes at = {.valid = 1, .pass = UINT32_MAX, .count = 1};
    ck_assert_int_eq(control_of(r, &c), OK);
    control_passes(&c, &at, row);
    ck_assert_uint_eq(row[CONTROL_STEP], UINT32_MAX);
    control_free(&c);
    recipe_free(r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("control");
    TCase *tests = tcase_create("control");
    tcase_add_loop_test(tests, rate_becomes_threshold_limit_and_scale, 0,
                        (int)(sizeof rates / sizeof *rates));
    tcase_add_test(tests, scale_comes_from_the_threshold);
    tcase_add_test(tests, training_rows_hold_position_seed_and_rates);
    tcase_add_test(tests, training_rows_follow_the_schedule);
    tcase_add_test(tests, rates_of_dropping_follow_their_schedules);
    tcase_add_test(tests, rate_zero_is_inactive_and_leaves_the_other_layer);
    tcase_add_test(tests, evaluation_rows_count_every_row_once);
    tcase_add_test(tests, passes_name_their_rows_masks_and_intervals);
    tcase_add_test(tests, the_last_pass_is_one);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
