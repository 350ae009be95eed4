/* One row for each step of the training plan. */
#include "train/bench_private.h"
#include <stdlib.h>

enum { ROUNDS = 60 };

static void add_range(const struct world *w, int first, int last, double times,
                      struct bench_row *row) {
    const struct plan *p = w->runner.plan;
    for (int i = first; i < last; i++) {
        struct cost c = step_cost(p, &p->steps[i]);
        row->flops += times * c.flops;
        row->bytes += times * c.bytes;
        row->launches += (int)times * program_launches(w->runner.program, i);
    }
}

void bench_step_cost(const struct world *w, struct bench_row *row) {
    const struct plan *p = w->runner.plan;
    row->flops = row->bytes = 0;
    row->launches = 0;
    add_range(w, 0, p->combine, w->setup.micro_batches, row);
    add_range(w, p->update, p->nsteps, 1, row);
}

static void report(const struct world *w, const struct bench_options *o, int i, double *seconds,
                   int rounds) {
    const struct plan *p = w->runner.plan;
    const struct step *s = &p->steps[i];
    char title[96];
    step_title(s, title, sizeof title);
    struct bench_row row = bench_row("step", title, s->name);
    if (s->nout) shape_text(&p->values[s->out[0]].shape, row.shape);
    row.seconds = bench_median(seconds, rounds);
    row.best = seconds[0];
    struct cost c = step_cost(p, s);
    row.flops = c.flops;
    row.bytes = c.bytes;
    row.launches = program_launches(w->runner.program, i);
    o->report(&row, o->user);
}

/* Whole optimizer steps, so that each launch finds the caches as it does in training. The combine
 * range is left out where there is one micro-batch: it never runs. */
static enum err profile(struct world *w, int rounds, double *all) {
    const struct plan *p = w->runner.plan;
    struct program *program = w->runner.program;
    size_t n = (size_t)p->nsteps;
    for (int r = -1; r < rounds; r++) { /* the first round is not counted */
        double *seconds = all + (size_t)(r < 0 ? 0 : r) * n;
        int64_t step = w->step++ % w->setup.per_epoch;
        uint32_t cursor = (uint32_t)(step * w->setup.micro_batches);
        int last = w->setup.micro_batches > 1 ? p->update : p->combine;
        TRY(program_profile(program, 0, last, cursor, seconds));
        TRY(program_profile(program, p->update, p->nsteps, cursor, seconds));
    }
    return OK;
}

enum err bench_steps(struct world *w, const struct bench_options *o) {
    const struct plan *p = w->runner.plan;
    int rounds = o->steps && o->steps < ROUNDS ? (int)o->steps : ROUNDS;
    size_t n = (size_t)p->nsteps;
    double *all = calloc((size_t)rounds * n, sizeof *all);
    double *one = calloc((size_t)rounds, sizeof *one);
    enum err rc = all && one ? profile(w, rounds, all) : err_memory("a profile");
    for (int i = 0; i < p->nsteps && !rc; i++) {
        if (w->setup.micro_batches == 1 && i >= p->combine && i < p->update) continue;
        for (int r = 0; r < rounds; r++) one[r] = all[(size_t)r * n + (size_t)i];
        report(w, o, i, one, rounds);
    }
    free(one);
    free(all);
    return rc;
}
