/* The OpenCL devices of all platforms and what they say about themselves. */
#include "backend/ocl_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLATFORM_NOT_FOUND = -1001 }; /* no driver is installed: an empty list, not an error */

static size_t size_info(cl_device_id id, cl_device_info what) {
    size_t value = 0;
    clGetDeviceInfo(id, what, sizeof value, &value, NULL);
    return value;
}

static size_t ulong_info(cl_device_id id, cl_device_info what) {
    cl_ulong value = 0;
    clGetDeviceInfo(id, what, sizeof value, &value, NULL);
    return (size_t)value;
}

static void text_info(cl_device_id id, cl_device_info what, char *out, size_t size) {
    char text[1024] = "";
    if (clGetDeviceInfo(id, what, sizeof text, text, NULL)) snprintf(text, sizeof text, "?");
    const char *start = text + strspn(text, " "); /* some drivers pad their names */
    snprintf(out, size, "%s", start);
    for (size_t n = strlen(out); n && out[n - 1] == ' '; n--) out[n - 1] = '\0';
}

/* Simulators claim to be of several types at once: they are neither the CPU nor the GPU one means.
 */
static enum device_kind kind_of(cl_device_type type) {
    type &= ~(cl_device_type)CL_DEVICE_TYPE_DEFAULT;
    if (type == CL_DEVICE_TYPE_GPU) return DEVICE_GPU;
    return type == CL_DEVICE_TYPE_CPU ? DEVICE_CPU : DEVICE_OTHER;
}

/* Portable bits are claimed only where the driver promises what they need. Nothing is tested here:
 * Oclgrind promises neither fma nor exact division and yet computes the same bits, and `compare`
 * shows it; a few trial values would prove less than that. */
static void float_info(cl_device_id id, struct device_info *d) {
    cl_device_fp_config single = 0, twice = 0;
    clGetDeviceInfo(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof single, &single, NULL);
    clGetDeviceInfo(id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof twice, &twice, NULL);
    d->fma = single & CL_FP_FMA;
    d->denormals = single & CL_FP_DENORM;
    d->exact_divide = single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    d->fp64 = twice != 0;
    d->portable = d->fma && d->denormals && d->exact_divide;
}

static void describe(cl_platform_id platform, cl_device_id id, struct device_info *d) {
    cl_device_type type = 0;
    cl_uint units = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof d->platform, d->platform, NULL))
        snprintf(d->platform, sizeof d->platform, "?");
    text_info(id, CL_DEVICE_NAME, d->name, sizeof d->name);
    text_info(id, CL_DRIVER_VERSION, d->driver, sizeof d->driver);
    text_info(id, CL_DEVICE_VERSION, d->version, sizeof d->version);
    d->kind = kind_of(type);
    d->compute_units = (int)units;
    d->global_bytes = ulong_info(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    d->max_alloc_bytes = ulong_info(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    d->local_bytes = ulong_info(id, CL_DEVICE_LOCAL_MEM_SIZE);
    d->max_work_group = size_info(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    float_info(id, d);
}

/* malloc'ed; *count 0 and *out NULL where there is no driver. */
static enum err all_platforms(cl_platform_id **out, cl_uint *count) {
    *out = NULL;
    *count = 0;
    cl_int code = clGetPlatformIDs(0, NULL, count);
    if (code == PLATFORM_NOT_FOUND || (!code && !*count)) {
        *count = 0;
        return OK;
    }
    if (!code) {
        *out = malloc(*count * sizeof **out);
        if (!*out) return err_memory("the list of OpenCL platforms");
        code = clGetPlatformIDs(*count, *out, NULL);
    }
    if (!code) return OK;
    free(*out);
    *out = NULL;
    return err_set(ERR_SYSTEM, "OpenCL platforms cannot be listed: %s (%d)", ocl_error_name(code),
                   (int)code);
}

/* A platform that fails has no devices for us; the others are still of use. */
static enum err all_devices(cl_platform_id platform, cl_device_id **out, cl_uint *count) {
    *out = NULL;
    *count = 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, count) || !*count) {
        *count = 0;
        return OK;
    }
    *out = malloc(*count * sizeof **out);
    if (!*out) return err_memory("the list of OpenCL devices");
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, *count, *out, NULL)) *count = 0;
    return OK;
}

static enum err add_platform(cl_platform_id platform, int index, struct device_info **list,
                             int *n) {
    cl_device_id *ids;
    cl_uint count;
    TRY(all_devices(platform, &ids, &count));
    enum err rc = OK;
    if (count) {
        struct device_info *grown = realloc(*list, ((size_t)*n + count) * sizeof **list);
        if (grown)
            *list = grown;
        else
            rc = err_memory("the list of devices");
    }
    for (cl_uint i = 0; i < count && !rc; i++) {
        struct device_info *d = &(*list)[(*n)++];
        *d = (struct device_info){.platform_index = index, .device_index = (int)i};
        describe(platform, ids[i], d);
    }
    free(ids);
    return rc;
}

enum err ocl_list(struct device_info **out, int *count) {
    cl_platform_id *platforms;
    cl_uint n;
    struct device_info *list = NULL;
    int found = 0;
    TRY(all_platforms(&platforms, &n));
    enum err rc = OK;
    for (cl_uint p = 0; p < n && !rc; p++) rc = add_platform(platforms[p], (int)p, &list, &found);
    free(platforms);
    if (rc) {
        free(list);
        return rc;
    }
    *out = list;
    *count = found;
    return OK;
}

enum err ocl_list_find(const struct device_info *info, cl_platform_id *platform, cl_device_id *id) {
    cl_platform_id *platforms;
    cl_device_id *ids = NULL;
    cl_uint nplatforms, nids = 0;
    TRY(all_platforms(&platforms, &nplatforms));
    enum err rc = OK;
    if (info->platform_index >= 0 && (cl_uint)info->platform_index < nplatforms) {
        *platform = platforms[info->platform_index];
        rc = all_devices(*platform, &ids, &nids);
    }
    if (!rc && (info->device_index < 0 || (cl_uint)info->device_index >= nids))
        rc = err_set(ERR_DEVICE, "device %d:%d (%s) is not there any more", info->platform_index,
                     info->device_index, info->name);
    if (!rc) *id = ids[info->device_index];
    free(ids);
    free(platforms);
    return rc;
}
