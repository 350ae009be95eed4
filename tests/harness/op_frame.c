/* The frame of a case: the batch, dense layers around what a suite is about, layers named `front`,
 * the loss, the optimizer. Each would be kernels to build for each case, in both families, and
 * suites of their own check them. So in suites that say so (op_suite.framed) the reference computes
 * them, between the steps of the device under test. */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"gather",        "dense",  "dense_dw", "dense_dx",
                                    "cross_entropy", "metric", "sgd"};
static bool framed;
static const char *spared; /* the operation that is no part of it, NULL */

void op_frame_use(bool use) {
    framed = use;
    spared = NULL;
}

void op_frame_use_around(const char *op) {
    framed = true;
    spared = op;
}

bool op_frame_has(const struct step *s) {
    bool found = !strcmp(s->name, "front");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        found = found || !strcmp(s->op->name, names[i]);
    found = found && !(spared && !strcmp(s->op->name, spared));
    return framed && found && !s->nstages;
}

static void launch_nothing(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    (void)p, (void)s, (void)caps, (void)list;
}

struct plan *op_frame_without(const struct plan *p) {
    struct plan *rest = malloc(sizeof *rest);
    struct step *steps = calloc((size_t)p->nsteps, sizeof *steps);
    struct op *ops = calloc((size_t)p->nsteps, sizeof *ops);
    ck_assert(rest && steps && ops);
    *rest = *p;
    for (int i = 0; i < p->nsteps; i++) {
        steps[i] = p->steps[i];
        ops[i] = *p->steps[i].op;
        if (op_frame_has(&p->steps[i])) {
            ops[i].launch = launch_nothing;
            ops[i].ways = NULL;
        }
        steps[i].op = &ops[i];
    }
    rest->steps = steps;
    return rest;
}

void op_frame_free(struct plan *rest) {
    if (!rest) return;
    free((void *)(uintptr_t)rest->steps[0].op);
    free(rest->steps);
    free(rest);
}

static void copy(struct op_machine *from, struct op_machine *to, int value) {
    void *data = op_machine_value(from, value);
    op_machine_put(to, value, data);
    free(data);
}

/* The outputs go both ways: an operation may update in place, or write a part. */
void op_frame_run(struct op_machine *m, int step, uint32_t cursor) {
    const struct step *s = &m->world->plan->steps[step];
    for (int k = 0; k < s->nin; k++) copy(m, m->reference, s->in[k]);
    for (int k = 0; k < s->nout; k++) copy(m, m->reference, s->out[k]);
    op_machine_run(m->reference, step, step + 1, cursor);
    for (int k = 0; k < s->nout; k++) copy(m->reference, m, s->out[k]);
}
