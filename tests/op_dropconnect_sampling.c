/* DropConnect's evaluation by a sample: against its definition, the integral that it stands for,
 * the closed form, and the mean over masks. */
#include "harness/op_evaluated.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- activations in double; slope: the largest ---- */

static double relu(double x) {
    return x > 0 ? x : 0;
}
static double leaky_relu(double x) {
    return x > 0 ? x : x * (double)0.01f;
}
static double elu(double x) {
    return x > 0 ? x : expm1(x);
}
static double selu(double x) {
    return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
}
static double below(double x) {
    return erfc(-x * sqrt(0.5)) / 2;
}
static double gelu(double x) {
    return x * below(x);
}
static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double hardswish(double x) {
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

static const struct activation {
    const char *name;
    double (*f)(double);
    double slope;
} activations[] = {{"relu", relu, 1},          {"leaky_relu", leaky_relu, 1}, {"elu", elu, 1},
                   {"selu", selu, 1.7581},     {"gelu", gelu, 1.1290},        {"tanh", tanh, 1},
                   {"sigmoid", sigmoid, 0.25}, {"hardswish", hardswish, 1.5}};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

/* ---- the sample in double ---- */

enum { MOST = 4096 };
static const int sizes[] = {4, 16, 64, 257, 1024, MOST};
enum { SIZES = sizeof sizes / sizeof *sizes };
enum { OUTPUTS = OP_EVALUATED_OUTPUTS };

/* Phi^-1 by bisection. */
static double quantile(double p) {
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(below(middle) < p ? &low : &high) = middle;
    }
    return low;
}

/* Midpoints of equal strata, scaled to variance 1; ascending. */
static void sample_of(int n, double *z) {
    double squares = 0;
    for (int k = 0; k < n; k++) {
        z[k] = quantile((k + 0.5) / n);
        squares += z[k] * z[k] / n;
    }
    for (int k = 0; k < n && n > 1; k++) z[k] /= sqrt(squares);
}

static double mean_over(const double *z, int n, double (*f)(double), double mu, double s) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += f(mu + s * z[k]);
    return sum / n;
}

/* The distance of Kantorovich between a sample and the normal distribution: the integral of the
 * difference of their distribution functions. For an f with slopes up to L, the means of f(mu + s
 * z) under the two differ by no more than L s times it. */
static double distance_of(const double *z, int n) {
    double sum = 0, h = 1e-3;
    int k = 0;
    for (double x = -9 + h / 2; x < 9; x += h) {
        while (k < n && z[k] <= x) k++;
        sum += fabs((double)k / n - below(x)) * h;
    }
    return sum;
}

/* ---- the layer in evaluation ---- */

static struct op_evaluated run_sampled(const struct op_target *target, const char *activation,
                                       int samples) {
    char inference[64];
    snprintf(inference, sizeof inference, "sampling, samples: %d", samples);
    return op_evaluate(
        target, &(struct op_evaluation){activation, inference, "dropconnect_sampling", 0.3, NULL});
}

/* Sums of 41 products near 1 in float, quantiles good to 6e-7, activations to some units of the
 * last place: 1e-5 is ample. A sample that begins one stratum later, or is spread by the variance,
 * is off by s / Z and more. */
static double rounding(const struct op_evaluated *run, int k, double slope) {
    return 1e-5 * slope * (run->s[k] + fabs(run->mu[k]));
}

static void check_definition(const struct op_target *target, const struct activation *a, int n) {
    double z[MOST];
    struct op_evaluated run = run_sampled(target, a->name, n);
    sample_of(n, z);
    for (int k = 0; k < OUTPUTS; k++) {
        double want = mean_over(z, n, a->f, run.mu[k], run.s[k]);
        ck_assert_msg(fabs((double)run.y[k] - want) < rounding(&run, k, a->slope),
                      "%s, %d samples, output %d: %g, want %g", a->name, n, k, (double)run.y[k],
                      want);
    }
}

START_TEST(it_is_the_mean_over_the_middles_of_strata) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    for (int i = 0; i < SIZES; i++) check_definition(&cpu, &activations[_i], sizes[i]);
    for (int n = 1; n < 6; n++) check_definition(&cpu, &activations[_i], n);
    int n = op_targets(targets);
    for (int t = 0; t < n && !strcmp(activations[_i].name, "tanh"); t++)
        if (!targets[t].slow) check_definition(&targets[t], &activations[_i], 64);
}
END_TEST

/* The largest error in units of s, and the root of the mean square. */
struct error {
    double largest, typical;
};

static struct error error_of(const struct activation *a, int samples) {
    struct op_target cpu = op_reference();
    struct op_evaluated run = run_sampled(&cpu, a->name, samples);
    struct error e = {0, 0};
    for (int k = 0; k < OUTPUTS; k++) {
        double want = op_expectation(a->f, run.mu[k], run.s[k]);
        double error = fabs((double)run.y[k] - want) - rounding(&run, k, a->slope);
        error = fmax(error, 0) / run.s[k];
        e.largest = fmax(e.largest, error);
        e.typical += error * error / OUTPUTS;
    }
    e.typical = sqrt(e.typical);
    return e;
}

START_TEST(it_approaches_the_integral_as_fast_as_strata_shrink) {
    const struct activation *a = &activations[_i];
    double z[MOST], first = 0;
    for (int i = 0; i < SIZES; i++) {
        struct error e = error_of(a, sizes[i]);
        sample_of(sizes[i], z);
        double bound = a->slope * distance_of(z, sizes[i]);
        ck_assert_msg(e.largest <= bound, "%s, %d samples: off by %g s, at most %g s", a->name,
                      sizes[i], e.largest, bound);
        if (!i) first = e.typical;
        /* 1 / Z, with an allowance of 4 for the logarithm and for how the kinks lie */
        ck_assert_msg(e.typical <= first * 4 * sizes[0] / sizes[i] + 1e-6,
                      "%s, %d samples: off by %g s", a->name, sizes[i], e.typical);
    }
}
END_TEST

/* The very outputs of inference: gaussian, which has the same inputs and weights. */
START_TEST(of_a_relu_it_approaches_the_closed_form) {
    struct op_target cpu = op_reference();
    struct op_evaluated closed = op_evaluate(
        &cpu, &(struct op_evaluation){"relu", "gaussian", "dropconnect_gaussian", 0.3, NULL});
    double z[MOST];
    for (int i = 0; i < SIZES; i++) {
        struct op_evaluated run = run_sampled(&cpu, "relu", sizes[i]);
        ck_assert(run.bytes == closed.bytes); /* a sample takes no memory */
        sample_of(sizes[i], z);
        double distance = distance_of(z, sizes[i]);
        for (int k = 0; k < OUTPUTS; k++) {
            ck_assert(run.mu[k] == closed.mu[k] && run.s[k] == closed.s[k]);
            ck_assert(fabs((double)run.y[k] - (double)closed.y[k]) <=
                      distance * run.s[k] + rounding(&run, k, 1));
        }
    }
}
END_TEST

/* A linear layer's plan is the dense layer; one sample is the activation of the mean. */
START_TEST(where_nothing_bends_it_is_the_mean) {
    struct op_target cpu = op_reference();
    struct op_evaluated mean =
        op_evaluate(&cpu, &(struct op_evaluation){"linear", "mean", "dense", 0.3, NULL});
    struct op_evaluated sampled = op_evaluate(
        &cpu, &(struct op_evaluation){"linear", "sampling, samples: 7", "dense", 0.3, NULL});
    ck_assert(!memcmp(mean.y, sampled.y, sizeof mean.y));
    mean = op_evaluate(&cpu, &(struct op_evaluation){"tanh", "mean", "dense", 0.3, NULL});
    sampled = run_sampled(&cpu, "tanh", 1);
    for (int k = 0; k < OUTPUTS; k++) ck_assert(mean.y[k] == sampled.y[k]);
    /* a ReLU all of whose sample is on one side: mu to within the rounding of 64 additions */
    sampled = run_sampled(&cpu, "relu", 64);
    int straight = 0;
    for (int k = 0; k < OUTPUTS; k++) {
        if (sampled.mu[k] < 2.6 * sampled.s[k]) continue;
        ck_assert(fabs((double)sampled.y[k] - sampled.mu[k]) < 1e-5 * sampled.mu[k]);
        straight++;
    }
    ck_assert_int_gt(straight, 0);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_loop_test(tests, it_is_the_mean_over_the_middles_of_strata, 0, ACTIVATIONS);
    tcase_add_loop_test(tests, it_approaches_the_integral_as_fast_as_strata_shrink, 0, ACTIVATIONS);
    tcase_add_test(tests, of_a_relu_it_approaches_the_closed_form);
    tcase_add_test(tests, where_nothing_bends_it_is_the_mean);
}

int main(void) {
    return op_suite_run(
        &(struct op_suite){.name = "dropconnect sampling", .framed = true, .more = more});
}
