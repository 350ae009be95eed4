/* Opening an OpenCL device: context, in-order queue, kernel family, build options. */
#include "backend/ocl_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Refuses, with the reason, what could not build our kernels. */
static enum err check_usable(const struct device_info *d, cl_device_id id) {
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little = CL_FALSE;
    int major = 0, minor = 0;
    clGetDeviceInfo(id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
    clGetDeviceInfo(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
    clGetDeviceInfo(id, CL_DEVICE_ENDIAN_LITTLE, sizeof little, &little, NULL);
    if (!available) return err_set(ERR_DEVICE, "%s is not available", d->name);
    if (!compiler) return err_set(ERR_DEVICE, "%s has no compiler for kernels", d->name);
    if (!little) return err_set(ERR_DEVICE, "%s is big-endian, which is not supported", d->name);
    if (sscanf(d->version, "OpenCL %d.%d", &major, &minor) != 2 || major * 10 + minor < 12)
        return err_set(ERR_DEVICE, "%s offers %s; OpenCL 1.2 is needed", d->name, d->version);
    return OK;
}

/* By device type, unless DROPCL_FAMILY says otherwise: continuous integration runs both on a CPU.
 */
static enum err choose_family(const struct device_info *d, bool *cpu_family) {
    const char *forced = getenv("DROPCL_FAMILY");
    if (!forced || !*forced)
        *cpu_family = d->kind == DEVICE_CPU;
    else if (!strcmp(forced, "cpu") || !strcmp(forced, "gpu"))
        *cpu_family = *forced == 'c';
    else
        return err_set(ERR_USAGE, "DROPCL_FAMILY is \"%s\"; it may be cpu or gpu", forced);
    return OK;
}

/* In order: the plan is a list, and every step may rely on all before it. */
static enum err open_queue(struct ocl_device *d, cl_platform_id platform) {
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
    cl_int code;
    d->context = clCreateContext(properties, 1, &d->id, NULL, NULL, &code);
    TRY(ocl_error(&d->base, code, "making a context"));
    d->queue = clCreateCommandQueue(d->context, d->id, 0, &code);
    return ocl_error(&d->base, code, "making a command queue");
}

/* No option may allow the compiler to change a result: none of -cl-fast-relaxed-math's family, and
 * exact division and square root wherever the driver can be asked for them. */
static void set_options(struct ocl_device *d) {
    const struct device_info *i = &d->base.info;
    snprintf(d->options, sizeof d->options, "-cl-std=CL1.2 %s-DFAMILY_%s=1 ",
             i->exact_divide ? "-cl-fp32-correctly-rounded-divide-sqrt " : "",
             d->base.caps.cpu_family ? "CPU" : "GPU");
}

enum err ocl_device_open(const struct device_info *info, struct device **out) {
    cl_platform_id platform;
    cl_device_id id;
    bool cpu_family = false;
    TRY(ocl_list_find(info, &platform, &id));
    TRY(check_usable(info, id));
    TRY(choose_family(info, &cpu_family));
    struct ocl_device *d = calloc(1, sizeof *d);
    if (!d) return err_memory("a device");
    d->base.calls = &ocl_backend;
    d->base.info = *info;
    d->base.caps = (struct caps){.cpu_family = cpu_family,
                                 .max_work_group = info->max_work_group,
                                 .local_bytes = info->local_bytes,
                                 .compute_units = info->compute_units};
    d->id = id;
    cl_uint bits = 0;
    clGetDeviceInfo(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof bits, &bits, NULL);
    d->align = bits >= 8 ? bits / 8 : 1;
    set_options(d);
    enum err rc = open_queue(d, platform);
    if (rc) {
        ocl_device_close(&d->base);
        return rc;
    }
    *out = &d->base;
    return OK;
}

void ocl_device_close(struct device *base) {
    struct ocl_device *d = ocl_of(base);
    if (d->queue) clFinish(d->queue); /* a kernel may still be reading what we free */
    ocl_gemm_forget(d);
    for (size_t i = 0; i < d->nbuilds; i++) clReleaseProgram(d->builds[i].program);
    free(d->builds);
    if (d->profile) clReleaseCommandQueue(d->profile);
    if (d->queue) clReleaseCommandQueue(d->queue);
    if (d->context) clReleaseContext(d->context);
    free(d);
}

enum err ocl_device_finish(struct device *base) {
    return ocl_error(base, clFinish(ocl_of(base)->queue), "waiting for the device");
}

/* Time stamps cost something on each launch, so the ordinary queue takes none. */
enum err ocl_device_profile_queue(struct ocl_device *d, cl_command_queue *out) {
    cl_int code = CL_SUCCESS;
    if (!d->profile)
        d->profile = clCreateCommandQueue(d->context, d->id, CL_QUEUE_PROFILING_ENABLE, &code);
    *out = d->profile;
    return ocl_error(&d->base, code, "making a profiling queue");
}

const struct backend ocl_backend = {.list = ocl_list,
                                    .open = ocl_device_open,
                                    .close = ocl_device_close,
                                    .buffer_new = ocl_buffer_new,
                                    .buffer_free = ocl_buffer_free,
                                    .write = ocl_buffer_write,
                                    .read = ocl_buffer_read,
                                    .copy = ocl_buffer_copy,
                                    .program_new = ocl_prepare,
                                    .program_free = ocl_prepare_free,
                                    .launches = ocl_run_launches,
                                    .fallback = ocl_prepare_fallback,
                                    .step = ocl_run_step,
                                    .step_timed = ocl_run_timed,
                                    .mark = ocl_run_mark,
                                    .finish = ocl_device_finish,
                                    .mask = ocl_mask};
