/* kernels/portable_math.h: at most 2 ulp from double, and the same bits in C and on every OpenCL
 * device. */
#include "backend/backend.h"
#include "harness/op_opencl.h"
#include "harness/suite.h"
#include "portable_math.h"
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { EXPONENTS = 512, DENSE = 4096, SPARSE = 128 }; /* sign and exponent; mantissas of each */

/* A bijection of 32 bits with good avalanche (the finaliser of MurmurHash3): test values from
 * indices. */
static uint32_t hash32(uint32_t x) {
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* The m-th float of an exponent: both ends of its binade, their neighbours, the middle, then random
 * ones. */
static uint32_t sample(uint32_t exponent, uint32_t m) {
    static const uint32_t ends[] = {0, 1, 2, 0x7fffff, 0x7ffffe, 0x400000};
    uint32_t mantissa = m < 6 ? ends[m] : hash32(exponent * DENSE + m) & 0x7fffff;
    return exponent << 23 | mantissa;
}

/* Distance of y from `want` in units of the last place of the float nearest to it. */
static double ulps(float y, double want) {
    if ((float)want == y) return 0.5; /* rounded correctly; also infinities and zeros */
    if (isinf(y) || isinf((float)want)) return INFINITY;
    int exponent;
    frexp(want, &exponent);
    return fabs(y - want) / ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

static void check_accuracy(float (*portable)(float), double (*exact)(double)) {
    for (uint32_t e = 0; e < EXPONENTS; e++)
        for (uint32_t m = 0; m < DENSE; m++) {
            float x = pm_float(sample(e, m)), y = portable(x);
            double want = exact((double)x);
            bool right = isnan(want) ? pm_bits(y) == PM_NAN : ulps(y, want) <= 2;
            if (!right) ck_abort_msg("f(%a) = %a, want %a", x, y, want);
        }
}

START_TEST(exp_is_within_two_ulps_over_all_exponents) {
    check_accuracy(pm_exp, exp);
}
END_TEST

START_TEST(log_is_within_two_ulps_over_all_exponents) {
    check_accuracy(pm_log, log);
}
END_TEST

/* Where exp changes from one regime to the next, and the arguments training really produces:
 * differences of logits, and probabilities close to 1. The sweep over exponents has few of them. */
START_TEST(dense_ranges_are_within_two_ulps) {
    static const struct {
        double low, high;
        bool log;
    } ranges[] = {{-104, -103, false}, {-88, -86, false},  {88, 89, false}, {-20, 20, false},
                  {0.5, 2, true},      {0.99, 1.01, true}, {1, 1000, true}};
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (uint32_t i = 0; i < 200000; i++) {
            double at = hash32(i) * 0x1p-32;
            float x = (float)(ranges[r].low + (ranges[r].high - ranges[r].low) * at);
            float y = ranges[r].log ? pm_log(x) : pm_exp(x);
            double want = ranges[r].log ? log((double)x) : exp((double)x);
            if (!(ulps(y, want) <= 2)) ck_abort_msg("f(%a) = %a, want %a", x, y, want);
        }
}
END_TEST

START_TEST(limits_are_exact) {
    static const struct {
        uint32_t x, exp, log; /* bits */
    } rows[] = {
        {0x00000000, 0x3f800000, 0xff800000}, /* +0: 1, -inf    */
        {0x80000000, 0x3f800000, 0xff800000}, /* -0: 1, -inf    */
        {0x3f800000, 0x402df854, 0x00000000}, /* 1: e, +0       */
        {0x7f800000, 0x7f800000, 0x7f800000}, /* inf: inf, inf  */
        {0xff800000, 0x00000000, PM_NAN},     /* -inf: +0, NaN  */
        {0xbf800000, 0x3ebc5ab2, PM_NAN},     /* -1: 1/e, NaN   */
        {0x7fc00000, PM_NAN, PM_NAN},
        {0x7f800001, PM_NAN, PM_NAN}, /* signalling */
        {0xffffffff, PM_NAN, PM_NAN},
        {0x42b17218, 0x7f800000, 0x408f895c}, /* 88.72284: the first that overflows */
        {0xc2cff1b5, 0x00000000, PM_NAN},     /* -103.9721: the first that is 0     */
        {0xc2cff1b4, 0x00000001, PM_NAN},     /* its neighbour: the least denormal  */
        {0x00000001, 0x3f800000, 0xc2ce8ed0}, /* the least denormal: -149 ln 2      */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float x = pm_float(rows[i].x);
        ck_assert_msg(pm_bits(pm_exp(x)) == rows[i].exp, "exp(%a) = %a", x, pm_exp(x));
        ck_assert_msg(pm_bits(pm_log(x)) == rows[i].log, "log(%a) = %a", x, pm_log(x));
    }
}
END_TEST

static const char KERNEL[] = "kernel void both(global const uint *in, global uint *out) {\n"
                             "    size_t i = get_global_id(0);\n"
                             "    out[2 * i] = as_uint(pm_exp(as_float(in[i])));\n"
                             "    out[2 * i + 1] = as_uint(pm_log(as_float(in[i])));\n"
                             "}\n";

static void check_device(int device) {
    uint32_t mantissas = op_opencl_slow(device) ? SPARSE : DENSE;
    size_t count = (size_t)EXPONENTS * mantissas;
    uint32_t *in = malloc(count * sizeof *in), *out = malloc(2 * count * sizeof *out);
    ck_assert(in && out);
    for (size_t i = 0; i < count; i++)
        in[i] = sample((uint32_t)(i / mantissas), (uint32_t)(i % mantissas));
    const char *sources[] = {kernel_source("portable_math.h"), KERNEL, NULL};
    ck_assert_ptr_nonnull(sources[0]);
    op_opencl_run(device, &(struct op_opencl_map){.sources = sources,
                                                  .kernel = "both",
                                                  .options = "-cl-std=CL1.2",
                                                  .in = in,
                                                  .out = out,
                                                  .items = count,
                                                  .in_words = 1,
                                                  .out_words = 2});
    for (size_t i = 0; i < count; i++) {
        float x = pm_float(in[i]);
        if (out[2 * i] != pm_bits(pm_exp(x)))
            ck_abort_msg("device %d: exp(%a) has bits %08x, C %08x", device, x, out[2 * i],
                         pm_bits(pm_exp(x)));
        if (out[2 * i + 1] != pm_bits(pm_log(x)))
            ck_abort_msg("device %d: log(%a) has bits %08x, C %08x", device, x, out[2 * i + 1],
                         pm_bits(pm_log(x)));
    }
    free(out);
    free(in);
}

START_TEST(devices_give_the_bits_of_c_over_all_exponents) {
    int count = op_opencl_count();
    ck_assert_msg(count > 0, "no OpenCL device to compare with");
    for (int d = 0; d < count; d++) check_device(d);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("portable_math");
    TCase *tests = tcase_create("bits");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, limits_are_exact);
    tcase_add_test(tests, exp_is_within_two_ulps_over_all_exponents);
    tcase_add_test(tests, log_is_within_two_ulps_over_all_exponents);
    tcase_add_test(tests, dense_ranges_are_within_two_ulps);
    tcase_add_test(tests, devices_give_the_bits_of_c_over_all_exponents);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
