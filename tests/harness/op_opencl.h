/* Kernel texts of a test's own on every OpenCL device, past the backend: for the headers that
 * kernels and C share. Any OpenCL fault fails the running test. */
#ifndef DROPCL_TESTS_OP_OPENCL_H
#define DROPCL_TESTS_OP_OPENCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One work-item per item: kernel void NAME(global const uint *in, global uint *out), where item i
 * reads in[i * in_words ...] and writes out[i * out_words ...]. */
struct op_opencl_map {
    const char *const *sources; /* NULL-terminated */
    const char *kernel, *options;
    const uint32_t *in;
    uint32_t *out;
    size_t items, in_words, out_words;
};

/* Devices over all platforms; each is named by its index. */
int op_opencl_count(void);
/* Interpreters need minutes for what compiled kernels do in a blink: tests shorten their tables. */
bool op_opencl_slow(int device);
void op_opencl_run(int device, const struct op_opencl_map *map);

#endif
