/* The number type of the C reference: float in the product; the tests build the same sources a
 * second time with double, where central differences are sharp enough to check every gradient. */
#ifndef DROPCL_BASE_REAL_H
#define DROPCL_BASE_REAL_H

#ifdef REAL_IS_DOUBLE
typedef double real;
#define REAL_FMA(a, b, c) __builtin_fma(a, b, c)
#define REAL_SQRT(a)      __builtin_sqrt(a)
#else
typedef float real;
#define REAL_FMA(a, b, c) __builtin_fmaf(a, b, c)
#define REAL_SQRT(a)      __builtin_sqrtf(a)
#endif

#endif
