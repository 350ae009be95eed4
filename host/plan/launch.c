/* Filling in launches. The tables are sized for what operations need; running over one is a bug. */
#include "plan/op.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct launch *launch_new(struct launch_list *list, const char *file, const char *kernel) {
    assert(list->count < LAUNCH_MAX);
    struct launch *l = &list->at[list->count++];
    *l = (struct launch){.kernel = kernel, .nfiles = 1, .files = {file}};
    return l;
}

void launch_piece(struct launch *l, const char *file) {
    for (int i = 0; i < l->nfiles; i++)
        if (!strcmp(l->files[i], file)) return;
    assert(l->nfiles < LAUNCH_FILES);
    l->files[l->nfiles] = l->files[l->nfiles - 1];
    l->files[l->nfiles - 1] = file;
    l->nfiles++;
}

void launch_define(struct launch *l, const char *format, ...) {
    size_t used = strlen(l->defines);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(l->defines + used, sizeof l->defines - used, format, args);
    va_end(args);
    assert(more >= 0 && used + (size_t)more + 2 < sizeof l->defines);
    used += (size_t)more;
    l->defines[used] = ' ';
    l->defines[used + 1] = '\0';
}

static struct arg *push(struct launch *l, enum arg_kind kind) {
    assert(l->nargs < LAUNCH_ARGS);
    l->args[l->nargs] = (struct arg){.kind = kind, .value = -1};
    return &l->args[l->nargs++];
}

void launch_value(struct launch *l, int value) {
    push(l, ARG_VALUE)->value = value;
}

void launch_uint(struct launch *l, uint32_t u) {
    push(l, ARG_UINT)->as.u = u;
}

void launch_float(struct launch *l, float f) {
    push(l, ARG_FLOAT)->as.f = f;
}

void launch_cursor(struct launch *l) {
    push(l, ARG_CURSOR);
}

void launch_iter(struct launch *l) {
    push(l, ARG_ITER);
}

void launch_scratch(struct launch *l) {
    push(l, ARG_SCRATCH);
}

void launch_size(struct launch *l, int dims, const size_t *global, const size_t *local) {
    l->dims = dims;
    for (int i = 0; i < dims; i++) {
        l->local[i] = local[i];
        l->global[i] = (global[i] + local[i] - 1) / local[i] * local[i];
    }
}

const char *tuning_find(const struct tuning *t, const char *key) {
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->at[i].key, key)) return t->at[i].way;
    return NULL;
}

struct caps step_caps(const struct plan *p, const struct step *s, const struct caps *device) {
    struct caps caps = *device;
    struct step_ways ways;
    caps.gemm_any = p->recipe && p->recipe->train.gemm == GEMM_ANY;
    if (caps.gemm_any && s->op->ways && s->op->ways(p, s, &caps, &ways) > 1)
        caps.gemm_any = caps.tuning && tuning_find(caps.tuning, ways.key);
    return caps;
}
