/* Sums over the passes of a Monte-Carlo evaluation: the bits of the reference on every device, and
 * what they add up to, from probabilities given pass by pass. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DROPPED(classes)                                                                           \
    "[{dense: {units: 20}}, {dropout: {rate: 0.5}}, {dense: {units: " classes "}}]"

static const struct op_case passes[] = {
    {.name = "one pass", .input = "3", .layers = DROPPED("5"), .batch = 7, .mode = PLAN_MC},
    {.name = "two passes of one interval, and one of the next",
     .input = "3",
     .layers = DROPPED("10"),
     .batch = 67,
     .steps = 3,
     .mode = PLAN_MC},
    {.name = "one class",
     .input = "3",
     .layers = DROPPED("1"),
     .batch = 2,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "many classes, steep logits",
     .input = "3",
     .layers = DROPPED("100"),
     .batch = 3,
     .steps = 5,
     .weight = 40,
     .mode = PLAN_MC},
    {.name = "no masks at all",
     .input = "3",
     .layers = "[{dense: {units: 4}}]",
     .batch = 5,
     .steps = 4,
     .mode = PLAN_MC},
};

enum { ROWS = 4, CLASSES = 3, PASSES = 4, WIDTH = 3 * CLASSES + 2 };

/* Row 0: sure and always the same; 1: no idea; 2: sure, and contradicting itself; 3: between, with
 * a tie in the second pass, a probability that 2^-24 of its sum cannot hold, and a denormal one. */
static const float given[PASSES][ROWS][CLASSES] = {
    {{1, 0, 0}, {1.0f / 3, 1.0f / 3, 1.0f / 3}, {1, 0, 0}, {0.5f, 0.25f, 0.25f}},
    {{1, 0, 0}, {1.0f / 3, 1.0f / 3, 1.0f / 3}, {0, 1, 0}, {0.4f, 0.4f, 0.2f}},
    {{1, 0, 0}, {1.0f / 3, 1.0f / 3, 1.0f / 3}, {0, 1, 0}, {0x1p-30f, 0, 1}},
    {{1, 0, 0}, {1.0f / 3, 1.0f / 3, 1.0f / 3}, {0, 0, 1}, {0x1p-140f, 0x1p-31f, 1}},
};

/* The record that passes [first, last) of a row add up to, in double. */
static void expect(int row, int first, int last, double sum[CLASSES], double votes[CLASSES],
                   double *entropy) {
    memset(sum, 0, CLASSES * sizeof *sum);
    memset(votes, 0, CLASSES * sizeof *votes);
    *entropy = 0;
    for (int k = first; k < last; k++) {
        const float *p = given[k][row];
        int best = 0;
        for (int c = 0; c < CLASSES; c++) {
            best = p[c] > p[best] ? c : best;
            sum[c] += (double)p[c];
            *entropy -= p[c] > 0 ? (double)p[c] * log((double)p[c]) : 0;
        }
        votes[best] += 1;
    }
}

/* Sums in two floats lose at most 2^-47 of themselves in each addition; a pass's own entropy is a
 * float computation of three terms, each good to 2^-22. */
static void check_record(const float *record, int row, int first, int last) {
    double sum[CLASSES], votes[CLASSES], entropy;
    const float *end = record + 3 * CLASSES;
    expect(row, first, last, sum, votes, &entropy);
    for (int c = 0; c < CLASSES; c++) {
        double got = (double)record[c] + (double)record[CLASSES + c];
        ck_assert_msg(fabs(got - sum[c]) <= 0x1p-46 * sum[c], "row %d, class %d: %.17g, not %.17g",
                      row, c, got, sum[c]);
        ck_assert(fabs((double)record[CLASSES + c]) <= 0x1p-24 * sum[c]);
        ck_assert((double)record[2 * CLASSES + c] == votes[c]);
    }
    ck_assert_msg(fabs((double)end[0] + (double)end[1] - entropy) <= 1e-6 * entropy,
                  "row %d: entropy %.9g, not %.9g", row, (double)end[0] + (double)end[1], entropy);
}

static void check_sums(const struct op_target *target) {
    static const struct op_case row = {.name = "sums",
                                       .input = "3",
                                       .layers = "[{dense: {units: 3}}]",
                                       .batch = ROWS,
                                       .steps = PASSES,
                                       .mode = PLAN_MC};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_machine_open(&m, &world, target);
    int step = op_world_step(&world, "ensemble", 0);
    for (uint32_t k = 0; k < PASSES; k++) {
        op_machine_put(&m, world.plan->probabilities, given[k]);
        op_machine_run(&m, step, step + 1, k);
    }
    float *records = op_machine_value(&m, world.plan->ensemble);
    for (int interval = 0; interval < 2; interval++) /* the harness makes them of two passes */
        for (int r = 0; r < ROWS; r++)
            check_record(records + (interval * ROWS + r) * WIDTH, r, 2 * interval,
                         2 * interval + 2);
    free(records);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(records_hold_sums_votes_and_entropies) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_sums(&cpu);
    for (int t = 0; t < n; t++) check_sums(&targets[t]);
}
END_TEST

/* Beside a sum of thousands a float would lose 2^-25 each time, and half of 0.7's digits; in two
 * floats 65536 additions lose at most 65536 * 2^-48 = 2^-32 of the sum. */
START_TEST(small_probabilities_survive_many_passes) {
    enum { MANY = 65536 };
    static const struct op_case row = {.name = "many",
                                       .input = "3",
                                       .layers = "[{dense: {units: 2}}]",
                                       .batch = 1,
                                       .steps = 2,
                                       .mode = PLAN_MC};
    struct op_target cpu = op_reference();
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_machine_open(&m, &world, &cpu);
    int step = op_world_step(&world, "ensemble", 0);
    double sum = 0;
    for (uint32_t k = 0; k < MANY; k++) {
        float p[2] = {k % 2 ? 0x1p-25f : 0.7f, 0.3f};
        sum += (double)p[0];
        op_machine_put(&m, world.plan->probabilities, p);
        op_machine_run(&m, step, step + 1, k > 0); /* row 1 goes on with the same interval */
    }
    float *record = op_machine_value(&m, world.plan->ensemble);
    ck_assert(fabs((double)record[0] + (double)record[2] - sum) <= 0x1p-32 * sum);
    ck_assert(record[4] == MANY / 2 && record[5] == MANY / 2);
    free(record);
    op_machine_close(&m);
    op_world_close(&world);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, records_hold_sums_votes_and_entropies);
    tcase_add_test(tests, small_probabilities_survive_many_passes);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "ensemble",
                                           .framed = true,
                                           .cases = passes,
                                           .ncases = sizeof passes / sizeof *passes,
                                           .more = more});
}
