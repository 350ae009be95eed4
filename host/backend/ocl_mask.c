/* Mask bits by the device's own generator: one launch of kernels/mask.cl. */
#include "backend/ocl_private.h"

/* In the order of the kernel's parameters. */
static enum err set_arguments(struct device *d, cl_kernel kernel, cl_mem words,
                              const struct mask_query *q) {
    const cl_uint numbers[] = {(cl_uint)q->seed, (cl_uint)(q->seed >> 32),
                               q->step,          q->counter3,
                               q->first_sample,  q->samples,
                               q->elements,      q->limit,
                               q->active};
    cl_int code = clSetKernelArg(kernel, 0, sizeof words, &words);
    for (cl_uint i = 0; i < sizeof numbers / sizeof numbers[0] && !code; i++)
        code = clSetKernelArg(kernel, i + 1, sizeof numbers[i], &numbers[i]);
    return ocl_error(d, code, "setting the arguments of kernel mask_bits");
}

/* Groups of 32 suit both families: the kernel has no barriers and guards the rest. */
static enum err launch(struct device *d, cl_kernel kernel, const struct mask_query *q) {
    size_t global[2] = {(mask_words(q) + 31) / 32 * 32, q->samples}, local[2] = {32, 1};
    cl_int code =
        clEnqueueNDRangeKernel(ocl_of(d)->queue, kernel, 2, NULL, global, local, 0, NULL, NULL);
    return ocl_error(d, code, "launching kernel mask_bits");
}

enum err ocl_mask(struct device *d, const struct mask_query *q, uint32_t *words) {
    static const char *const files[] = {"mask"};
    size_t bytes = mask_words(q) * q->samples * sizeof *words;
    struct buffer *buffer = NULL;
    cl_kernel kernel = NULL;
    enum err rc = ocl_program_kernel(ocl_of(d), files, 1, "", "mask_bits", &kernel);
    if (!rc) rc = buffer_new(d, bytes, &buffer);
    if (!rc) rc = set_arguments(d, kernel, ocl_mem(buffer), q);
    if (!rc) rc = launch(d, kernel, q);
    if (!rc) rc = buffer_read(buffer, 0, words, bytes);
    buffer_free(buffer);
    if (kernel) clReleaseKernel(kernel);
    return rc;
}
