/* Turning a plan into prepared launches: kernels built, arguments set, once. */
#include "backend/ocl_private.h"
#include "plan/op.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The memory of a value: its buffer, or a sub-buffer when it starts inside one. */
static enum err view_of(struct ocl_device *d, struct ocl_run *r, struct buffer *const *buffers,
                        int value, cl_mem *out) {
    const struct value *v = &r->base.plan->values[value];
    if (v->buffer < 0 || !buffers[v->buffer])
        return err_set(ERR_SYSTEM, "a launch uses value %s, which has no buffer", v->name);
    cl_mem parent = ocl_mem(buffers[v->buffer]);
    cl_buffer_region region = {v->offset * dtype_size(v->dtype), value_bytes(v)};
    *out = r->views[value] ? r->views[value] : parent;
    if (!region.origin || r->views[value]) return OK;
    if (region.origin % d->align)
        return err_set(ERR_SYSTEM,
                       "%s needs sub-buffers aligned to %zu bytes; value %s starts at byte %zu",
                       d->base.info.name, d->align, v->name, region.origin);
    cl_int code;
    cl_mem view =
        clCreateSubBuffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    TRY(ocl_error(&d->base, code, "making a sub-buffer of %zu bytes at %zu for value %s",
                  region.size, region.origin, v->name));
    *out = r->views[value] = view;
    return OK;
}

/* One argument; the moving ones get a first value so that a kernel is never incomplete. */
static enum err set_argument(struct ocl_device *d, struct ocl_run *r, struct buffer *const *buffers,
                             int step, const struct launch *l, int index, struct ocl_launch *out) {
    const struct arg *a = &l->args[index];
    cl_mem mem = NULL;
    cl_uint zero = 0;
    const void *data = &mem;
    size_t size = sizeof mem;
    switch (a->kind) {
    case ARG_VALUE: TRY(view_of(d, r, buffers, a->value, &mem)); break;
    case ARG_SCRATCH:
        if (!r->scratch[step])
            return err_set(ERR_SYSTEM, "kernel %s takes scratch memory, the step has none",
                           l->kernel);
        mem = ocl_mem(r->scratch[step]);
        break;
    case ARG_UINT: data = &a->as.u, size = sizeof a->as.u; break;
    case ARG_FLOAT: data = &a->as.f, size = sizeof a->as.f; break;
    case ARG_CURSOR: out->cursor_at = index, data = &zero, size = sizeof zero; break;
    case ARG_ITER: out->iter_at = index, data = &zero, size = sizeof zero; break;
    }
    return ocl_error(&d->base, clSetKernelArg(out->kernel, (cl_uint)index, size, data),
                     "setting argument %d of kernel %s", index, l->kernel);
}

/* Says what is wrong before the first launch fails with a bare code. */
static enum err check_kernel(const struct ocl_device *d, const struct launch *l, cl_kernel kernel) {
    cl_uint takes = 0;
    size_t allowed = 0, asked = 1;
    clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof takes, &takes, NULL);
    clGetKernelWorkGroupInfo(kernel, d->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof allowed, &allowed,
                             NULL);
    for (int i = 0; i < l->dims; i++) asked *= l->local[i];
    if (takes != (cl_uint)l->nargs)
        return err_set(ERR_SYSTEM, "kernel %s of %s.cl takes %u arguments, its launch gives %d",
                       l->kernel, l->files[l->nfiles - 1], takes, l->nargs);
    if (asked > allowed)
        return err_set(ERR_SYSTEM, "kernel %s of %s.cl wants groups of %zu, %s allows it %zu",
                       l->kernel, l->files[l->nfiles - 1], asked, d->base.info.name, allowed);
    return OK;
}

/* A kernel object of its own for each launch: arguments stay in it, so the loop sets next to none.
 */
static enum err prepare_kernel(struct ocl_device *d, struct ocl_run *r,
                               struct buffer *const *buffers, int step, const struct launch *l,
                               struct ocl_launch *out) {
    TRY(ocl_program_kernel(d, l->files, l->nfiles, l->defines, l->kernel, &out->kernel));
    TRY(check_kernel(d, l, out->kernel));
    for (int i = 0; i < l->nargs; i++) TRY(set_argument(d, r, buffers, step, l, i, out));
    out->dims = (cl_uint)l->dims;
    memcpy(out->global, l->global, sizeof out->global);
    memcpy(out->local, l->local, sizeof out->local);
    return OK;
}

/* The library takes offsets itself, so no sub-buffers. */
static enum err prepare_gemm(const struct ocl_run *r, struct buffer *const *buffers,
                             const struct launch *l, struct ocl_gemm *out) {
    const int values[3] = {l->gemm.a, l->gemm.b, l->gemm.c};
    out->shape = l->gemm;
    for (int i = 0; i < 3; i++) {
        const struct value *v = &r->base.plan->values[values[i]];
        if (v->buffer < 0 || !buffers[v->buffer])
            return err_set(ERR_SYSTEM, "a GEMM uses value %s, which has no buffer", v->name);
        out->mem[i] = ocl_mem(buffers[v->buffer]);
        out->offset[i] = v->offset;
    }
    return OK;
}

/* Runs a library product once, so that whatever it compiles and keeps is there before training, and
 * what it cannot do is known. Nobody has read the output yet: the step that writes it has not run.
 */
static enum err try_gemm(struct ocl_device *d, const struct ocl_gemm *g) {
    TRY(ocl_gemm_run(d, g, d->queue));
    return ocl_error(&d->base, clFinish(d->queue), "the first GEMM of m %d, n %d, k %d by CLBlast",
                     g->shape.m, g->shape.n, g->shape.k);
}

static enum err prepare_launch(struct ocl_device *d, struct ocl_run *r,
                               struct buffer *const *buffers, int step, const struct launch *l,
                               struct ocl_launch *out) {
    *out = (struct ocl_launch){.cursor_at = -1, .iter_at = -1};
    if (l->kind == LAUNCH_KERNEL) return prepare_kernel(d, r, buffers, step, l, out);
    TRY(prepare_gemm(r, buffers, l, &out->gemm));
    enum err rc = try_gemm(d, &out->gemm);
    if (rc) r->fallen[step] = true;
    return rc;
}

/* Asks the operation what to launch. Counts a launch before it is complete, so that an error
 * half-way releases its kernel too. */
static enum err prepare_launches(struct ocl_device *d, struct ocl_run *r,
                                 struct buffer *const *buffers, const struct caps *caps, int step) {
    const struct step *s = &r->base.plan->steps[step];
    struct launch_list list = {0};
    if (!s->op->launch) return err_set(ERR_SYSTEM, "operation %s has no kernels", s->op->name);
    s->op->launch(r->base.plan, s, caps, &list);
    if (list.scratch) TRY(buffer_new(&d->base, list.scratch, &r->scratch[step]));
    size_t total = (size_t)(r->nlaunches + list.count);
    struct ocl_launch *grown = realloc(r->launches, (total + 1) * sizeof *grown);
    if (!grown) return err_memory("kernel launches");
    r->launches = grown;
    for (int i = 0; i < list.count; i++)
        TRY(prepare_launch(d, r, buffers, step, &list.at[i], &r->launches[r->nlaunches++]));
    r->first[step + 1] = r->nlaunches;
    return OK;
}

static void release_launches(struct ocl_run *r, int first) {
    for (int i = first; i < r->nlaunches; i++)
        if (r->launches[i].kernel) clReleaseKernel(r->launches[i].kernel);
    r->nlaunches = first;
}

/* Where the library fails, the step is launched with our own kernels, which are always there. */
static enum err prepare_step(struct ocl_device *d, struct ocl_run *r, struct buffer *const *buffers,
                             int step) {
    struct caps caps = step_caps(r->base.plan, &r->base.plan->steps[step], &d->base.caps);
    int first = r->nlaunches;
    enum err rc = prepare_launches(d, r, buffers, &caps, step);
    if (!rc || !r->fallen[step]) return rc;
    snprintf(r->fault, sizeof r->fault, "%s", err_message());
    release_launches(r, first);
    buffer_free(r->scratch[step]);
    r->scratch[step] = NULL;
    caps.gemm_any = false;
    return prepare_launches(d, r, buffers, &caps, step);
}

const char *ocl_prepare_fallback(const struct program *base, int step) {
    const struct ocl_run *r = (const struct ocl_run *)base;
    return r->fallen[step] ? r->fault : NULL;
}

static enum err allocate(const struct plan *plan, struct ocl_run **out) {
    struct ocl_run *r = calloc(1, sizeof *r);
    *out = r;
    if (!r) return err_memory("a plan's launches");
    r->base.plan = plan;
    r->first = calloc((size_t)plan->nsteps + 1, sizeof *r->first);
    r->views = calloc((size_t)plan->nvalues + 1, sizeof *r->views);
    r->scratch = calloc((size_t)plan->nsteps + 1, sizeof(struct buffer *));
    r->fallen = calloc((size_t)plan->nsteps + 1, sizeof *r->fallen);
    return r->first && r->views && r->scratch && r->fallen ? OK : err_memory("a plan's launches");
}

enum err ocl_prepare(struct device *base, const struct plan *plan, struct buffer *const *buffers,
                     struct program **out) {
    struct ocl_run *r;
    enum err rc = allocate(plan, &r);
    for (int i = 0; i < plan->nsteps && !rc; i++) rc = prepare_step(ocl_of(base), r, buffers, i);
    if (rc) {
        if (r) ocl_prepare_free(&r->base);
        return rc;
    }
    *out = &r->base;
    return OK;
}

void ocl_prepare_free(struct program *base) {
    struct ocl_run *r = (struct ocl_run *)base;
    for (int i = 0; i < r->nmarks; i++) clReleaseEvent(r->marks[(r->oldest + i) % RING]);
    release_launches(r, 0);
    for (int i = 0; r->views && i < base->plan->nvalues; i++)
        if (r->views[i]) clReleaseMemObject(r->views[i]);
    for (int i = 0; r->scratch && i < base->plan->nsteps; i++) buffer_free(r->scratch[i]);
    free(r->fallen);
    free(r->scratch);
    free(r->views);
    free(r->first);
    free(r->launches);
    free(r);
}
