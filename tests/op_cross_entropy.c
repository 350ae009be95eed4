/* Softmax with cross-entropy: the loss, its gradient, the counts and the latch, against the
 * formulas in double; the sums over rows as a fixed tree. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTHED(share)                                                                            \
    "  loss: {cross_entropy: {smoothing: " share "}}\n  optimizer: {sgd: {lr: 0.1}}\n"
#define FIVE(rows) .input = "3", .layers = "[{dense: {units: 5}}]", .batch = rows

static const struct op_case cases[] = {
    {.name = "one class", .input = "3", .layers = "[{dense: {units: 1}}]", .batch = 2},
    {.name = "one row", .input = "3", .layers = "[{dense: {units: 5}}]", .batch = 1},
    {.name = "a full vector of classes",
     .input = "3",
     .layers = "[{dense: {units: 16}}]",
     .batch = 7},
    {.name = "17 classes", .input = "3", .layers = "[{dense: {units: 17}}]", .batch = 7},
    {.name = "more rows than the tree has lanes",
     .input = "3",
     .layers = "[{dense: {units: 10}}]",
     .batch = 131},
    {.name = "as many rows as lanes",
     .input = "3",
     .layers = "[{dense: {units: 10}}]",
     .batch = 64},
    {.name = "one more", .input = "3", .layers = "[{dense: {units: 10}}]", .batch = 65},
    {.name = "rows that do not count",
     .input = "3",
     .layers = "[{dense: {units: 10}}]",
     .batch = 67,
     .valid = 3},
    {.name = "steep logits",
     .input = "3",
     .layers = "[{dense: {units: 10}}]",
     .batch = 9,
     .weight = 40},
    {.name = "label smoothing", .train = SMOOTHED("0.1"), FIVE(9)},
    {.name = "label smoothing, rows that do not count",
     .train = SMOOTHED("0.25"),
     FIVE(67),
     .valid = 66},
    {.name = "hardly anything left of the label", .train = SMOOTHED("0.999"), FIVE(3)},
    {.name = "smoothing of nothing", .train = SMOOTHED("0"), FIVE(3)},
    {.name = "evaluation does not smooth", .train = SMOOTHED("0.5"), FIVE(5), .mode = PLAN_EVAL},
    {.name = "evaluation",
     .input = "3",
     .layers = "[{dense: {units: 10}}]",
     .batch = 67,
     .valid = 66,
     .mode = PLAN_EVAL},
    {.name = "many classes, evaluated",
     .input = "3",
     .layers = "[{dense: {units: 100}}]",
     .batch = 5,
     .mode = PLAN_EVAL},
};

static const struct op_refusal refusals[] = {
    {{.name = "an image of logits", .input = "2, 2, 3", .layers = "[relu]", .batch = 2},
     "[2,2,2,3]"},
    {{.name = "all of the label spread", .train = SMOOTHED("1"), FIVE(2)}, "smoothing"},
    {{.name = "less than nothing spread", .train = SMOOTHED("-0.1"), FIVE(2)}, "smoothing"},
};

#ifndef REAL_IS_DOUBLE
enum { ROWS = 7, CLASSES = 5 };

/* Logits given row by row, and the rows that count. */
struct rows {
    const char *name;
    float logits[ROWS][CLASSES];
    uint32_t label[ROWS], valid;
    bool tame; /* sums of logits stay inside float */
};

static const struct rows tables[] = {
    {"everyday logits",
     {{0.5f, -1, 2, 0.25f, 1},
      {3, 1, 2, 5, 4},
      {0, 0, 0, 0, 0},
      {-2, -1, -3, -7, 1},
      {1, 1, 1, 1, 8}},
     {2, 0, 4, 3, 4, 0, 1},
     7,
     true},
    {"huge logits",
     {{1e4f, -1e4f, 0, 1, 2},
      {-1e4f, -1e4f, -1e4f, -1e4f, -1e4f},
      {1e4f, 1e4f, 0, 0, 0},
      {-1e4f, 1e4f, 0, 0, 0},
      {1e4f, 1e4f, 1e4f, 1e4f, 1e4f},
      {3e38f, -3e38f, 0, 0, 0},
      {88, 0, 0, 0, 0}},
     {0, 3, 1, 0, 2, 0, 1},
     7,
     false},
    {"rows that do not count",
     {{1, 2, 3, 4, 5}, {5, 4, 3, 2, 1}, {1e4f, 0, 0, 0, 0}},
     {4, 4, 1, 0, 0, 1, 2},
     2,
     false},
};

struct expected {
    double loss[ROWS], gradient[ROWS][CLASSES], sum;
    uint32_t hits;
};

static void expect(const struct rows *t, double smoothing, struct expected *e) {
    memset(e, 0, sizeof *e);
    for (uint32_t n = 0; n < t->valid; n++) {
        int best = 0;
        for (int c = 1; c < CLASSES; c++)
            if (t->logits[n][c] > t->logits[n][best]) best = c;
        double max = (double)t->logits[n][best], total = 0;
        for (int c = 0; c < CLASSES; c++) total += exp((double)t->logits[n][c] - max);
        for (int c = 0; c < CLASSES; c++) {
            double q = smoothing / CLASSES + (1 - smoothing) * ((uint32_t)c == t->label[n]);
            e->gradient[n][c] = (exp((double)t->logits[n][c] - max) / total - q) / ROWS;
            if (q > 0) e->loss[n] += q * (log(total) + max - (double)t->logits[n][c]);
        }
        e->sum += e->loss[n];
        e->hits += (uint32_t)best == t->label[n];
    }
}

/* A machine with these logits and labels in place of the network's, its loss steps run once. */
static const struct op_case loss_row = {
    .name = "loss", .input = "3", .layers = "[{dense: {units: 5}}]", .batch = ROWS};

static void run_loss(struct op_machine *m, const struct rows *t, uint32_t cursor) {
    const struct plan *p = m->world->plan;
    uint32_t *control = op_machine_buffer(m, BUFFER_CONTROL);
    float mean = 1.0f / ROWS;
    uint32_t *row = control + cursor * (uint32_t)control_row_words(p);
    row[CONTROL_VALID] = t->valid;
    memcpy(&row[CONTROL_MEAN], &mean, sizeof mean);
    op_machine_put(m, p->control, control);
    op_machine_put(m, p->logits, t->logits);
    op_machine_put(m, p->label, t->label);
    int first = op_world_step(m->world, "cross_entropy", 0);
    op_machine_run(m, first, op_world_step(m->world, "metric", first) + 1, cursor);
    free(control);
}

/* Both sides compute from the same floats. exp, log, sum and difference are each good to 2^-22 of
 * the values that enter them; 4e-6 relative to the largest of them leaves room for 5 classes and 7
 * rows. */
static bool near(double got, double want, double size) {
    return fabs(got - want) <= 4e-6 * (fabs(want) + size);
}

static void check_table(struct op_machine *m, const struct rows *t) {
    struct expected e;
    const double spread = strstr(m->world->row->name, "smoothed") ? 0.1 : 0;
    expect(t, spread, &e);
    op_machine_load(m);
    run_loss(m, t, 0);
    const struct step *s = &m->world->plan->steps[op_world_step(m->world, "cross_entropy", 0)];
    float *rows = op_machine_value(m, s->out[0]), *gradient = op_machine_value(m, s->out[1]);
    uint32_t *metric = op_machine_buffer(m, BUFFER_METRIC);
    for (int n = 0; n < ROWS; n++) {
        ck_assert_msg(near((double)rows[2 * n], e.loss[n], 1), "%s: loss %d is %g, want %g",
                      t->name, n, (double)rows[2 * n], e.loss[n]);
        for (int c = 0; c < CLASSES; c++)
            ck_assert_msg(near((double)gradient[n * CLASSES + c], e.gradient[n][c], 1.0 / ROWS),
                          "%s: gradient %d %d is %g, want %g", t->name, n, c,
                          (double)gradient[n * CLASSES + c], e.gradient[n][c]);
    }
    float sum;
    memcpy(&sum, &metric[METRIC_FIRST], sizeof sum);
    ck_assert_msg(near((double)sum, e.sum, 1), "%s: sum %g, want %g", t->name, (double)sum, e.sum);
    ck_assert_uint_eq(metric[METRIC_FIRST + 1], e.hits);
    ck_assert_uint_eq(metric[METRIC_LATCH], 0);
    free(rows);
    free(gradient);
    free(metric);
}

static void check_tables(const struct op_target *target) {
    static const struct op_case smoothed_row = {
        .name = "smoothed loss", .train = SMOOTHED("0.1"), FIVE(ROWS)};
    const struct op_case *rows[] = {&loss_row, &smoothed_row};
    for (int i = 0; i < 2; i++) {
        struct op_world world;
        struct op_machine m;
        op_world_open(&world, rows[i]);
        op_machine_open(&m, &world, target);
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
            if (!i || tables[t].tame) check_table(&m, &tables[t]);
        op_machine_close(&m);
        op_world_close(&world);
    }
}

static void on_every_target(void (*check)(const struct op_target *)) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check(&cpu);
    for (int t = 0; t < n; t++) check(&targets[t]);
}

START_TEST(losses_and_gradients_follow_the_formulas_for_any_logits) {
    on_every_target(check_tables);
}
END_TEST

/* Three steps; the second and third have losses that are not finite. */
static void check_latch(const struct op_target *target) {
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    static struct op_case row;
    struct op_world world;
    struct op_machine m;
    row = loss_row;
    row.steps = 3;
    for (int b = 0; b < 3; b++) {
        op_world_open(&world, &row);
        op_machine_open(&m, &world, target);
        struct rows broken = tables[0];
        broken.logits[1][broken.label[1]] = bad[b];
        const struct rows *steps[] = {&tables[0], &broken, &broken};
        for (uint32_t r = 0; r < 3; r++) {
            run_loss(&m, steps[r], r);
            uint32_t *metric = op_machine_buffer(&m, BUFFER_METRIC);
            ck_assert_uint_eq(metric[METRIC_LATCH],
                              r ? 2 : 0); /* 1 + the first bad row, for good */
            free(metric);
        }
        void *before = op_machine_buffer(&m, BUFFER_PARAM);
        op_machine_run(&m, world.plan->update, world.plan->nsteps, 2);
        void *after = op_machine_buffer(&m, BUFFER_PARAM);
        ck_assert_msg(!memcmp(before, after, world.plan->buffer_bytes[BUFFER_PARAM]),
                      "the optimizer moved the parameters after a loss of %g", (double)bad[b]);
        free(before);
        free(after);
        op_machine_close(&m);
        op_world_close(&world);
    }
}

START_TEST(the_first_non_finite_loss_is_latched_and_stops_the_optimizer) {
    on_every_target(check_latch);
}
END_TEST

static void check_probabilities(const struct op_target *target) {
    static const struct op_case row = {.name = "softmax",
                                       .input = "3",
                                       .layers = "[{dense: {units: 5}}]",
                                       .batch = ROWS,
                                       .mode = PLAN_EVAL};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    op_machine_open(&m, &world, target);
    const struct plan *p = world.plan;
    op_machine_put(&m, p->logits, tables[1].logits);
    int step = op_world_step(&world, "softmax", 0);
    op_machine_run(&m, step, step + 1, 0);
    float *y = op_machine_value(&m, p->probabilities);
    for (int n = 0; n < ROWS; n++) {
        double max = -INFINITY, total = 0;
        for (int c = 0; c < CLASSES; c++) max = fmax(max, (double)tables[1].logits[n][c]);
        for (int c = 0; c < CLASSES; c++) total += exp((double)tables[1].logits[n][c] - max);
        for (int c = 0; c < CLASSES; c++)
            ck_assert_msg(near((double)y[n * CLASSES + c],
                               exp((double)tables[1].logits[n][c] - max) / total, 0.01),
                          "row %d, class %d: %g", n, c, (double)y[n * CLASSES + c]);
    }
    free(y);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(probabilities_follow_the_formula_for_huge_logits) {
    on_every_target(check_probabilities);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, losses_and_gradients_follow_the_formulas_for_any_logits);
    tcase_add_test(tests, the_first_non_finite_loss_is_latched_and_stops_the_optimizer);
    tcase_add_test(tests, probabilities_follow_the_formula_for_huge_logits);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "cross_entropy",
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
