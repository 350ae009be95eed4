/* Functions of a real: the portable ones (kernels/portable_math.h) in the product, the C library's
 * in the double build, where gradients are judged. */
#ifndef DROPCL_OPS_REAL_MATH_H
#define DROPCL_OPS_REAL_MATH_H

#include "base/real.h"
#include "portable_vector.h"
#include <math.h>

#ifdef REAL_IS_DOUBLE
#define REAL_EXP(x)     exp(x)
#define REAL_LOG(x)     log(x)
#define REAL_EXPV(x)    exp(x)
#define REAL_EXPM1(x)   expm1(x)
#define REAL_TANH(x)    tanh(x)
#define REAL_SIGMOID(x) (1 / (1 + exp(-(x))))
#define REAL_ERF(x)     erf(x)
#else
#define REAL_EXP(x)     pm_exp(x) /* of a float in kernels too: losses, softmax */
#define REAL_LOG(x)     pm_log(x)
#define REAL_EXPV(x)    pm_expv(x) /* this and the following: of vectors in kernels */
#define REAL_EXPM1(x)   pm_expm1(x)
#define REAL_TANH(x)    pm_tanh(x)
#define REAL_SIGMOID(x) pm_sigmoid(x)
#define REAL_ERF(x)     pm_erf(x)
#endif

#endif
