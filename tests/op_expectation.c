/* What dropping means, over all masks there are. A mask is a function of its coordinates, so each
 * of the 2^n masks of a small network has an optimizer step at which the program draws it: run at
 * these steps, weighed by their probabilities, the program's own outputs give exact expectations.
 * They are compared with closed forms, with the evaluation plan and with what sampling gives. */
#include "control_words.h"
#include "harness/op.h"
#include "harness/op_statistics.h"
#include "philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MASKS = 64, SEED = 6 };

/* ---- every mask once ---- */

/* `bits` decisions: elements of one dropout (layers false), or the gates of so many droppaths. */
struct masks {
    int bits;
    bool layers;
    double drop; /* T 2^-32 */
    uint32_t step[MASKS];
    double probability[MASKS];
};

static uint32_t mask_at(const struct masks *m, uint32_t step) {
    uint32_t mask = 0;
    for (uint32_t b = 0; b < (uint32_t)m->bits; b++) {
        uint32_t word = m->layers ? philox_word(SEED, 0, 0, step, DOMAIN_PATH << 28 | b << 16)
                                  : philox_word(SEED, b, 0, step, DOMAIN_MASK << 28);
        mask |= (uint32_t)(word >= m->drop * 0x1p32) << b;
    }
    return mask;
}

static struct masks enumerate(int bits, bool layers, double rate) {
    struct masks m = {.bits = bits, .layers = layers, .drop = rint(rate * 0x1p32) * 0x1p-32};
    bool found[MASKS] = {false};
    int left = 1 << bits;
    for (uint32_t step = 0; left; step++) {
        uint32_t mask = mask_at(&m, step);
        if (found[mask]) continue;
        found[mask] = true;
        left--;
        m.step[mask] = step;
        int kept = __builtin_popcount(mask);
        m.probability[mask] = pow(1 - m.drop, kept) * pow(m.drop, bits - kept);
    }
    return m;
}

/* ---- the program at chosen coordinates ---- */

/* Row r of CONTROL is `repeats` rows of the dataset by mask: dataset row r / masks, mask r % masks.
 */
static void aim(struct op_world *w, const struct masks *m) {
    uint32_t *control = w->content[BUFFER_CONTROL], *order = w->content[BUFFER_ORDER];
    int words = control_row_words(w->plan), count = 1 << m->bits;
    for (int r = 0; r < w->plan->options.control_rows; r++) {
        control[r * words + CONTROL_STEP] = m->step[r % count];
        order[r] = (uint32_t)(r / count);
    }
}

static void read_row(struct op_machine *m, int value, int n, double *out) {
    float *data = op_machine_value(m, value);
    for (int k = 0; k < n; k++) out[k] = (double)data[k];
    free(data);
}

enum { OUTPUTS = 3 };

struct moments {
    double mean[OUTPUTS], variance[OUTPUTS], fourth[OUTPUTS]; /* central */
};

static struct moments moments_of(const double (*y)[OUTPUTS], const double *weight, int n) {
    struct moments s = {0};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < OUTPUTS; k++) s.mean[k] += weight[i] * y[i][k];
    for (int i = 0; i < n; i++)
        for (int k = 0; k < OUTPUTS; k++) {
            double off = y[i][k] - s.mean[k];
            s.variance[k] += weight[i] * off * off;
            s.fourth[k] += weight[i] * pow(off, 4);
        }
    return s;
}

/* On the reference: every device has its bits. */
static struct moments exact(const struct op_case *net, const struct masks *m) {
    const struct op_target target = op_reference();
    static double y[MASKS][OUTPUTS];
    struct op_case row = *net;
    struct op_world world;
    struct op_machine machine;
    row.batch = 1;
    row.steps = 1 << m->bits;
    op_world_open(&world, &row);
    op_world_guard(&world);
    aim(&world, m);
    op_machine_open(&machine, &world, &target);
    for (int r = 0; r < row.steps; r++) {
        op_machine_run(&machine, 0, world.plan->backward, (uint32_t)r);
        read_row(&machine, world.plan->logits, OUTPUTS, y[r]);
    }
    op_machine_close(&machine);
    op_world_close(&world);
    return moments_of((const double(*)[OUTPUTS])y, m->probability, 1 << m->bits);
}

/* A large batch of one dataset row, as training runs it. */
static struct moments sampled(const struct op_case *net, int samples,
                              const struct op_target *target) {
    struct op_case row = *net;
    struct op_world world;
    struct op_machine machine;
    double(*y)[OUTPUTS] = calloc((size_t)samples, sizeof *y);
    double *weight = calloc((size_t)samples, sizeof *weight);
    ck_assert(y && weight);
    row.batch = samples;
    op_world_open(&world, &row);
    op_world_guard(&world);
    memset(world.content[BUFFER_ORDER], 0, world.plan->buffer_bytes[BUFFER_ORDER]);
    op_machine_open(&machine, &world, target);
    op_machine_run(&machine, 0, world.plan->backward, 0);
    read_row(&machine, world.plan->logits, samples * OUTPUTS, y[0]);
    for (int i = 0; i < samples; i++) weight[i] = 1.0 / samples;
    struct moments s = moments_of((const double(*)[OUTPUTS])y, weight, samples);
    op_machine_close(&machine);
    op_world_close(&world);
    free(y);
    free(weight);
    return s;
}

static void evaluated(const struct op_case *net, double *y) {
    struct op_case row = *net;
    struct op_world world;
    struct op_machine machine;
    struct op_target cpu = op_reference();
    row.batch = 1;
    row.mode = PLAN_EVAL;
    op_world_open(&world, &row);
    memset(world.content[BUFFER_ORDER], 0, world.plan->buffer_bytes[BUFFER_ORDER]);
    op_machine_open(&machine, &world, &cpu);
    op_machine_run(&machine, 0, world.plan->nsteps, 0);
    read_row(&machine, world.plan->logits, OUTPUTS, y);
    op_machine_close(&machine);
    op_world_close(&world);
}

/* ---- expectation and variance ---- */

#define HIDDEN     "{dense: {units: 6, activation: tanh}}"
#define PATH(rate) "{residual: {body: [{dense: {units: 6}}, {droppath: {rate: " rate "}}]}}"

static const struct {
    struct op_case net;
    int bits;
    bool layers;
    double rate;
} nets[] = {
    {{.name = "dropout, linear behind it",
      .input = "4",
      .layers = "[" HIDDEN ", {dropout: {rate: 0.3}}, {dense: {units: 3}}]",
      .seed = SEED,
      .no_fuse = true},
     6,
     false,
     0.3},
    {{.name = "branches of linear blocks",
      .input = "4",
      .layers =
          "[" HIDDEN ", " PATH("0.4") ", " PATH("0.4") ", " PATH("0.4") ", {dense: {units: 3}}]",
      .seed = SEED,
      .no_fuse = true},
     3,
     true,
     0.4},
};

/* Evaluation is the mean over all masks where the network is linear behind them. A dozen float
 * roundings of numbers near 1. */
static void check_mean(const struct op_case *net, const struct moments *all) {
    double y[OUTPUTS];
    evaluated(net, y);
    for (int k = 0; k < OUTPUTS; k++) ck_assert_double_eq_tol(all->mean[k], y[k], 1e-5);
}

/* The mean of n samples is off by sqrt(variance / n), their variance by sqrt((fourth - variance^2)
 * / n). */
static void check_sampled(const struct moments *all, const struct moments *some, int n) {
    for (int k = 0; k < OUTPUTS; k++) {
        double variance = all->variance[k], of_variance = all->fourth[k] - variance * variance;
        ck_assert_double_gt(variance, 1e-3); /* else this tests nothing */
        ck_assert_double_lt(fabs(some->mean[k] - all->mean[k]), OP_ALARM * sqrt(variance / n));
        ck_assert_double_lt(fabs(some->variance[k] - variance), OP_ALARM * sqrt(of_variance / n));
    }
}

START_TEST(sampling_gives_the_expectation_and_variance_over_all_masks) {
    enum { SAMPLES = 8192 };
    const struct op_case *net = &nets[_i].net;
    const struct masks m = enumerate(nets[_i].bits, nets[_i].layers, nets[_i].rate);
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    struct moments all = exact(net, &m);
    check_mean(net, &all);
    for (int t = -1; t < n; t++) {
        const struct op_target *target = t < 0 ? &cpu : &targets[t];
        if (target->slow) continue;
        struct moments some = sampled(net, SAMPLES, target);
        check_sampled(&all, &some, SAMPLES);
    }
}
END_TEST

/* ---- linear regression: Srivastava et al. 2014, section 9.1 ---- */

enum { INPUTS = 5, ROWS = 11, REGRESSION = ROWS << INPUTS };

static const struct op_case regression = {
    .name = "regression",
    .input = "5",
    .layers = "[{dropout: {rate: 0.3}}, {dense: {units: 1, bias: false}}]",
    .batch = 1,
    .steps = REGRESSION,
    .seed = SEED,
    .no_fuse = true};

static double target_of(int row) {
    return 2 * op_random_real(60, (uint32_t)row);
}

/* G w = b by elimination; G is symmetric and positive definite, so no pivots. */
static void solve(double g[INPUTS][INPUTS], double *b) {
    for (int k = 0; k < INPUTS; k++)
        for (int i = k + 1; i < INPUTS; i++) {
            double f = g[i][k] / g[k][k];
            for (int j = k; j < INPUTS; j++) g[i][j] -= f * g[k][j];
            b[i] -= f * b[k];
        }
    for (int i = INPUTS - 1; i >= 0; i--) {
        for (int j = i + 1; j < INPUTS; j++) b[i] -= g[i][j] * b[j];
        b[i] /= g[i][i];
    }
}

/* Minimises |t - X w|^2 + ratio |diag(X^T X)^(1/2) w|^2. */
static void ridge(const double x[ROWS][INPUTS], double ratio, double *w) {
    double g[INPUTS][INPUTS] = {{0}};
    memset(w, 0, INPUTS * sizeof *w);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < INPUTS; i++) {
            w[i] += x[r][i] * target_of(r);
            for (int j = 0; j < INPUTS; j++)
                g[i][j] += x[r][i] * x[r][j] * (i == j ? 1 + ratio : 1);
        }
    solve(g, w);
}

static double closed_form(const double x[ROWS][INPUTS], double ratio, const float *w) {
    double loss = 0;
    for (int r = 0; r < ROWS; r++) {
        double y = 0, penalty = 0;
        for (int i = 0; i < INPUTS; i++) {
            y += x[r][i] * (double)w[i];
            penalty += pow(x[r][i] * (double)w[i], 2);
        }
        loss += pow(target_of(r) - y, 2) + ratio * penalty;
    }
    return loss;
}

/* The squared error and its gradient, summed over rows, expected over all masks: by the program. */
static double expected(struct op_machine *m, const struct masks *masks, const float *w,
                       double *gradient) {
    const struct plan *p = m->world->plan;
    int dense = op_world_step(m->world, "dense", 0), weight = p->steps[dense].in[1];
    double loss = 0;
    memset(gradient, 0, INPUTS * sizeof *gradient);
    op_machine_put(m, weight, w);
    for (int r = 0; r < REGRESSION; r++) {
        double x[INPUTS], y[1], probability = masks->probability[r % (1 << INPUTS)];
        op_machine_run(m, 0, p->backward, (uint32_t)r);
        read_row(m, p->steps[dense].in[0], INPUTS, x); /* the masked input */
        read_row(m, p->logits, 1, y);
        double off = y[0] - target_of(r >> INPUTS);
        loss += probability * off * off;
        for (int i = 0; i < INPUTS; i++) gradient[i] += 2 * probability * off * x[i];
    }
    return loss;
}

static void read_inputs(struct op_machine *m, double x[ROWS][INPUTS]) {
    for (int r = 0; r < ROWS; r++) {
        op_machine_run(m, 0, 1, (uint32_t)(r << INPUTS));
        read_row(m, m->world->plan->input, INPUTS, x[r]);
    }
}

/* Dropout on the input of a linear regression is a ridge whose penalty of each weight is that
 * input's power, times drop / keep; so the ridge's solution has no gradient left, and no other w
 * has: the expected loss is a convex quadratic. Floats near 1, 352 terms: 1e-5. */
START_TEST(input_dropout_of_a_linear_regression_is_a_ridge) {
    const struct masks masks = enumerate(INPUTS, false, 0.3);
    const double ratio = masks.drop / (1 - masks.drop);
    struct op_target cpu = op_reference();
    struct op_world world;
    struct op_machine m;
    double x[ROWS][INPUTS], best[INPUTS], gradient[INPUTS];
    float w[INPUTS];
    op_world_open(&world, &regression);
    op_world_guard(&world);
    aim(&world, &masks);
    op_machine_open(&m, &world, &cpu);
    read_inputs(&m, x);
    ridge(x, ratio, best);
    for (int i = 0; i < INPUTS; i++) w[i] = (float)best[i];
    double least = expected(&m, &masks, w, gradient);
    ck_assert_double_eq_tol(least, closed_form(x, ratio, w), 1e-5 * least);
    for (int i = 0; i < INPUTS; i++) ck_assert_double_eq_tol(gradient[i], 0, 1e-4);
    for (int i = 0; i < INPUTS; i++) { /* anywhere else: the closed form's loss, and more of it */
        for (int k = 0; k < INPUTS; k++)
            w[k] = (float)(best[k] + 0.3 * op_random_real(61, (uint32_t)(i * INPUTS + k)));
        double loss = expected(&m, &masks, w, gradient);
        ck_assert_double_eq_tol(loss, closed_form(x, ratio, w), 1e-5 * loss);
        ck_assert_double_gt(loss, least);
    }
    ridge(x, 0, best); /* the solution without dropout is another one */
    for (int i = 0; i < INPUTS; i++) w[i] = (float)best[i];
    ck_assert_double_gt(expected(&m, &masks, w, gradient), least * (1 + 1e-3));
    op_machine_close(&m);
    op_world_close(&world);
}
END_TEST

/* The variance of one output over all masks: drop / keep times the sum of (x w)^2. */
START_TEST(the_variance_over_all_masks_is_the_closed_form) {
    static const struct op_case net = {.name = "variance",
                                       .input = "6",
                                       .layers = "[{dropout: {rate: 0.3}}, {dense: {units: 3}}]",
                                       .seed = SEED};
    const struct masks m = enumerate(6, false, 0.3);
    struct op_target cpu = op_reference();
    struct op_case one = net;
    struct op_world world;
    struct op_machine machine;
    double x[6], w[6 * OUTPUTS];
    one.batch = 1;
    one.mode = PLAN_EVAL;
    op_world_open(&world, &one);
    op_world_guard(&world);
    memset(world.content[BUFFER_ORDER], 0, world.plan->buffer_bytes[BUFFER_ORDER]);
    op_machine_open(&machine, &world, &cpu);
    op_machine_run(&machine, 0, 1, 0);
    read_row(&machine, world.plan->input, 6, x);
    read_row(&machine, world.plan->params[0].value, 6 * OUTPUTS, w);
    op_machine_close(&machine);
    op_world_close(&world);
    struct moments all = exact(&net, &m);
    for (int k = 0; k < OUTPUTS; k++) {
        double want = 0;
        for (int i = 0; i < 6; i++) want += pow(x[i] * w[i * OUTPUTS + k], 2);
        want *= m.drop / (1 - m.drop);
        ck_assert_double_eq_tol(all.variance[k], want, 1e-5 * want);
    }
}
END_TEST

static void more(TCase *tests) {
    tcase_add_loop_test(tests, sampling_gives_the_expectation_and_variance_over_all_masks, 0,
                        sizeof nets / sizeof *nets);
    tcase_add_test(tests, the_variance_over_all_masks_is_the_closed_form);
    tcase_add_test(tests, input_dropout_of_a_linear_regression_is_a_ridge);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "expectation", .framed = true, .more = more});
}
