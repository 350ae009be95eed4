/* In front of every program, behind control_words.h. OpenCL C only. */

/* Portable bits: a*b + c is two roundings, fma(a, b, c) is one, and the source says which. */
#pragma OPENCL FP_CONTRACT OFF

#if defined(FAMILY_CPU) == defined(FAMILY_GPU)
#error "a program is built for one kernel family: FAMILY_CPU or FAMILY_GPU"
#endif

#ifdef FAMILY_GPU
#define PHILOX_MUL_HI /* philox.h: the form of the product that is fast here */
#endif
