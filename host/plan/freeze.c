/* The pass of evaluation plans, where parameters do not change: first operations may write
 * themselves into their neighbours (a batch norm into the weights before it), then every step that
 * depends on parameters and running statistics alone moves to the front. In Monte-Carlo plans
 * everything else that depends on no random number follows: it is the same in every pass. */
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

/* drawn[value]: it may differ from pass to pass. */
static bool is_drawn(const struct plan *p, int i, const bool *drawn) {
    const struct step *s = &p->steps[i];
    bool any = s->draw >= 0 || repeated(p, i);
    for (int k = 0; k < s->nin; k++) any = any || drawn[s->in[k]];
    for (int k = 0; k < s->nout; k++) any = any || s->out[k] == p->ensemble;
    return any;
}

/* Moves what passes have in common before them. */
static void split_passes(struct plan *p) {
    bool *drawn = arena_alloc(p->arena, (size_t)p->nvalues * sizeof *drawn);
    if (!drawn) p->failed = true;
    if (p->failed) return;
    for (int i = 0; i < p->nsteps; i++) {
        bool is = is_drawn(p, i, drawn);
        for (int k = 0; k < p->steps[i].nout; k++) drawn[p->steps[i].out[k]] = is;
        if (!is) move_step(p, i, p->pass++);
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
    if (p->options.mode == PLAN_MC) split_passes(p);
}
