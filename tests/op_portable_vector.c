/* kernels/portable_vector.h: at most 2 ulp from double, and the same bits in C and, in vectors of
 * either family, on every OpenCL device. */
#include "backend/backend.h"
#include "harness/op_opencl.h"
#include "harness/suite.h"
#include "portable_vector.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

enum { EXPONENTS = 512, DENSE = 2048, SPARSE = 16, FUNCTIONS = 5 };

/* Below 0 as e / (1 + e), which does not overflow in double either. */
static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static const struct {
    const char *name;
    float (*portable)(float);
    double (*exact)(double);
} functions[FUNCTIONS] = {{"exp", pm_expv, exp},
                          {"expm1", pm_expm1, expm1},
                          {"tanh", pm_tanh, tanh},
                          {"sigmoid", pm_sigmoid, sigmoid},
                          {"erf", pm_erf, erf}};

/* A bijection of 32 bits with good avalanche (the finaliser of MurmurHash3). */
static uint32_t hash32(uint32_t x) {
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* The m-th float of a sign and exponent: the ends of the binade and its middle, then random ones.
 */
static uint32_t sample(uint32_t exponent, uint32_t m) {
    static const uint32_t ends[] = {0, 1, 2, 0x7fffff, 0x7ffffe, 0x400000};
    return exponent << 23 | (m < 6 ? ends[m] : hash32(exponent * DENSE + m) & 0x7fffff);
}

static bool within_two_ulps(float y, double want) {
    if (isnan(want)) return pm_bits(y) == PM_NAN;
    if ((float)want == y) return true; /* also infinities and zeros */
    if (isinf(y) || isinf((float)want)) return false;
    int exponent;
    frexp(want, &exponent);
    return fabs(y - want) <= 2 * ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

static void check_at(int f, float x) {
    float y = functions[f].portable(x);
    double want = functions[f].exact((double)x);
    if (!within_two_ulps(y, want))
        ck_abort_msg("%s(%a) = %a, want %a", functions[f].name, x, y, want);
}

START_TEST(two_ulps_over_all_exponents) {
    for (uint32_t e = 0; e < EXPONENTS; e++)
        for (uint32_t m = 0; m < DENSE; m++) check_at(_i, pm_float(sample(e, m)));
}
END_TEST

/* Where activations live, and where the pieces of the functions meet: the sweep has few of these.
 */
START_TEST(two_ulps_where_it_matters) {
    static const double ranges[][2] = {{-20, 20},    {-2, 2},        {0.87, 0.88},   {3.8, 4.1},
                                       {9, 10},      {-104.5, -87},  {88, 89},       {-1e-3, 1e-3},
                                       {0.34, 0.35}, {-0.35, -0.34}, {-0.88, -0.87}, {16.6, 17.4}};
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (uint32_t i = 0; i < 100000; i++)
            check_at(_i,
                     (float)(ranges[r][0] + (ranges[r][1] - ranges[r][0]) * (hash32(i) * 0x1p-32)));
}
END_TEST

START_TEST(signs_and_limits_are_exact) {
    static const struct {
        uint32_t x, y[FUNCTIONS];
    } rows[] = {
        {0x00000000, {0x3f800000, 0x00000000, 0x00000000, 0x3f000000, 0x00000000}},
        {0x80000000, {0x3f800000, 0x80000000, 0x80000000, 0x3f000000, 0x80000000}},
        {0x00000001, {0x3f800000, 0x00000001, 0x00000001, 0x3f000000, 0x00000001}},
        {0x80000001, {0x3f800000, 0x80000001, 0x80000001, 0x3f000000, 0x80000001}},
        {0x7f800000, {0x7f800000, 0x7f800000, 0x3f800000, 0x3f800000, 0x3f800000}},
        {0xff800000, {0x00000000, 0xbf800000, 0xbf800000, 0x00000000, 0xbf800000}},
        {0x7fc00000, {PM_NAN, PM_NAN, PM_NAN, PM_NAN, PM_NAN}},
        {0xffffffff, {PM_NAN, PM_NAN, PM_NAN, PM_NAN, PM_NAN}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int f = 0; f < FUNCTIONS; f++) {
            uint32_t y = pm_bits(functions[f].portable(pm_float(rows[i].x)));
            ck_assert_msg(y == rows[i].y[f], "%s of bits %08x has bits %08x", functions[f].name,
                          rows[i].x, y);
        }
}
END_TEST

/* ---- devices ---- */

static const char KERNEL[] = "kernel void each(global const uint *in, global uint *out) {\n"
                             "    size_t i = get_global_id(0) * LANES;\n"
                             "    realv x = load_full((global const float *)in + i);\n"
                             "    global float *y = (global float *)out + 5 * i;\n"
                             "    store_full(pm_expv(x), y);\n"
                             "    store_full(pm_expm1(x), y + LANES);\n"
                             "    store_full(pm_tanh(x), y + 2 * LANES);\n"
                             "    store_full(pm_sigmoid(x), y + 3 * LANES);\n"
                             "    store_full(pm_erf(x), y + 4 * LANES);\n"
                             "}\n";

static void check_device(int device, const char *options, size_t lanes) {
    uint32_t mantissas = op_opencl_slow(device) ? SPARSE : DENSE;
    size_t count = (size_t)EXPONENTS * mantissas;
    uint32_t *in = malloc(count * sizeof *in), *out = malloc(FUNCTIONS * count * sizeof *out);
    ck_assert(in && out);
    for (size_t i = 0; i < count; i++)
        in[i] = sample((uint32_t)(i / mantissas), (uint32_t)(i % mantissas));
    const char *sources[] = {kernel_source("portable_math.h"), kernel_source("pointwise.h"),
                             kernel_source("portable_vector.h"), KERNEL, NULL};
    op_opencl_run(device, &(struct op_opencl_map){.sources = sources,
                                                  .kernel = "each",
                                                  .options = options,
                                                  .in = in,
                                                  .out = out,
                                                  .items = count / lanes,
                                                  .in_words = lanes,
                                                  .out_words = FUNCTIONS * lanes});
    for (size_t i = 0; i < count; i++)
        for (int f = 0; f < FUNCTIONS; f++) {
            uint32_t y = out[i / lanes * lanes * FUNCTIONS + (size_t)f * lanes + i % lanes];
            uint32_t want = pm_bits(functions[f].portable(pm_float(in[i])));
            ck_assert_msg(y == want, "device %d: %s of bits %08x has bits %08x, C %08x", device,
                          functions[f].name, in[i], y, want);
        }
    free(out);
    free(in);
}

START_TEST(devices_give_the_bits_of_c) {
    int count = op_opencl_count();
    ck_assert_msg(count > 0, "no OpenCL device to compare with");
    for (int d = 0; d < count; d++) {
        check_device(d, "-cl-std=CL1.2 -DFAMILY_CPU", 16);
        check_device(d, "-cl-std=CL1.2 -DFAMILY_GPU", 4);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("portable_vector");
    TCase *tests = tcase_create("bits");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, signs_and_limits_are_exact);
    tcase_add_loop_test(tests, two_ulps_over_all_exponents, 0, FUNCTIONS);
    tcase_add_loop_test(tests, two_ulps_where_it_matters, 0, FUNCTIONS);
    tcase_add_test(tests, devices_give_the_bits_of_c);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
