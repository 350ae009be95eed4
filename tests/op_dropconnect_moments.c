/* DropConnect's mean and variance: by enumeration of all masks against sampled ones, and what an
 * evaluation makes of them. */
#include "harness/op_evaluated.h"
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

static void check_gaussian(const struct op_target *target) {
    struct op_evaluated run = op_evaluate(
        target, &(struct op_evaluation){"relu", "gaussian", "dropconnect_gaussian", 0.3, NULL});
    for (int k = 0; k < OP_EVALUATED_OUTPUTS; k++) {
        double want = op_expectation(relu_of, run.mu[k], run.s[k]);
        /* sums of 41 products near 1 in float, then a handful of operations: 1e-5 of s is ample,
           and a wrong variance or density is off by far more */
        ck_assert_msg(fabs((double)run.y[k] - want) < 1e-5 * run.s[k], "output %d: %g, want %g", k,
                      (double)run.y[k], want);
    }
}

START_TEST(gaussian_inference_is_the_expected_relu) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_gaussian(&cpu);
    for (int t = 0; t < n; t++) check_gaussian(&targets[t]);
}
END_TEST

/* ---- evaluation: a sample of the normal distribution, against masks ---- */

enum { MASKS = TURNS * SAMPLES, UNITS = OP_EVALUATED_UNITS, WIDE = OP_EVALUATED_WIDE };

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* The layer's sums under MASKS masks at rate 1/2: [mask][unit]. */
static float *masked_sums(const struct op_target *target, const float *w) {
    static const struct op_probe_sizes probe = {WIDE, UNITS, SAMPLES, TURNS, 0.5, 78, true};
    struct op_probe p;
    float *sums = malloc(sizeof *sums * MASKS * UNITS);
    ck_assert_ptr_nonnull(sums);
    op_probe_open(&p, target, &probe);
    const struct step *s = op_probe_step(&p, p.forward);
    op_probe_fill(&p, s->in[0], 1);
    op_machine_put(&p.m, s->in[1], w);
    op_machine_put(&p.m, s->in[2], w);
    for (int t = 0; t < TURNS; t++) {
        op_machine_run(&p.m, p.forward, p.forward + 1, (uint32_t)t);
        float *y = op_machine_value(&p.m, s->out[0]);
        memcpy(sums + t * SAMPLES * UNITS, y, sizeof *y * SAMPLES * UNITS);
        free(y);
    }
    op_probe_close(&p);
    return sums;
}

/* The mean of f over masks and its standard error. Its tangent at mu, whose mean is known, is taken
 * out first: that leaves far less to vary. */
static double mean_over_masks(const float *sums, int unit, double (*f)(double), double mu,
                              double *error) {
    double slope = (f(mu + 1e-4) - f(mu - 1e-4)) / 2e-4, mean = 0, square = 0;
    for (int k = 0; k < MASKS; k++) {
        double u = (double)sums[k * UNITS + unit], bent = f(u) - f(mu) - slope * (u - mu);
        mean += bent / MASKS;
        square += bent * bent / MASKS;
    }
    *error = sqrt((square - mean * mean) / MASKS);
    return f(mu) + mean;
}

/* How far a sum under masks may be from normal for f: replacing its terms by normal ones, one after
 * the other (Lindeberg), a term of variance v that is +-sqrt(v), as all are at rate 1/2, has the
 * normal moments up to the third, and costs at most max |f''''| (v^2 + 3 v^2) / 24. */
static double normal_error(const float *w, int unit, double fourth) {
    double sum = pow((double)w[unit], 4); /* the bias */
    for (int i = 0; i < WIDE; i++) sum += pow((double)w[i * UNITS + unit], 4);
    return fourth / 6 * sum;
}

static void check_masks(const struct op_target *target, const char *name, double (*f)(double),
                        double fourth) {
    struct op_target cpu = op_reference();
    float w[WIDE * UNITS];
    int told_apart = 0; /* from the activation of the mean */
    for (int k = 0; k < WIDE * UNITS; k++) w[k] = (float)op_random_real(63, (uint32_t)k) * 0.3f;
    float *sums = masked_sums(target, w);
    struct op_evaluated run =
        op_evaluate(&cpu, &(struct op_evaluation){name, "sampling, samples: 1024",
                                                  "dropconnect_sampling", 0.5, w});
    for (int o = 0; o < UNITS; o++) {
        double error, want = mean_over_masks(sums, o, f, run.mu[o], &error);
        double most = OP_ALARM * error + normal_error(w, o, fourth) + 1e-4 * run.s[o];
        ck_assert_msg(fabs((double)run.y[o] - want) < most, "%s, unit %d: %g, masks give %g, +-%g",
                      name, o, (double)run.y[o], want, most);
        told_apart += fabs(f(run.mu[o]) - want) > most;
    }
    ck_assert_msg(told_apart > UNITS / 3, "%s: %d units tell", name, told_apart);
    free(sums);
}

/* max |tanh''''| is 4.086, where tanh^2 = 0.1584; the sigmoid's is 1/32 of that. */
START_TEST(sampling_is_the_mean_over_masks_to_within_the_normal_approximation) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_masks(&cpu, "tanh", tanh, 4.086);
    check_masks(&cpu, "sigmoid", sigmoid, 4.086 / 32);
    for (int t = 0; t < n; t++)
        if (!targets[t].slow) check_masks(&targets[t], "sigmoid", sigmoid, 4.086 / 32);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, sampled_moments_are_those_of_all_masks);
    tcase_add_test(tests, gaussian_inference_is_the_expected_relu);
    tcase_add_test(tests, sampling_is_the_mean_over_masks_to_within_the_normal_approximation);
}

int main(void) {
    return op_suite_run(
        &(struct op_suite){.name = "dropconnect moments", .framed = true, .more = more});
}
