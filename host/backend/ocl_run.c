/* The loop over prepared launches. Only the cursor and the iteration change between calls. */
#include "backend/ocl_private.h"
#include "base/clock.h"
#include "plan/op.h"

int ocl_run_launches(const struct program *base, int step) {
    const struct ocl_run *r = (const struct ocl_run *)base;
    return r->first[step + 1] - r->first[step];
}

static cl_int set_uint(cl_kernel kernel, int index, cl_uint value) {
    return index < 0 ? CL_SUCCESS : clSetKernelArg(kernel, (cl_uint)index, sizeof value, &value);
}

/* OpenCL copies arguments when a launch is queued, so the next call may change them at once. */
static enum err enqueue(struct ocl_run *r, int step, const struct ocl_launch *l, uint32_t cursor,
                        int iter, cl_command_queue queue, cl_event *event) {
    cl_int code = set_uint(l->kernel, l->cursor_at, cursor);
    if (!code) code = set_uint(l->kernel, l->iter_at, (cl_uint)iter);
    if (!code)
        code = clEnqueueNDRangeKernel(queue, l->kernel, l->dims, NULL, l->global,
                                      l->local[0] ? l->local : NULL, 0, NULL, event);
    if (!code) return OK;
    const struct step *s = &r->base.plan->steps[step];
    return ocl_error(r->base.device, code, "launching step %d (%s of %s)", step, s->op->name,
                     s->name ? s->name : "?");
}

enum err ocl_run_step(struct program *base, int step, uint32_t cursor, int iter) {
    struct ocl_run *r = (struct ocl_run *)base;
    struct ocl_device *d = ocl_of(base->device);
    for (int i = r->first[step]; i < r->first[step + 1]; i++) {
        const struct ocl_launch *l = &r->launches[i];
        if (l->kernel)
            TRY(enqueue(r, step, l, cursor, iter, d->queue, NULL));
        else
            TRY(ocl_gemm_run(d, &l->gemm, d->queue));
    }
    return OK;
}

/* A library call is several kernels of which it reports none for sure: timed on the host. */
static enum err time_gemm(struct ocl_device *d, const struct ocl_gemm *g, cl_command_queue queue,
                          double *seconds) {
    double start = clock_seconds();
    TRY(ocl_gemm_run(d, g, queue));
    TRY(ocl_error(&d->base, clFinish(queue), "waiting for a GEMM"));
    *seconds += clock_seconds() - start;
    return OK;
}

/* Device time from start to end: launch latency, which overlaps in a real run, is left out. */
static enum err add_event(struct ocl_device *d, cl_event event, double *seconds) {
    cl_ulong start = 0, end = 0;
    cl_int code = clWaitForEvents(1, &event);
    if (!code)
        code =
            clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
    if (!code)
        code = clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    clReleaseEvent(event);
    if (!code && end > start) *seconds += 1e-9 * (double)(end - start);
    return ocl_error(&d->base, code, "timing a launch");
}

enum err ocl_run_timed(struct program *base, int step, uint32_t cursor, int iter, double *seconds) {
    struct ocl_run *r = (struct ocl_run *)base;
    struct ocl_device *d = ocl_of(base->device);
    cl_command_queue queue;
    TRY(ocl_device_profile_queue(d, &queue));
    for (int i = r->first[step]; i < r->first[step + 1]; i++) {
        const struct ocl_launch *l = &r->launches[i];
        if (!l->kernel) {
            TRY(time_gemm(d, &l->gemm, queue, seconds));
            continue;
        }
        cl_event event;
        TRY(enqueue(r, step, l, cursor, iter, queue, &event));
        TRY(add_event(d, event, seconds));
    }
    return OK;
}

static enum err wait_oldest(struct ocl_run *r) {
    cl_event event = r->marks[r->oldest];
    r->oldest = (r->oldest + 1) % RING;
    r->nmarks--;
    cl_int code = clWaitForEvents(1, &event);
    clReleaseEvent(event);
    return ocl_error(r->base.device, code, "waiting for the device");
}

/* The marks are a ring, the oldest is waited for: the queue stays short without ever running dry.
 * One mark for every quarter of `ahead`: on a CPU device, waking this thread takes a core from the
 * kernels. A flush each time, or a driver might sit on the queue until somebody waits. */
enum err ocl_run_mark(struct program *base, int ahead) {
    struct ocl_run *r = (struct ocl_run *)base;
    struct ocl_device *d = ocl_of(base->device);
    int stride = ahead < 4 ? 1 : ahead / 4;
    if (++r->unmarked >= stride) {
        while (r->nmarks >= RING) TRY(wait_oldest(r));
        cl_event event;
        cl_int code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &event);
        TRY(ocl_error(&d->base, code, "marking a step"));
        r->marks[(r->oldest + r->nmarks++) % RING] = event;
        r->unmarked = 0;
    }
    TRY(ocl_error(&d->base, clFlush(d->queue), "starting the queued steps"));
    while (r->nmarks * stride + r->unmarked > ahead && r->nmarks > 0) TRY(wait_oldest(r));
    return OK;
}
