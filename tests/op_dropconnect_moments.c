/* DropConnect's mean and variance: by enumeration of all masks against sampled ones, and what an
 * evaluation makes of them. */
#include "harness/op_probe.h"
#include "harness/op_statistics.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool usual(double deviate) {
    return fabs(deviate) < OP_ALARM;
}

/* ---- moments: all masks of an output, counted ---- */

enum { FAN = 4, COLUMNS = 24, SAMPLES = 64, TURNS = 24 }; /* FAN: three inputs and the bias */

struct moments {
    double mean, variance, fourth; /* central */
};

static double relu_of(double x) {
    return x > 0 ? x : 0;
}

static double identity(double x) {
    return x;
}

/* Of f(sum of kept products times scale), each kept with probability 1 - p. */
static struct moments count_masks(const double product[FAN], double p, double (*f)(double)) {
    struct moments m = {0};
    double value[1 << FAN], weight[1 << FAN];
    for (int mask = 0; mask < 1 << FAN; mask++) {
        double sum = 0, chance = 1;
        for (int k = 0; k < FAN; k++) {
            sum += mask >> k & 1 ? product[k] : 0;
            chance *= mask >> k & 1 ? 1 - p : p;
        }
        value[mask] = f(sum / (1 - p));
        weight[mask] = chance;
        m.mean += chance * value[mask];
    }
    for (int mask = 0; mask < 1 << FAN; mask++) {
        double d = value[mask] - m.mean;
        m.variance += weight[mask] * d * d;
        m.fourth += weight[mask] * d * d * d * d;
    }
    return m;
}

/* The layer on SAMPLES equal rows, TURNS times: outputs [turn][sample][column]. */
static double *sample_outputs(const struct op_target *target, float *x, float *w, float *b) {
    static const struct op_probe_sizes sizes = {FAN - 1, COLUMNS, SAMPLES, TURNS, 0.3, 77, true};
    struct op_probe p;
    double *all = malloc(sizeof *all * TURNS * SAMPLES * COLUMNS);
    ck_assert_ptr_nonnull(all);
    for (int k = 0; k < SAMPLES * (FAN - 1); k++)
        x[k] = (float)op_random_real(60, (uint32_t)(k % (FAN - 1)));
    for (int k = 0; k < (FAN - 1) * COLUMNS; k++) w[k] = (float)op_random_real(61, (uint32_t)k);
    for (int o = 0; o < COLUMNS; o++) b[o] = (float)op_random_real(62, (uint32_t)o);
    op_probe_open(&p, target, &sizes);
    const struct step *s = op_probe_step(&p, p.forward);
    op_machine_put(&p.m, s->in[0], x);
    op_machine_put(&p.m, s->in[1], w);
    op_machine_put(&p.m, s->in[2], b);
    for (int t = 0; t < TURNS; t++) {
        op_machine_run(&p.m, p.forward, p.forward + 1, (uint32_t)t);
        float *y = op_machine_value(&p.m, s->out[0]);
        for (int k = 0; k < SAMPLES * COLUMNS; k++) all[t * SAMPLES * COLUMNS + k] = (double)y[k];
        free(y);
    }
    op_probe_close(&p);
    return all;
}

/* Mean and variance of a column's samples against the counted ones, in standard deviations. */
static void judge_column(const double *all, int o, const struct moments *want,
                         double (*f)(double)) {
    double n = TURNS * SAMPLES, mean = 0, variance = 0;
    for (int k = 0; k < TURNS * SAMPLES; k++) mean += f(all[k * COLUMNS + o]) / n;
    for (int k = 0; k < TURNS * SAMPLES; k++) {
        double d = f(all[k * COLUMNS + o]) - want->mean;
        variance += d * d / n;
    }
    double spread = want->fourth - want->variance * want->variance;
    if (want->variance < 1e-12) return; /* a ReLU that no mask wakes */
    ck_assert_msg(usual((mean - want->mean) / sqrt(want->variance / n)), "mean of column %d", o);
    ck_assert_msg(usual((variance - want->variance) / sqrt(spread / n)), "variance of column %d",
                  o);
}

static void check_moments(const struct op_target *target) {
    float x[SAMPLES * (FAN - 1)], w[(FAN - 1) * COLUMNS], b[COLUMNS];
    if (target->slow) return;
    double *all = sample_outputs(target, x, w, b), p = 77 / 256.0;
    for (int o = 0; o < COLUMNS; o++) {
        double product[FAN], sum = 0, squares = 0;
        for (int k = 0; k < FAN; k++) {
            product[k] = k < FAN - 1 ? (double)x[k] * (double)w[k * COLUMNS + o] : (double)b[o];
            sum += product[k];
            squares += product[k] * product[k];
        }
        struct moments m = count_masks(product, p, identity), r = count_masks(product, p, relu_of);
        /* what an evaluation takes the moments to be */
        ck_assert_double_eq_tol(m.mean, sum, 1e-12);
        ck_assert_double_eq_tol(m.variance, squares * p / (1 - p), 1e-12);
        judge_column(all, o, &m, identity);
        judge_column(all, o, &r, relu_of);
    }
    free(all);
}

START_TEST(sampled_moments_are_those_of_all_masks) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_moments(&cpu);
    for (int t = 0; t < n; t++) check_moments(&targets[t]);
}
END_TEST

/* ---- evaluation: the expected ReLU ---- */

enum { WIDE = 40, UNITS = 21, ROWS = 6 };

/* E max(u, 0) by Simpson's rule over nine deviations either side: good to 1e-9 of s. */
static double expected_relu(double mu, double s) {
    enum { PARTS = 4000 };
    double sum = 0, h = 18.0 / PARTS;
    for (int k = 0; k <= PARTS; k++) {
        double z = -9 + h * k, weight = k == 0 || k == PARTS ? 1 : k % 2 ? 4 : 2;
        sum += weight * relu_of(mu + s * z) * exp(-z * z / 2);
    }
    return sum * h / 3 / sqrt(2 * 3.14159265358979323846);
}

static void check_gaussian(const struct op_target *target) {
    static const struct op_case row = {
        .name = "gaussian",
        .input = "7",
        .layers = "[{dense: {units: 40}}, {dropconnect: {units: 21, rate: 0.3, activation: relu, "
                  "inference: gaussian}}, {dense: {units: 2}}]",
        .batch = ROWS,
        .mode = PLAN_EVAL};
    struct op_world world;
    struct op_machine m;
    op_frame_use(true);
    op_world_open(&world, &row);
    op_world_guard(&world);
    op_machine_open(&m, &world, target);
    op_machine_run_all(&m);
    const struct step *s = &world.plan->steps[op_world_step(&world, "dropconnect_gaussian", 0)];
    float *x = op_machine_value(&m, s->in[0]), *w = op_machine_value(&m, s->in[1]);
    float *b = op_machine_value(&m, s->in[2]), *y = op_machine_value(&m, s->out[0]);
    for (int k = 0; k < ROWS * UNITS; k++) {
        int o = k % UNITS;
        double mu = (double)b[o], squares = mu * mu;
        for (int i = 0; i < WIDE; i++) {
            double product = (double)x[k / UNITS * WIDE + i] * (double)w[i * UNITS + o];
            mu += product;
            squares += product * product;
        }
        double deviation = sqrt(squares * 77 / 179), want = expected_relu(mu, deviation);
        /* sums of 41 products near 1 in float, then a handful of operations: 1e-5 of s is ample,
           and a wrong variance or density is off by far more */
        ck_assert_msg(fabs((double)y[k] - want) < 1e-5 * deviation, "output %d: %g, want %g", k,
                      (double)y[k], want);
    }
    free(x);
    free(w);
    free(b);
    free(y);
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(gaussian_inference_is_the_expected_relu) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_gaussian(&cpu);
    for (int t = 0; t < n; t++) check_gaussian(&targets[t]);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, sampled_moments_are_those_of_all_masks);
    tcase_add_test(tests, gaussian_inference_is_the_expected_relu);
}

int main(void) {
    return op_suite_run(
        &(struct op_suite){.name = "dropconnect moments", .framed = true, .more = more});
}
