/* For the loops of the C reference that are worth compiling for machines with fma instructions;
 * elsewhere, and under the sanitizers (which start before resolvers may run), fma is the C
 * library's. The bits are the same. */
#ifndef DROPCL_OPS_CLONES_H
#define DROPCL_OPS_CLONES_H

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(DROPCL_SANITIZED)
#define FMA_CLONES __attribute__((target_clones("arch=haswell", "default")))
#else
#define FMA_CLONES
#endif

#endif
