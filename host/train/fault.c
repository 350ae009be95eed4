#include "train/fault.h"
#include "plan/op.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Sets *bad to the count of numbers that are not finite. */
static enum err count_bad(struct runner *r, int value, size_t *bad) {
    const struct value *v = &r->plan->values[value];
    *bad = 0;
    if (v->dtype != DTYPE_F32 || v->buffer < 0) return OK;
    size_t n = shape_elements(&v->shape);
    real *data = malloc(n * sizeof *data + 1);
    enum err rc = data ? program_read(r->program, value, data) : err_memory(v->name);
    for (size_t i = 0; !rc && i < n; i++) *bad += isfinite(data[i]) ? 0 : 1;
    free(data);
    return rc;
}

static enum err name_tensor(const struct plan *plan, int value, size_t bad, const char *when,
                            const char *where) {
    const struct value *v = &plan->values[value];
    char shape[64];
    return err_set(
        ERR_NUMERIC,
        "the loss is not finite at %s; the first bad tensor is %s %s, %s: %zu of its %zu "
        "numbers are not finite",
        when, v->name, shape_text(&v->shape, shape), where, bad, shape_elements(&v->shape));
}

static enum err check_params(struct runner *r, const char *when) {
    for (int i = 0; i < r->plan->nparams; i++) {
        size_t bad;
        int value = r->plan->params[i].value;
        TRY(count_bad(r, value, &bad));
        if (bad)
            return name_tensor(r->plan, value, bad, when, "a parameter, already before this step");
    }
    return OK;
}

static enum err check_step(struct runner *r, int i, const char *when) {
    const struct step *s = &r->plan->steps[i];
    for (int k = 0; k < s->nout; k++) {
        size_t bad;
        TRY(count_bad(r, s->out[k], &bad));
        if (!bad) continue;
        char where[160];
        snprintf(where, sizeof where, "written by %s (%s, line %d of the recipe)", s->op->name,
                 s->name, s->line);
        return name_tensor(r->plan, s->out[k], bad, when, where);
    }
    return OK;
}

enum err fault_explain(struct runner *r, uint32_t row, const char *when) {
    TRY(check_params(r, when));
    for (int i = 0; i < r->plan->combine; i++) {
        TRY(program_run(r->program, i, i + 1, row));
        TRY(check_step(r, i, when));
    }
    return err_set(ERR_NUMERIC,
                   "the loss is not finite at %s, though every tensor it was made from is", when);
}
