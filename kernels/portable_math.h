/* exp and log with the same bits on every device: C11 on the host, OpenCL C 1.2 on the device.
 *
 * Only + - * and fma on floats, integer operations on their bits, comparisons and selects: each is
 * exact or correctly rounded wherever IEEE 754 single precision with denormals is offered, so equal
 * inputs give equal bits everywhere. FP contraction must be off (-ffp-contract=off on the host).
 *
 * The polynomials are our own minimax fits (Lawson's iteration; coefficients rounded to float one
 * by one, lowest first, the others refitted each time). Largest error over all 2^32 inputs against
 * double: exp 1.03 ulp, log 0.85 ulp. Every NaN that comes out is the quiet NaN 0x7fc00000,
 * because the payload and sign of a NaN are not portable. */
#ifndef DROPCL_PORTABLE_MATH_H
#define DROPCL_PORTABLE_MATH_H

#ifdef __OPENCL_VERSION__
#pragma OPENCL FP_CONTRACT OFF
typedef uint pm_word;
#define PM_FMA(a, b, c) fma(a, b, c)
#define PM_FLOAT(bits)  as_float(bits)
#define PM_BITS(x)      as_uint(x)
#else
#include <stdint.h>
#include <string.h>
typedef uint32_t pm_word;
#define PM_FMA(a, b, c) __builtin_fmaf(a, b, c)
#define PM_FLOAT(bits)  pm_float(bits)
#define PM_BITS(x)      pm_bits(x)

static inline float pm_float(pm_word bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline pm_word pm_bits(float x) {
    pm_word bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
#endif

#define PM_NAN      0x7fc00000u
#define PM_INFINITY 0x7f800000u
#define PM_ROUNDER  12582912.0f  /* 1.5 * 2^23: adding it rounds to an integer, ties to even */
#define PM_LN2_HIGH 0.693359375f /* ln 2 in two parts; 9 bits, so that n * high is exact */
#define PM_LN2_LOW  -2.12194440e-4f

/* e^x. +inf above 88.72283, +0 below -103.9721; denormal results between are rounded once. */
static inline float pm_exp(float x) {
    /* x = n ln 2 + r, |r| <= ln 2 / 2; n stays in -150..128 because x is clamped first. */
    float clamped = x < -104.0f ? -104.0f : x;
    clamped = clamped > 89.0f ? 89.0f : clamped;
    float shifted = PM_FMA(clamped, 1.44269504f, PM_ROUNDER);
    float n = shifted - PM_ROUNDER;
    float r = PM_FMA(n, -PM_LN2_HIGH, clamped);
    r = PM_FMA(n, -PM_LN2_LOW, r);

    /* e^r = 1 + (r + r^2 q(r)) */
    float q = PM_FMA(0x1.6b67aap-10f, r, 0x1.122f2ep-7f);
    q = PM_FMA(q, r, 0x1.55568ep-5f);
    q = PM_FMA(q, r, 0x1.5554a4p-3f);
    q = PM_FMA(q, r, 0.5f);
    float y = PM_FMA(q, r * r, r) + 1.0f;

    /* Times 2^n as two powers of two inside the normal range: only the last product can round. */
    pm_word exponent = PM_BITS(shifted) - PM_BITS(PM_ROUNDER) + 254u; /* n + 2 * 127 */
    pm_word low = exponent >> 1;
    y = y * PM_FLOAT(low << 23) * PM_FLOAT((exponent - low) << 23);
    return x == x ? y : PM_FLOAT(PM_NAN);
}

/* ln x. ln 0 = -inf (either zero), ln of a negative number = NaN, ln inf = inf; denormals too. */
static inline float pm_log(float x) {
    /* A denormal is its bits times 2^-149, and their conversion is exact and normal. */
    pm_word bits = PM_BITS(x);
    pm_word normal = bits < 0x00800000u ? PM_BITS((float)bits) : bits;
    float offset = bits < 0x00800000u ? -149.0f : 0.0f;

    /* x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2): 0x3f3504f3 are the bits of sqrt(1/2). */
    pm_word above = normal - 0x3f3504f3u;
    float n = (float)((above + 0x40000000u) >> 23) - 128.0f + offset;
    float f = PM_FLOAT((above & 0x007fffffu) + 0x3f3504f3u) - 1.0f;

    /* ln(1 + f) = f - f^2 / 2 + f^3 p(f) */
    float p = PM_FMA(0.06750956f, f, -0.11671449f);
    p = PM_FMA(p, f, 0.11883568f);
    p = PM_FMA(p, f, -0.12406032f);
    p = PM_FMA(p, f, 0.14220327f);
    p = PM_FMA(p, f, -0.16667996f);
    p = PM_FMA(p, f, 0.20002073f);
    p = PM_FMA(p, f, -0.2500001f);
    p = PM_FMA(p, f, 0.33333313f);
    float square = f * f;
    float tail = PM_FMA(p, f * square, -0.5f * square);
    /* From the smallest part to the largest. */
    float y = PM_FMA(n, PM_LN2_LOW, tail) + f;
    y = PM_FMA(n, PM_LN2_HIGH, y);

    y = bits == PM_INFINITY ? x : y;
    y = x == 0.0f ? PM_FLOAT(PM_INFINITY | 0x80000000u) : y;
    return x >= 0.0f ? y : PM_FLOAT(PM_NAN);
}

#endif
