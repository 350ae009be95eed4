#include "train/compare.h"
#include "base/io.h"
#include "train/difference.h"
#include "train/dump.h"
#include "train/observe.h"
#include "train/setup.h"
#include "train/tree.h"
#include "train/tune.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A GEMM that gave the portable order of summation up may differ by rounding: 1e-5 of the norm is a
 * hundred times the float's resolution and far below what a wrong kernel does. */
#define GEMM_ANY_TOLERANCE 1e-5

struct side {
    struct store store;
    struct runner runner;
    struct dump dump;
    void *data; /* scratch, as large as the largest value */
};

struct lockstep {
    const struct compare_options *options;
    struct compare_result *result;
    struct setup setup;
    struct side a, b;
    const struct plan *plan;
    void *spare;
    uint8_t *masks; /* of a sample */
    int64_t step;
    int micro;
    uint32_t cursor;
};

/* Values whose bytes can differ between the devices: not the dataset, which was uploaded to both.
 */
static bool travels(const struct plan *plan, int value) {
    return value != plan->images && value != plan->labels && value_bytes(&plan->values[value]) > 0;
}

static enum err copy_value(struct lockstep *l, int value) {
    if (!travels(l->plan, value)) return OK;
    TRY(program_read(l->a.runner.program, value, l->spare));
    return program_write(l->b.runner.program, value, l->spare);
}

static enum err dump_value(struct lockstep *l, struct side *s, int value, bool first_only) {
    int micro = l->setup.micro_batches > 1 ? l->micro : -1;
    const struct value *v = &l->plan->values[value];
    if (!l->options->dump || !travels(l->plan, value)) return OK;
    TRY(program_read(s->runner.program, value, s->data));
    return dump_add(&s->dump, v, micro, s->data, first_only);
}

/* The names of the first disagreement outlive the plan they come from. */
static void keep_first(struct compare_line *first) {
    static _Thread_local char op[64], name[NAME_MAX_LENGTH * 2], value[NAME_MAX_LENGTH * 2];
    snprintf(op, sizeof op, "%s", first->op);
    snprintf(name, sizeof name, "%s", first->name);
    snprintf(value, sizeof value, "%s", first->value);
    first->op = op;
    first->name = name;
    first->value = value;
}

static void report(struct lockstep *l, int i, int value, bool mask, const struct difference *d,
                   bool agrees) {
    const struct step *s = &l->plan->steps[i];
    struct compare_line line = {.step = l->step,
                                .micro = l->micro,
                                .plan_step = i,
                                .op = s->op->name,
                                .name = s->name,
                                .value = l->plan->values[value].name,
                                .line = s->line,
                                .mask = mask,
                                .equal = d->equal,
                                .unequal = d->unequal,
                                .max_absolute = d->max_absolute,
                                .max_relative = d->max_relative,
                                .max_ulp = d->max_ulp,
                                .agrees = agrees};
    struct compare_result *r = l->result;
    shape_text(&l->plan->values[value].shape, line.shape);
    r->equal += d->equal;
    r->unequal += d->unequal;
    if (mask) r->masks += d->equal + d->unequal;
    if (!agrees && !r->first.op) {
        r->first = line;
        keep_first(&r->first);
    }
    if (l->options->report) l->options->report(&line, l->options->user);
}

/* ---- masks: the step's inputs as they are, and as they make a mask visible ---- */

struct sight {
    void *own[STEP_IN], *shown[STEP_IN];
};

static struct cpu_run run_of(const struct lockstep *l, void *const *data) {
    const struct runner *r = &l->a.runner;
    return (struct cpu_run){.plan = l->plan,
                            .data = data,
                            .control = r->rows + (size_t)l->cursor * (size_t)r->words,
                            .cursor = l->cursor};
}

static void free_sight(struct sight *sight) {
    for (int k = 0; k < STEP_IN; k++) {
        free(sight->own[k]);
        free(sight->shown[k]);
    }
}

/* All are read before the first is replaced: a step may have a value twice. */
static enum err read_inputs(struct lockstep *l, const struct step *s, struct sight *sight) {
    const struct cpu_run run = run_of(l, NULL);
    for (int k = 0; k < s->nin; k++) {
        size_t bytes = value_bytes(&l->plan->values[s->in[k]]);
        sight->own[k] = malloc(bytes);
        sight->shown[k] = malloc(bytes);
        if (!sight->own[k] || !sight->shown[k]) return err_memory("an observed mask");
        TRY(program_read(l->a.runner.program, s->in[k], sight->own[k]));
        memcpy(sight->shown[k], sight->own[k], bytes);
        observe_input(&run, s, k, sight->shown[k]);
    }
    return OK;
}

static enum err write_inputs(struct lockstep *l, const struct step *s, void *const *data) {
    for (int k = 0; k < s->nin; k++) {
        TRY(program_write(l->a.runner.program, s->in[k], data[k]));
        TRY(program_write(l->b.runner.program, s->in[k], data[k]));
    }
    return OK;
}

/* What the host expects of the step, into l->spare. */
static enum err expect(struct lockstep *l, const struct step *s, const struct sight *sight) {
    void **data = calloc((size_t)l->plan->nvalues, sizeof *data);
    if (!data) return err_memory("an observed mask");
    for (int k = 0; k < s->nin; k++) data[s->in[k]] = sight->shown[k];
    data[s->out[0]] = l->spare;
    const struct cpu_run run = run_of(l, data);
    observe_expect(&run, s, l->masks);
    free(data);
    return OK;
}

/* Both devices against each other and against the host. */
static void judge_mask(struct lockstep *l, int i) {
    const int out = l->plan->steps[i].out[0];
    size_t n = shape_elements(&l->plan->values[out].shape);
    const real *a = l->a.data, *b = l->b.data, *expected = l->spare;
    struct difference d = difference_of(DTYPE_F32, a, b, n);
    d.equal = 0;
    for (size_t e = 0; e < n; e++)
        d.equal += !memcmp(&a[e], &b[e], sizeof *a) && !memcmp(&a[e], &expected[e], sizeof *a);
    d.unequal = n - d.equal;
    report(l, i, out, true, &d, d.unequal == 0);
}

static enum err run_both(struct lockstep *l, int first, int last) {
    TRY(program_run(l->a.runner.program, first, last, l->cursor));
    return program_run(l->b.runner.program, first, last, l->cursor);
}

static enum err read_both(struct lockstep *l, int value) {
    TRY(program_read(l->a.runner.program, value, l->a.data));
    return program_read(l->b.runner.program, value, l->b.data);
}

/* Before the real run, which then overwrites the observed outputs. */
static enum err compare_mask(struct lockstep *l, int i) {
    const struct step *s = &l->plan->steps[i];
    struct sight sight = {{NULL}, {NULL}};
    if (!observe_draws(s)) return OK;
    enum err rc = read_inputs(l, s, &sight);
    if (!rc) rc = write_inputs(l, s, sight.shown);
    if (!rc) rc = run_both(l, i, i + 1);
    if (!rc) rc = read_both(l, s->out[0]);
    if (!rc) rc = expect(l, s, &sight);
    if (!rc) judge_mask(l, i);
    if (!rc) rc = write_inputs(l, s, sight.own);
    free_sight(&sight);
    return rc;
}

static bool may_differ(const struct lockstep *l, const struct step *s, const struct difference *d) {
    return s->op->any_order && l->setup.recipe->train.gemm == GEMM_ANY &&
           d->norm <= GEMM_ANY_TOLERANCE;
}

static enum err give_inputs(struct lockstep *l, const struct step *s) {
    for (int k = 0; k < s->nin; k++) {
        enum role role = l->plan->values[s->in[k]].role;
        TRY(copy_value(l, s->in[k]));
        if (role != ROLE_PARAM && role != ROLE_GRAD) continue;
        TRY(dump_value(l, &l->a, s->in[k], true));
        TRY(dump_value(l, &l->b, s->in[k], true));
    }
    return OK;
}

static enum err compare_outputs(struct lockstep *l, int i) {
    const struct step *s = &l->plan->steps[i];
    for (int k = 0; k < s->nout; k++) {
        const struct value *v = &l->plan->values[s->out[k]];
        if (!value_bytes(v)) continue;
        TRY(read_both(l, s->out[k]));
        struct difference d =
            difference_of(v->dtype, l->a.data, l->b.data, shape_elements(&v->shape));
        report(l, i, s->out[k], false, &d, !d.unequal || may_differ(l, s, &d));
        TRY(dump_value(l, &l->a, s->out[k], false));
        TRY(dump_value(l, &l->b, s->out[k], false));
    }
    return OK;
}

/* One step, or one whole repeat range: its rounds depend on each other. */
static enum err compare_unit(struct lockstep *l, int first, int last) {
    TRY(copy_value(l, l->plan->control));
    for (int i = first; i < last; i++) TRY(give_inputs(l, &l->plan->steps[i]));
    if (last == first + 1) TRY(compare_mask(l, first));
    TRY(run_both(l, first, last));
    for (int i = first; i < last; i++) TRY(compare_outputs(l, i));
    return OK;
}

static enum err compare_range(struct lockstep *l, int first, int last) {
    for (int i = first, next; i < last; i = next) {
        next = i + 1;
        for (int r = 0; r < l->plan->nrepeats; r++)
            if (l->plan->repeats[r].first == i) next = l->plan->repeats[r].last;
        TRY(compare_unit(l, i, next));
    }
    return OK;
}

static enum err compare_combine(struct lockstep *l) {
    int count = l->setup.micro_batches;
    if (count == 1) return OK;
    struct tree_moves moves = tree_after(l->micro, count);
    int fold = l->plan->combine, keep = fold + l->plan->partial_levels + moves.keep;
    for (int k = 0; k < moves.nfold; k++)
        TRY(compare_unit(l, fold + moves.fold[k], fold + moves.fold[k] + 1));
    return moves.keep < 0 ? OK : compare_unit(l, keep, keep + 1);
}

static enum err write_dumps(struct lockstep *l) {
    if (!l->options->dump) return OK;
    TRY(dump_write(&l->a.dump, l->options->dump, l->step, "a"));
    TRY(dump_write(&l->b.dump, l->options->dump, l->step, "b"));
    dump_clear(&l->a.dump);
    dump_clear(&l->b.dump);
    return OK;
}

static enum err compare_optimizer_step(struct lockstep *l, uint32_t cursor) {
    int count = l->setup.micro_batches;
    for (l->micro = 0; l->micro < count; l->micro++) {
        l->cursor = cursor + (uint32_t)l->micro;
        TRY(compare_range(l, 0, l->plan->combine));
        TRY(compare_combine(l));
    }
    l->micro = count - 1;
    TRY(compare_range(l, l->plan->update, l->plan->nsteps));
    return write_dumps(l);
}

static enum err compare_epochs(struct lockstep *l, int64_t steps) {
    struct setup *s = &l->setup;
    for (int64_t epoch = 0; l->step < steps; epoch++) {
        int64_t left = steps - l->step, n = left < s->per_epoch ? left : s->per_epoch;
        TRY(setup_epoch(s, &l->a.runner, epoch, n));
        TRY(setup_epoch(s, &l->b.runner, epoch, n));
        for (int64_t i = 0; i < n; i++, l->step++)
            TRY(compare_optimizer_step(l, (uint32_t)(i * s->micro_batches)));
    }
    return OK;
}

static enum err open_side(const struct setup *setup, struct device *device, struct side *s) {
    struct plan *plan = NULL;
    /* the kernels that training uses */
    TRY(tune_recall(device, setup->recipe, setup->batch / setup->micro_batches));
    TRY(setup_plan(setup, &plan));
    enum err rc = setup_store(setup, device, plan, &s->store);
    if (rc) {
        plan_free(plan);
        return rc;
    }
    return runner_new(&s->runner, &s->store, plan);
}

static void close_side(struct side *s) {
    runner_free(&s->runner);
    store_free(&s->store);
    dump_clear(&s->dump);
    free(s->data);
}

static enum err open_lockstep(struct lockstep *l, struct device *a, struct device *b,
                              const struct recipe *recipe) {
    const struct compare_options *o = l->options;
    TRY(setup_new(&l->setup, recipe, o->data, o->init, NULL));
    TRY(open_side(&l->setup, a, &l->a));
    TRY(open_side(&l->setup, b, &l->b));
    l->plan = l->a.runner.plan;
    size_t largest = 1;
    for (int i = 0; i < l->plan->nvalues; i++) {
        size_t bytes = value_bytes(&l->plan->values[i]);
        if (travels(l->plan, i) && bytes > largest) largest = bytes;
    }
    l->a.data = malloc(largest);
    l->b.data = malloc(largest);
    l->spare = malloc(largest);
    l->masks = malloc(largest); /* a number has four bytes, a decision one */
    if (!l->a.data || !l->b.data || !l->spare || !l->masks) return err_memory("a comparison");
    return o->dump ? io_make_folder(o->dump) : OK;
}

static enum err judge(const struct compare_result *r) {
    const struct compare_line *f = &r->first;
    if (!f->op) return OK;
    return err_set(
        ERR_NO,
        "the devices first disagree at optimizer step %lld, micro-batch %d, plan step %d: %s of %s "
        "(line %d of the recipe), %s %s %s: %zu of %zu differ",
        (long long)f->step, f->micro, f->plan_step, f->op, f->name, f->line,
        f->mask ? "the mask of" : "value", f->value, f->shape, f->unequal, f->equal + f->unequal);
}

enum err compare_run(struct device *a, struct device *b, const struct recipe *recipe,
                     const struct compare_options *options, struct compare_result *result) {
    struct lockstep l = {.options = options, .result = result};
    *result = (struct compare_result){0};
    enum err rc = open_lockstep(&l, a, b, recipe);
    int64_t steps = options->steps < l.setup.run_steps ? options->steps : l.setup.run_steps;
    if (!rc) rc = compare_epochs(&l, steps);
    result->steps = l.step;
    close_side(&l.a);
    close_side(&l.b);
    setup_free(&l.setup);
    free(l.spare);
    free(l.masks);
    return rc ? rc : judge(result);
}
