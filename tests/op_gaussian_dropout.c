/* Gaussian dropout, and the inverse normal distribution behind it: against a double-precision one,
 * against the document, and by the statistics of what it makes. */
#include "base/io.h"
#include "control_words.h"
#include "harness/op.h"
#include "harness/op_opencl.h"
#include "harness/op_statistics.h"
#include "inverse_normal.h"
#include "philox.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOISE(attributes) "{gaussian_dropout: {" attributes "}}"
#define AFTER(layer)      "[{dense: {units: 21}}, " layer ", {dense: {units: 4}}]"

static const struct op_case cases[] = {
    {.name = "rate 0", .input = "9", .layers = AFTER(NOISE("rate: 0")), .batch = 5},
    {.name = "rate 0.1", .input = "9", .layers = AFTER(NOISE("rate: 0.1")), .batch = 5},
    {.name = "rate 0.5", .input = "9", .layers = AFTER(NOISE("rate: 0.5")), .batch = 5, .steps = 3},
    {.name = "rate 0.99", .input = "9", .layers = AFTER(NOISE("rate: 0.99")), .batch = 5},
    {.name = "nothing fused",
     .input = "9",
     .layers = AFTER(NOISE("rate: 0.3")),
     .batch = 5,
     .no_fuse = true},
    {.name = "behind a ReLU, whose mask implies nothing here",
     .input = "9",
     .layers = AFTER("relu, " NOISE("rate: 0.3")),
     .batch = 5},
    {.name = "on the input, an image",
     .input = "5, 3, 2",
     .layers = "[" NOISE("rate: 0.2") ", {dense: {units: 6}}]",
     .batch = 4,
     .seed = 0xfedcba9876543210u},
    {.name = "beside dropout, with its own number and with the same",
     .input = "9",
     .layers = AFTER("relu, {dropout: {rate: 0.3, id: 9, share: true}}, " NOISE(
         "rate: 0.4, id: 9, share: true") ", " NOISE("rate: 0.4, id: 9, share: true")),
     .batch = 5},
    {.name = "passes of a Monte-Carlo evaluation",
     .input = "9",
     .layers = AFTER(NOISE("rate: 0.5")),
     .batch = 5,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation",
     .input = "9",
     .layers = AFTER(NOISE("rate: 0.5")),
     .batch = 5,
     .mode = PLAN_EVAL},
};

static const struct op_refusal refusals[] = {
    {{.name = "rate 1", .input = "3", .layers = "[" NOISE("rate: 1") "]", .batch = 2},
     "gaussian_dropout.rate"},
    {{.name = "negative", .input = "3", .layers = "[" NOISE("rate: -0.1") "]", .batch = 2},
     "gaussian_dropout.rate"},
};

/* ---- accuracy ---- */

/* -x of Phi(x) = v < 1/2: Newton's method on erfc, from any start above the answer. */
static double upper_quantile(double v, double start) {
    const double root = sqrt(2), density = 1 / sqrt(2 * acos(-1));
    double x = start;
    for (int turn = 0; turn < 6; turn++)
        x += (erfc(x / root) / 2 - v) / (density * exp(-x * x / 2));
    return x;
}

static double error_of(uint32_t word) {
    double v = (word >> 31 ? (double)~word : (double)word) + 0.5;
    double n = (double)inverse_normal(word), size = word >> 31 ? n : -n;
    return fabs(size - upper_quantile(v * 0x1p-32, size));
}

/* Each segment's ends, neighbours and 500 places inside, on both sides. The bound is what the
 * document promises: beyond 4 a float's own last bit is worth 4.8e-7. */
START_TEST(the_inverse_is_as_close_as_the_document_says) {
    double worst = 0;
    for (int segment = 0; segment < 256; segment++) {
        double first = ldexp(8 + segment % 8, 28 - segment / 8), width = ldexp(1, 28 - segment / 8);
        for (int k = 0; k <= 500; k++) {
            double odd = fmin(first + width * k / 500, UINT32_MAX);
            uint32_t half = (uint32_t)(odd / 2);
            worst = fmax(worst, fmax(error_of(half), error_of(~half)));
        }
    }
    for (uint32_t i = 0; i < 200000; i++) worst = fmax(worst, error_of(op_random(77, i)));
    ck_assert_double_lt(worst, 6e-7);
    ck_assert_double_gt(worst,
                        1e-7); /* a float cannot do much better: else nothing was looked at */
}
END_TEST

START_TEST(the_ends_and_the_middle_are_where_they_belong) {
    ck_assert_double_eq_tol((double)inverse_normal(0), -6.3379, 1e-4); /* Phi^-1(2^-33) */
    ck_assert_double_eq_tol((double)inverse_normal(UINT32_MAX), 6.3379, 1e-4);
    ck_assert_double_eq_tol((double)inverse_normal(0x7fffffffu), 0, 6e-7);
    ck_assert_double_eq_tol((double)inverse_normal(0x80000000u), 0, 6e-7);
    for (uint32_t i = 0; i < 10000; i++) { /* odd, bit for bit */
        uint32_t word = op_random(78, i);
        ck_assert(inverse_normal(word) == -inverse_normal(~word));
    }
}
END_TEST

START_TEST(the_table_is_that_of_the_document) {
    char *page, *at;
    size_t size;
    ck_assert_int_eq(io_read(TEST_SOURCE_DIR "/docs/masks.md", 1 << 20, &page, &size), OK);
    ck_assert_ptr_nonnull(at = strstr(page, "<!-- the table of the inverse normal -->"));
    at = strstr(at, "\n    ");
    for (uint32_t row = 0; row < 256; row++) {
        ck_assert_uint_eq(strtoul(at, &at, 10), row);
        for (uint32_t k = 0; k < 4; k++)
            ck_assert_uint_eq(strtoul(at, &at, 16), pm_bits(inverse_normal_table[4 * row + k]));
    }
    free(page);
}
END_TEST

/* ---- the same bits everywhere ---- */

#ifndef REAL_IS_DOUBLE
static const char KERNEL[] =
    "kernel void normals(global const uint *in, global uint *out) {\n"
    "    size_t at = get_global_id(0) * LANES;\n"
    "    store_full(as_uintv(inverse_normal(load_full(in + at))), out + at);\n"
    "}\n";

static void check_device(int device, const char *options, size_t lanes) {
    enum { WORDS = 1 << 14 };
    static uint32_t in[WORDS], out[WORDS];
    size_t count = op_opencl_slow(device) ? 512 : WORDS;
    for (uint32_t i = 0; i < count; i++) /* every octave as often as the others, then any */
        in[i] = i % 2 ? op_random(79, i) : (op_random(79, i) >> i / 2 % 32) ^ (0u - i / 64 % 2);
    const char *sources[] = {kernel_source("prelude.h"),
                             kernel_source("portable_math.h"),
                             kernel_source("pointwise.h"),
                             kernel_source("portable_vector.h"),
                             kernel_source("inverse_normal.h"),
                             KERNEL,
                             NULL};
    op_opencl_run(device, &(struct op_opencl_map){sources, "normals", options, in, out,
                                                  count / lanes, lanes, lanes});
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(out[i] == pm_bits(inverse_normal(in[i])), "word %08x: %08x, want %08x", in[i],
                      out[i], pm_bits(inverse_normal(in[i])));
}

START_TEST(every_device_gives_the_bits_of_c) {
    int count = op_opencl_count();
    ck_assert_int_gt(count, 0);
    for (int d = 0; d < count; d++) {
        check_device(d, "-cl-std=CL1.2 -DFAMILY_CPU", 16);
        check_device(d, "-cl-std=CL1.2 -DFAMILY_GPU", 4);
    }
}
END_TEST

/* ---- statistics of real steps ---- */

enum { SAMPLES = 256, ELEMENTS = 256, FACTORS = SAMPLES * ELEMENTS };

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* What inputs of 1 become. */
static float *factors_of(const struct op_target *target, const char *layer, enum plan_mode mode) {
    char layers[128];
    snprintf(layers, sizeof layers, "[%s, {dense: {units: 2}}]", layer);
    const struct op_case row = {.name = layer,
                                .input = "256",
                                .layers = layers,
                                .batch = SAMPLES,
                                .seed = 41,
                                .no_fuse = true,
                                .mode = mode};
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, &row);
    int i = 0;
    while (!world.plan->steps[i].nstages || world.plan->steps[i].stage[0].draw < 0) i++;
    world.plan->nsteps = i + 1;
    const struct step *s = &world.plan->steps[i];
    op_machine_open(&m, &world, target);
    float *ones = malloc(FACTORS * sizeof *ones);
    ck_assert_ptr_nonnull(ones);
    for (int k = 0; k < FACTORS; k++) ones[k] = 1;
    op_machine_put(&m, s->in[0], ones);
    op_machine_run(&m, i, i + 1, 0);
    free(ones);
    float *y = op_machine_value(&m, s->out[0]);
    op_machine_close(&m);
    op_world_close(&world);
    return y;
}

/* Deviates of the first four moments of n = (factor - 1) / sigma: E n^k is 0, 1, 0, 3 with
 * variances 1, 2, 15, 96 over the number of draws. */
static void check_moments(const float *factor, double sigma) {
    static const double mean[] = {0, 1, 0, 3}, variance[] = {1, 2, 15, 96};
    double sum[4] = {0};
    for (int i = 0; i < FACTORS; i++)
        for (int k = 0; k < 4; k++) sum[k] += pow(((double)factor[i] - 1) / sigma, k + 1);
    for (int k = 0; k < 4; k++) {
        double deviate = (sum[k] / FACTORS - mean[k]) / sqrt(variance[k] / FACTORS);
        ck_assert_msg(fabs(deviate) < OP_ALARM, "moment %d: %.1f deviations", k + 1, deviate);
    }
}

/* Kolmogorov and Smirnov: sqrt(n) D is above 2.8 with probability 2 exp(-2 2.8^2) = 3e-7. */
static void check_distribution(float *factor, double sigma) {
    double distance = 0;
    qsort(factor, FACTORS, sizeof *factor, by_value);
    for (int i = 0; i < FACTORS; i++) {
        double p = erfc(-((double)factor[i] - 1) / sigma / sqrt(2)) / 2;
        distance = fmax(distance, fmax(p - (double)i / FACTORS, (i + 1.0) / FACTORS - p));
    }
    ck_assert_double_lt(distance * sqrt(FACTORS), 2.8);
    ck_assert_double_gt(distance * sqrt(FACTORS), 0.2); /* below with probability 1e-12 */
}

/* Products of neighbours and of factors of two draws have mean 0 and variance 1. */
static void check_pairs(const float *a, const float *b, int shift, double sigma) {
    double sum = 0;
    int pairs = FACTORS - shift;
    for (int i = 0; i < pairs; i++)
        sum += ((double)a[i] - 1) * ((double)b[i + shift] - 1) / (sigma * sigma);
    ck_assert_double_lt(fabs(sum) / sqrt(pairs), OP_ALARM);
}

static void check_statistics(const struct op_target *target) {
    const double sigma = 0.5; /* rate 0.2 */
    if (target->slow) return;
    float *a = factors_of(target, NOISE("rate: 0.2, id: 3"), PLAN_TRAIN);
    float *b = factors_of(target, NOISE("rate: 0.2, id: 4"), PLAN_TRAIN);
    float *c = factors_of(target, NOISE("rate: 0.2, id: 3"), PLAN_MC);
    check_moments(a, sigma);
    check_pairs(a, a, 1, sigma);
    check_pairs(a, a, 4, sigma);
    check_pairs(a, a, 16, sigma);
    check_pairs(a, a, ELEMENTS, sigma); /* samples */
    check_pairs(a, b, 0, sigma);        /* layers  */
    check_pairs(a, c, 0, sigma);        /* domains */
    check_distribution(a, sigma);
    free(a);
    free(b);
    free(c);
}

static void check_contract(const struct op_target *target, enum plan_mode mode) {
    uint32_t domain = mode == PLAN_MC ? DOMAIN_MC_NOISE : DOMAIN_NOISE;
    float *y = factors_of(target, NOISE("rate: 0.2, id: 3"), mode);
    for (uint32_t i = 0; i < FACTORS; i++) {
        uint32_t word = philox_word(41, i % ELEMENTS, i / ELEMENTS, 0, domain << 28 | 3u << 16);
        float want = fmaf(0.5f, inverse_normal(word), 1);
        ck_assert_msg(y[i] == want, "factor %u: %a, want %a", i, (double)y[i], (double)want);
    }
    free(y);
}

START_TEST(factors_are_those_of_the_contract_and_normal) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    for (int t = -1; t < n; t++) {
        const struct op_target *target = t < 0 ? &cpu : &targets[t];
        check_contract(target, PLAN_TRAIN);
        check_contract(target, PLAN_MC);
        check_statistics(target);
    }
}
END_TEST
#endif

static void more(TCase *tests) {
    tcase_add_test(tests, the_inverse_is_as_close_as_the_document_says);
    tcase_add_test(tests, the_ends_and_the_middle_are_where_they_belong);
    tcase_add_test(tests, the_table_is_that_of_the_document);
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, every_device_gives_the_bits_of_c);
    tcase_add_test(tests, factors_are_those_of_the_contract_and_normal);
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "gaussian_dropout",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
