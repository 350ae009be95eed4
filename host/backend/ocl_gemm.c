/* GEMM by a library, for recipes that give portable bits up (gemm: any). */
#include "backend/ocl_private.h"
#include <clblast_c.h>

#define NAME(status)                                                                               \
    { status, #status }

/* What is the library's own; the others are OpenCL's codes. */
static const struct {
    CLBlastStatusCode code;
    const char *name;
} statuses[] = {
    NAME(CLBlastNotImplemented),       NAME(CLBlastInvalidMatrixA),
    NAME(CLBlastInvalidMatrixB),       NAME(CLBlastInvalidMatrixC),
    NAME(CLBlastInvalidDimension),     NAME(CLBlastInvalidLeadDimA),
    NAME(CLBlastInvalidLeadDimB),      NAME(CLBlastInvalidLeadDimC),
    NAME(CLBlastInsufficientMemoryA),  NAME(CLBlastInsufficientMemoryB),
    NAME(CLBlastInsufficientMemoryC),  NAME(CLBlastInsufficientMemoryTemp),
    NAME(CLBlastInvalidLocalMemUsage), NAME(CLBlastDatabaseError),
    NAME(CLBlastUnknownError),         NAME(CLBlastUnexpectedError),
};

static const char *status_name(CLBlastStatusCode status) {
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].code == status) return statuses[i].name;
    return ocl_error_name((cl_int)status);
}

static CLBlastTranspose transpose_of(bool transposed) {
    return transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* Row-major leading dimensions: the length of a stored row. beta 0 overwrites, whatever C held. */
enum err ocl_gemm_run(struct ocl_device *d, const struct ocl_gemm *g, cl_command_queue queue) {
    const struct launch_gemm *s = &g->shape;
    size_t m = (size_t)s->m, n = (size_t)s->n, k = (size_t)s->k;
    d->used_gemm = true;
    CLBlastStatusCode status = CLBlastSgemm(
        CLBlastLayoutRowMajor, transpose_of(s->a_transposed), transpose_of(s->b_transposed), m, n,
        k, 1.0f, g->mem[0], g->offset[0], s->a_transposed ? m : k, g->mem[1], g->offset[1],
        s->b_transposed ? k : n, 0.0f, g->mem[2], g->offset[2], n, &queue, NULL);
    if (status == CLBlastSuccess) return OK;
    return err_set(ERR_SYSTEM,
                   "CLBlast's GEMM of m %d, n %d, k %d failed on %s with status %d (%s)", s->m,
                   s->n, s->k, d->base.info.name, (int)status, status_name(status));
}

/* Its cache is keyed by context: another context at the same address would find dead programs. */
void ocl_gemm_forget(struct ocl_device *d) {
    if (d->used_gemm) CLBlastClearCache();
}
