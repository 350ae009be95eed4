/* The pass of evaluation plans, where parameters do not change: first operations may write
 * themselves into their neighbours (a batch norm into the weights before it), then every step that
 * depends on parameters and running statistics alone moves to the front. */
#include "base/arena.h"
#include "plan/passes.h"
#include <string.h>

static bool repeated(const struct plan *p, int i) {
    for (int r = 0; r < p->nrepeats; r++)
        if (i >= p->repeats[r].first && i < p->repeats[r].last) return true;
    return false;
}

/* fixed[value]: a step at the front writes it. */
static bool is_fixed(const struct plan *p, int i, const bool *fixed) {
    const struct step *s = &p->steps[i];
    for (int k = 0; k < s->nin; k++) {
        enum role role = p->values[s->in[k]].role;
        if (role != ROLE_PARAM && role != ROLE_STATE && !fixed[s->in[k]]) return false;
    }
    return s->nin && !repeated(p, i);
}

static void move_step(struct plan *p, int from, int to) {
    struct step moved = p->steps[from];
    memmove(p->steps + to + 1, p->steps + to, (size_t)(from - to) * sizeof *p->steps);
    p->steps[to] = moved;
    for (int r = 0; r < p->nrepeats; r++) {
        if (p->repeats[r].first < to || p->repeats[r].first > from) continue;
        p->repeats[r].first++;
        p->repeats[r].last++;
    }
}

void freeze_steps(struct plan *p) {
    for (int i = 0; i < p->nsteps && !p->options.no_fuse; i++)
        if (p->steps[i].op->freeze && p->steps[i].op->freeze(p, i)) i--;
    bool *fixed = arena_alloc(p->arena, (size_t)p->nvalues * sizeof *fixed);
    if (!fixed) p->failed = true;
    if (p->failed) return;
    int front = 0;
    for (int i = 0; i < p->nsteps; i++) {
        if (!is_fixed(p, i, fixed)) continue;
        for (int k = 0; k < p->steps[i].nout; k++) fixed[p->steps[i].out[k]] = true;
        move_step(p, i, front++);
    }
}
