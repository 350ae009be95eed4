/* A recipe from the start of the process to its rates. */
#include "base/clock.h"
#include "train/bench_private.h"
#include "train/tune.h"
#include <math.h>

/* What happens between the start of the process and the end of the first training step, in the
 * order in which training does it. */
enum phase { PROCESS, DEVICE, DATA, UPLOAD, TUNING, TRAINING, EVALUATION, EPOCH, FIRST, PHASES };

static const char *const phase_names[PHASES] = {
    [PROCESS] = "process and recipe",
    [DEVICE] = "device open",
    [DATA] = "data",
    [UPLOAD] = "upload",
    [TUNING] = "tuning",
    [TRAINING] = "training kernels",
    [EVALUATION] = "evaluation kernels",
    [EPOCH] = "order and control",
    [FIRST] = "first step",
};

struct start {
    double seconds[PHASES], at;
};

static void lap(struct start *s, enum phase phase) {
    double now = clock_seconds();
    s->seconds[phase] = now - s->at;
    s->at = now;
}

static enum err open_world(const char *spec, const struct recipe *recipe,
                           const struct bench_options *o, struct start *s, struct device **device,
                           struct world *w) {
    struct device_info info;
    TRY(device_find(spec, &info));
    TRY(device_open(&info, device));
    lap(s, DEVICE);
    TRY(world_data(w, recipe, o, 0));
    lap(s, DATA);
    TRY(world_store(w, *device));
    lap(s, UPLOAD);
    TRY(tune_device(*device, recipe, w->setup.batch / w->setup.micro_batches, o->tune, NULL, NULL));
    lap(s, TUNING);
    TRY(world_programs(w));
    lap(s, TRAINING);
    TRY(world_evaluator(w));
    lap(s, EVALUATION);
    TRY(setup_epoch(&w->setup, &w->runner, 0, w->setup.per_epoch));
    lap(s, EPOCH);
    TRY(world_steps(w, 1));
    lap(s, FIRST);
    return OK;
}

static void report_start(const struct start *s, const struct bench_options *o) {
    struct bench_row total = bench_row("start", "total", NULL);
    total.seconds = 0;
    for (int i = 0; i < PHASES; i++) {
        struct bench_row row = bench_row("start", phase_names[i], NULL);
        row.seconds = s->seconds[i];
        total.seconds += row.seconds;
        o->report(&row, o->user);
    }
    o->report(&total, o->user);
}

static enum err measure_training(struct world *w, const struct bench_options *o,
                                 struct bench_summary *out) {
    struct bench_row row = bench_row("train", "optimizer step", NULL);
    row.samples = w->setup.batch;
    bench_step_cost(w, &row);
    TRY(bench_measure(o, world_steps, w, &row));
    o->report(&row, o->user);
    out->train = row.samples / row.seconds;
    out->launches = row.launches;
    struct bench_row epoch = bench_row("train", "order and control of an epoch", NULL);
    double start = clock_seconds();
    TRY(setup_epoch(&w->setup, &w->runner, 1, w->setup.per_epoch));
    epoch.seconds = clock_seconds() - start;
    o->report(&epoch, o->user);
    return OK;
}

static enum err measure_inference(struct world *w, const struct bench_options *o,
                                  struct bench_summary *out) {
    struct bench_row row = bench_row("infer", "pass over the test rows", NULL);
    const struct plan *p = w->test.runner.plan;
    if (!w->test.rows) return OK;
    row.samples = (double)w->test.rows;
    row.launches = 0;
    row.flops = row.bytes = 0;
    for (int i = 0; i < p->nsteps; i++) {
        struct cost c = step_cost(p, &p->steps[i]);
        row.flops += c.flops * (double)w->test.batches;
        row.bytes += c.bytes * (double)w->test.batches;
        row.launches += program_launches(w->test.runner.program, i) * (int)w->test.batches;
    }
    TRY(bench_measure(o, world_passes, w, &row));
    o->report(&row, o->user);
    out->infer = row.samples / row.seconds;
    return OK;
}

/* A loss that is not finite switches the optimizer off: the rates would be too good. */
static enum err check_finite(struct world *w) {
    struct tally t;
    TRY(runner_tally(&w->runner, (size_t)(w->setup.per_epoch * w->setup.micro_batches), &t));
    if (t.bad_row < 0) return OK;
    return err_set(ERR_NUMERIC, "the loss stopped being finite while training was measured");
}

static enum err measure(struct world *w, const struct bench_options *o, int parts,
                        struct bench_summary *out) {
    out->batch = w->setup.batch;
    if (parts & BENCH_TRAIN) {
        TRY(measure_training(w, o, out));
        TRY(check_finite(w));
    }
    if (parts & BENCH_INFER) TRY(measure_inference(w, o, out));
    if (parts & BENCH_STEPS) {
        TRY(bench_steps(w, o));
        TRY(check_finite(w));
    }
    return OK;
}

enum err bench_recipe(const char *spec, const struct recipe *recipe, const struct bench_options *o,
                      int parts, double began, double began_at, struct bench_summary *out) {
    struct start start = {.at = clock_seconds()};
    struct world w = {0};
    struct device *device = NULL;
    *out = (struct bench_summary){.train = NAN, .infer = NAN};
    start.seconds[PROCESS] = began + (start.at - began_at);
    enum err rc = open_world(spec, recipe, o, &start, &device, &w);
    out->random_data = w.random_data;
    if (!rc && w.random_data)
        bench_note(o, "dataset %s was not found: random bytes of its shape are used",
                   recipe->train.dataset);
    if (!rc && parts & BENCH_OPEN) report_start(&start, o);
    if (!rc) rc = measure(&w, o, parts, out);
    world_close(&w);
    device_close(device);
    return rc;
}
