/* In front of every program, behind control_words.h. OpenCL C only. */

/* Portable bits: a*b + c is two roundings, fma(a, b, c) is one, and the source says which. */
#pragma OPENCL FP_CONTRACT OFF

#if defined(FAMILY_CPU) == defined(FAMILY_GPU)
#error "a program is built for one kernel family: FAMILY_CPU or FAMILY_GPU"
#endif

#ifdef FAMILY_GPU
#define PHILOX_MUL_HI /* philox.h: the form of the product that is fast here */
#endif

/* The items i of 0..n-1 that this work-item takes. CPU devices: neighbouring ones, for the caches and
 * their prefetchers; GPUs: every get_global_size(0)-th, so that neighbours load neighbours. */
#ifdef FAMILY_CPU
#define FOR_SHARE(i, n)                                                                            \
    for (uint i = (uint)(get_global_id(0) * (size_t)(n) / get_global_size(0)),                     \
              i##_end = (uint)((get_global_id(0) + 1) * (size_t)(n) / get_global_size(0));         \
         i < i##_end; i++)
#else
#define FOR_SHARE(i, n) for (uint i = get_global_id(0); i < (n); i += get_global_size(0))
#endif
