#include "harness/op_opencl.h"
#include <check.h>
#include <CL/cl.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES = 16, SOURCES = 8 };

struct found {
    cl_platform_id platform;
    cl_device_id id;
};

#define CL_OK(code)                                                                                \
    do {                                                                                           \
        cl_int cl_rc = (code);                                                                     \
        ck_assert_msg(cl_rc == CL_SUCCESS, "%s: OpenCL error %d", #code, cl_rc);                   \
    } while (0)

static int find_all(struct found *out) {
    cl_platform_id platforms[DEVICES];
    cl_uint nplatforms = 0;
    if (clGetPlatformIDs(DEVICES, platforms, &nplatforms)) return 0; /* none is installed */
    int count = 0;
    for (cl_uint p = 0; p < nplatforms && p < DEVICES; p++) {
        cl_device_id ids[DEVICES];
        cl_uint n = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES, ids, &n)) continue;
        for (cl_uint d = 0; d < n && count < DEVICES; d++)
            out[count++] = (struct found){platforms[p], ids[d]};
    }
    return count;
}

static struct found find(int device) {
    struct found all[DEVICES];
    int count = find_all(all);
    ck_assert_int_lt(device, count);
    return all[device];
}

int op_opencl_count(void) {
    struct found all[DEVICES];
    return find_all(all);
}

bool op_opencl_slow(int device) {
    char name[128] = "";
    CL_OK(clGetPlatformInfo(find(device).platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL));
    return strstr(name, "Oclgrind") != NULL;
}

static cl_program build(cl_context context, cl_device_id id, const struct op_opencl_map *map) {
    const char *sources[SOURCES];
    cl_uint count = 0;
    for (; map->sources[count]; count++) {
        ck_assert_uint_lt(count, SOURCES);
        sources[count] = map->sources[count];
    }
    cl_int rc;
    cl_program program = clCreateProgramWithSource(context, count, sources, NULL, &rc);
    CL_OK(rc);
    if (clBuildProgram(program, 1, &id, map->options, NULL, NULL)) {
        static char log[4096];
        clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        ck_abort_msg("%s does not build: %s", map->kernel, log);
    }
    return program;
}

static void launch(cl_context context, cl_device_id id, cl_kernel kernel,
                   const struct op_opencl_map *map) {
    cl_int rc;
    size_t in_bytes = map->items * map->in_words * 4, out_bytes = map->items * map->out_words * 4;
    cl_command_queue queue = clCreateCommandQueue(context, id, 0, &rc);
    CL_OK(rc);
    cl_mem in = clCreateBuffer(context, CL_MEM_READ_ONLY, in_bytes, NULL, &rc);
    CL_OK(rc);
    cl_mem out = clCreateBuffer(context, CL_MEM_WRITE_ONLY, out_bytes, NULL, &rc);
    CL_OK(rc);
    CL_OK(clEnqueueWriteBuffer(queue, in, CL_TRUE, 0, in_bytes, map->in, 0, NULL, NULL));
    CL_OK(clSetKernelArg(kernel, 0, sizeof in, &in));
    CL_OK(clSetKernelArg(kernel, 1, sizeof out, &out));
    CL_OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &map->items, NULL, 0, NULL, NULL));
    CL_OK(clEnqueueReadBuffer(queue, out, CL_TRUE, 0, out_bytes, map->out, 0, NULL, NULL));
    clReleaseMemObject(out);
    clReleaseMemObject(in);
    clReleaseCommandQueue(queue);
}

void op_opencl_run(int device, const struct op_opencl_map *map) {
    struct found found = find(device);
    cl_int rc;
    cl_context context = clCreateContext(NULL, 1, &found.id, NULL, NULL, &rc);
    CL_OK(rc);
    cl_program program = build(context, found.id, map);
    cl_kernel kernel = clCreateKernel(program, map->kernel, &rc);
    CL_OK(rc);
    launch(context, found.id, kernel, map);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    clReleaseContext(context);
}
