/* Device memory. Everything goes through the one in-order queue, so host and kernels never race. */
#include "backend/ocl_private.h"
#include <stdlib.h>

/* Also forces the allocation: drivers put it off to the first use, where the failure could not be
 * told from any other. */
static cl_int fill_zero(const struct ocl_device *d, cl_mem mem, size_t bytes) {
    static const cl_uint4 zero;
    size_t pattern = bytes % sizeof zero == 0 ? sizeof zero : 1;
    cl_int code = clEnqueueFillBuffer(d->queue, mem, &zero, pattern, 0, bytes, 0, NULL, NULL);
    return code ? code : clFinish(d->queue);
}

enum err ocl_buffer_new(struct device *base, size_t bytes, struct buffer **out) {
    struct ocl_device *d = ocl_of(base);
    struct ocl_buffer *b = calloc(1, sizeof *b);
    if (!b) return err_memory("a buffer");
    cl_int code;
    b->mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (!code) code = fill_zero(d, b->mem, bytes);
    if (code) {
        if (b->mem) clReleaseMemObject(b->mem);
        free(b);
        return ocl_error(base, code, "allocating %zu bytes (%zu of %zu in use)", bytes,
                         base->allocated, base->info.global_bytes);
    }
    *out = &b->base;
    return OK;
}

void ocl_buffer_free(struct buffer *b) {
    clReleaseMemObject(ocl_mem(b));
    free(b);
}

enum err ocl_buffer_write(struct buffer *b, size_t offset, const void *data, size_t size) {
    cl_int code = clEnqueueWriteBuffer(ocl_of(b->device)->queue, ocl_mem(b), CL_TRUE, offset, size,
                                       data, 0, NULL, NULL);
    return ocl_error(b->device, code, "writing %zu bytes", size);
}

enum err ocl_buffer_read(struct buffer *b, size_t offset, void *data, size_t size) {
    cl_int code = clEnqueueReadBuffer(ocl_of(b->device)->queue, ocl_mem(b), CL_TRUE, offset, size,
                                      data, 0, NULL, NULL);
    return ocl_error(b->device, code, "reading %zu bytes", size);
}

enum err ocl_buffer_copy(struct buffer *from, struct buffer *to) {
    cl_int code = clEnqueueCopyBuffer(ocl_of(from->device)->queue, ocl_mem(from), ocl_mem(to), 0, 0,
                                      from->size, 0, NULL, NULL);
    return ocl_error(from->device, code, "copying %zu bytes", from->size);
}
