/* expm1, tanh, sigmoid, erf and exp for activations, with the same bits on every device: of vectors of
 * LANES floats in kernels (behind pointwise.h), of one float in C. Under the rules of portable_math.h.
 *
 * All but erf rest on one splitting, e^x = 2^n (1 + high + low), which keeps what a float would round
 * away; so 1 - e^x, 1 + e^x and their quotient lose nothing to cancellation. At most 2 ulp from double
 * (tests/op_portable_vector.c); every NaN that comes out is PM_NAN. */
#ifndef DROPCL_PORTABLE_VECTOR_H
#define DROPCL_PORTABLE_VECTOR_H

#ifdef __OPENCL_VERSION__
typedef realv pm_real;
typedef uintv pm_words;
#define PM_FMAV(a, b, c)   fma((realv)(a), (realv)(b), (realv)(c))
#define PM_FLOATV(bits)    as_realv(bits)
#define PM_BITSV(x)        as_uintv(x)
#define PM_IF(test, a, b)  select((realv)(b), (realv)(a), test)
#else
#include "portable_math.h"
typedef float pm_real;
typedef pm_word pm_words;
#define PM_FMAV(a, b, c)   PM_FMA(a, b, c)
#define PM_FLOATV(bits)    PM_FLOAT(bits)
#define PM_BITSV(x)        PM_BITS(x)
#define PM_IF(test, a, b)  ((test) ? (a) : (b))
#endif

#define PM_ABS(x)       PM_FLOATV(PM_BITSV(x) & 0x7fffffffu)
#define PM_CLAMP(x, low, high) PM_IF((x) < (low), low, PM_IF((x) > (high), high, x))
#define PM_ELSE_NAN(x, y) PM_IF((x) == (x), y, PM_FLOAT(PM_NAN))

/* e^x = 2^n (1 + high + low), |high| < 0.42, |low| <= ulp(high) / 2. */
struct pm_split {
    pm_real high, low;
    pm_words biased; /* n + 254 */
};

/* x in [-104, 89]. */
static inline struct pm_split pm_split_exp(pm_real x) {
    struct pm_split s;
    pm_real shifted = PM_FMAV(x, 1.44269504f, PM_ROUNDER);
    pm_real n = shifted - PM_ROUNDER;
    pm_real reduced = PM_FMAV(n, -PM_LN2_HIGH, x); /* exact */
    pm_real r = PM_FMAV(n, -PM_LN2_LOW, reduced);
    pm_real r_low = PM_FMAV(n, -PM_LN2_LOW, reduced - r);
    /* the polynomial of pm_exp */
    pm_real q = PM_FMAV(0x1.6b67aap-10f, r, 0x1.122f2ep-7f);
    q = PM_FMAV(q, r, 0x1.55568ep-5f);
    q = PM_FMAV(q, r, 0x1.5554a4p-3f);
    q = PM_FMAV(q, r, 0.5f);
    pm_real tail = PM_FMAV(q, r * r, r_low);
    s.high = r + tail;
    s.low = (r - s.high) + tail;
    s.biased = PM_BITSV(shifted) - PM_BITS(PM_ROUNDER) + 254u;
    return s;
}

/* y 2^n as two powers of two inside the normal range: only the last product can round. */
static inline pm_real pm_scaled(pm_real y, pm_words biased) {
    pm_words low = biased >> 1;
    return y * PM_FLOATV(low << 23) * PM_FLOATV((biased - low) << 23);
}

/* e^x, as pm_exp but not bit for bit. */
static inline pm_real pm_expv(pm_real x) {
    struct pm_split s = pm_split_exp(PM_CLAMP(x, -104.0f, 89.0f));
    pm_real y = pm_scaled(s.high + 1.0f, s.biased);
    return PM_ELSE_NAN(x, y);
}

/* e^x - 1. */
static inline pm_real pm_expm1(pm_real x) {
    struct pm_split s = pm_split_exp(PM_CLAMP(x, -20.0f, 89.0f));
    /* Twice 2^(n-1) (1 + high) - 1/2: 2^n itself may be too large for a float. */
    pm_real half_power = PM_FLOATV((s.biased - 128u) << 23);
    pm_real y = 2.0f * PM_FMAV(half_power, s.high, half_power - 0.5f);
    y = PM_IF(PM_ABS(x) < 0x1p-40f, x, y); /* and denormals are not halved */
    return PM_ELSE_NAN(x, y);
}

/* (a + a_low) / (b + b_low) with one division: the quotient's rest is added. */
static inline pm_real pm_quotient(pm_real a, pm_real a_low, pm_real b, pm_real b_low) {
    pm_real inverse = 1.0f / b, q = a * inverse;
    pm_real rest = PM_FMAV(-q, b, a) + PM_FMAV(-q, b_low, a_low);
    return PM_FMAV(rest, inverse, q);
}

/* tanh x = -m / (2 + m), m = e^(-2|x|) - 1, with the sign of x. */
static inline pm_real pm_tanh(pm_real x) {
    pm_real a = PM_ABS(x);
    struct pm_split s = pm_split_exp(-2.0f * PM_CLAMP(a, 0.0f, 10.0f));
    pm_real power = PM_FLOATV((s.biased - 127u) << 23), product = power * s.high;
    pm_real above = power - 1.0f, m = above + product;
    pm_real m_low = (above - m) + product + power * s.low;
    pm_real sum = m + 2.0f, sum_low = (2.0f - sum) + m + m_low;
    pm_real y = pm_quotient(-m, -m_low, sum, sum_low);
    y = PM_FLOATV(PM_BITSV(y) | (PM_BITSV(x) & 0x80000000u));
    return PM_ELSE_NAN(x, y);
}

/* 1 / (1 + e^-x); e / (1 + e) with e = e^x below 0. */
static inline pm_real pm_sigmoid(pm_real x) {
    struct pm_split s = pm_split_exp(-PM_CLAMP(PM_ABS(x), 0.0f, 104.0f));
    pm_real one = s.high + 1.0f, one_low = (1.0f - one) + s.high + s.low;
    pm_real e = pm_scaled(one, s.biased), e_low = pm_scaled(one_low, s.biased);
    pm_real sum = e + 1.0f, sum_low = (1.0f - sum) + e + e_low;
    pm_real y = pm_quotient(PM_IF(x < 0.0f, e, 1.0f), PM_IF(x < 0.0f, e_low, 0.0f), sum, sum_low);
    return PM_ELSE_NAN(x, y);
}

/* The error function: x + x p(x^2) up to 0.875, beyond it 1 - e^(-l(|x|)) with l near -ln erfc. Our own
 * minimax fits, as in portable_math.h; 1 from 4 on. */
static inline pm_real pm_erf(pm_real x) {
    pm_real a = PM_CLAMP(PM_ABS(x), 0.0f, 4.0f), z = a * a;
    pm_real p = PM_FMAV(0x1.48ed6ep-14f, z, -0x1.a491c0p-11f);
    p = PM_FMAV(p, z, 0x1.542c6ap-8f);
    p = PM_FMAV(p, z, -0x1.b7ff38p-6f);
    p = PM_FMAV(p, z, 0x1.ce2d5ap-4f);
    p = PM_FMAV(p, z, -0x1.812740p-2f);
    p = PM_FMAV(p, z, 0x1.06eba8p-3f);
    pm_real near = PM_FMAV(p, a, a);

    pm_real l = PM_FMAV(-0x1.a33bdap-13f, a, 0x1.93f7a2p-9f);
    l = PM_FMAV(l, a, -0x1.6eb122p-6f);
    l = PM_FMAV(l, a, 0x1.ab0256p-4f);
    l = PM_FMAV(l, a, 0x1.460d5ap-1f);
    l = PM_FMAV(l, a, 0x1.20bd5cp+0f);
    l = PM_FMAV(l, a, 0x1.2e6e02p-13f);
    struct pm_split s = pm_split_exp(-l);
    pm_real power = PM_FLOATV((s.biased - 127u) << 23);
    pm_real far = PM_FMAV(-power, s.high, 1.0f - power);

    pm_real y = PM_IF(a < 0.875f, near, far);
    y = PM_FLOATV(PM_BITSV(y) | (PM_BITSV(x) & 0x80000000u));
    return PM_ELSE_NAN(x, y);
}

#endif
