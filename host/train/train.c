#include "train/train.h"
#include "base/clock.h"
#include "plan/advice.h"
#include "train/evaluate.h"
#include "train/fault.h"
#include "train/setup.h"
#include "train/tune.h"
#include <math.h>
#include <stdio.h>

struct trainer {
    const dropcl_options *options;
    struct setup setup;
    struct store store;
    struct runner runner;
    struct evaluator held, test; /* rows is 0 where there is nothing to evaluate */
    int64_t step, stop;          /* optimizer steps done, and to be done */
    double began, epoch_began;   /* seconds */
    dropcl_event event;
};

static bool asked_to_stop(struct trainer *t, dropcl_event_kind kind) {
    t->event.kind = kind;
    t->event.step = t->step;
    t->event.seconds = clock_seconds() - t->began;
    return t->options->callback && t->options->callback(&t->event, t->options->user);
}

/* Queues the steps of an epoch; *done is how many, fewer when the callback says stop. */
static enum err queue_epoch(struct trainer *t, int64_t steps, int64_t *done) {
    bool stop = false;
    for (*done = 0; *done < steps && !stop; ++*done) {
        TRY(runner_step(&t->runner, t->setup.micro_batches,
                        (uint32_t)(*done * t->setup.micro_batches)));
        t->step++;
        stop = asked_to_stop(t, DROPCL_STEP);
    }
    return stop ? ERR_INTERRUPTED : OK;
}

/* Waits for the device, then means over the rows trained on since the epoch began. */
static enum err close_epoch(struct trainer *t, int64_t epoch, int64_t done) {
    const struct setup *s = &t->setup;
    struct tally tally;
    TRY(runner_tally(&t->runner, (size_t)(done * s->micro_batches), &tally));
    if (tally.bad_row >= 0) {
        char when[64];
        long long step = (long long)(epoch * s->per_epoch + tally.bad_row / s->micro_batches);
        snprintf(when, sizeof when, "optimizer step %lld (epoch %lld)", step, (long long)epoch + 1);
        return fault_explain(&t->runner, (uint32_t)tally.bad_row, when);
    }
    double rows = (double)done * s->batch;
    t->event.train_loss = tally.loss / rows;
    t->event.train_accuracy = (double)tally.hits / rows;
    t->event.samples_per_second = rows / (clock_seconds() - t->epoch_began);
    return OK;
}

static enum err score_sets(struct trainer *t) {
    char when[64];
    dropcl_score score;
    snprintf(when, sizeof when, "the evaluation after %lld optimizer steps", (long long)t->step);
    if (t->held.rows) {
        TRY(evaluator_score(&t->held, when, &score));
        t->event.val_loss = score.loss;
        t->event.val_accuracy = score.accuracy;
    }
    if (!t->test.rows) return OK;
    TRY(evaluator_score(&t->test, when, &score));
    t->event.test_loss = score.loss;
    t->event.test_accuracy = score.accuracy;
    return OK;
}

static void open_epoch(struct trainer *t, int64_t epoch) {
    dropcl_event *e = &t->event;
    e->epoch = (int)epoch + 1;
    e->train_loss = e->train_accuracy = e->val_loss = e->val_accuracy = NAN;
    e->test_loss = e->test_accuracy = e->samples_per_second = NAN;
    t->epoch_began = clock_seconds();
}

/* After every `score_every`-th epoch, and at the end. */
static bool due(const struct trainer *t, int64_t epoch) {
    int every = t->options->score_every;
    return every <= 1 || (epoch + 1) % every == 0 || t->step >= t->stop;
}

/* The training loop. */
static enum err loop(struct trainer *t) {
    const struct setup *s = &t->setup;
    t->began = clock_seconds();
    for (int64_t epoch = 0; t->step < t->stop; epoch++) {
        int64_t left = t->stop - t->step, steps = left < s->per_epoch ? left : s->per_epoch, done;
        open_epoch(t, epoch);
        TRY(setup_epoch(&t->setup, &t->runner, epoch, steps));
        enum err rc = queue_epoch(t, steps, &done);
        if (rc && rc != ERR_INTERRUPTED) return rc;
        TRY(close_epoch(t, epoch, done));
        if (!rc && due(t, epoch)) TRY(score_sets(t));
        if (!rc && asked_to_stop(t, DROPCL_EPOCH) && t->step < t->stop) rc = ERR_INTERRUPTED;
        if (rc) return err_set(rc, "interrupted after optimizer step %lld", (long long)t->step);
    }
    return OK;
}

static enum err open_evaluators(struct trainer *t) {
    const struct setup *s = &t->setup;
    const struct recipe *recipe = s->recipe;
    if (s->split.nheld)
        TRY(evaluator_new(&t->held, &t->store, recipe, NULL, s->split.held, s->split.nheld));
    return s->data->test.rows
               ? evaluator_new_range(&t->test, &t->store, recipe, NULL, (size_t)s->data->train.rows,
                                     (size_t)s->data->test.rows)
               : OK;
}

/* Training goes on with our own kernels where the library that was chosen fails. */
static void note_fallback(const struct trainer *t, const struct notes *notes) {
    const char *why = NULL;
    for (int i = 0; i < t->runner.plan->nsteps && !why; i++)
        why = program_fallback(t->runner.program, i);
    if (!why || !notes->message) return;
    char text[640];
    snprintf(text, sizeof text, "own kernels instead of the library: %s", why);
    notes->message(text, notes->user);
}

/* Takes the dataset over. */
static enum err open_setup(struct trainer *t, const struct recipe *recipe, struct dataset *data,
                           const struct notes *notes) {
    const dropcl_options *o = t->options;
    const struct model *init = (const struct model *)(const void *)o->init;
    enum err rc = o->message ? plan_advise(recipe, o->message, o->user) : OK;
    if (!rc) return setup_new_on(&t->setup, recipe, data, o->data, init, notes);
    dataset_close(data);
    return rc;
}

static enum err open_trainer(struct trainer *t, struct device *device, const struct recipe *recipe,
                             struct dataset *data) {
    const dropcl_options *o = t->options;
    const struct notes notes = {o->message, o->stop, o->user};
    struct plan *plan = NULL;
    TRY(open_setup(t, recipe, data, &notes));
    int64_t all = t->setup.run_steps;
    t->stop = o->steps > 0 && o->steps < all ? o->steps : all;
    t->event.epochs = recipe->train.epochs;
    t->event.steps = t->stop;
    int rows = t->setup.batch / t->setup.micro_batches;
    TRY(tune_device(device, recipe, rows, false, &notes, NULL));
    TRY(setup_plan(&t->setup, &plan));
    enum err rc = setup_store(&t->setup, device, plan, &t->store);
    if (rc) {
        plan_free(plan);
        return rc;
    }
    TRY(runner_new(&t->runner, &t->store, plan));
    note_fallback(t, &notes);
    return open_evaluators(t);
}

static void close_trainer(struct trainer *t) {
    evaluator_free(&t->held);
    evaluator_free(&t->test);
    runner_free(&t->runner);
    store_free(&t->store);
    setup_free(&t->setup);
}

/* Reads the parameters back into the model and lets go of it. */
static enum err take_model(struct trainer *t, struct device *device, struct model **out) {
    struct model *m = t->setup.model;
    const struct device_info *info = device_about(device);
    TRY(program_finish(t->runner.program));
    TRY(store_read_params(&t->store, m->flat, m->plan->stored));
    m->step = t->step;
    m->epoch = t->step / t->setup.per_epoch;
    TRY(model_describe(m, t->setup.data, info->name, info->driver));
    TRY(model_seal(m));
    t->setup.model = NULL;
    *out = m;
    return OK;
}

enum err train_run(struct device *device, const struct recipe *recipe,
                   const dropcl_options *options, struct model **out, dropcl_event *last) {
    return train_run_on(device, recipe, NULL, options, out, last);
}

enum err train_run_on(struct device *device, const struct recipe *recipe, struct dataset *data,
                      const dropcl_options *options, struct model **out, dropcl_event *last) {
    struct trainer t = {.options = options};
    *out = NULL;
    enum err opened = open_trainer(&t, device, recipe, data), rc = opened;
    if (!rc) rc = loop(&t);
    if (!opened && (!rc || rc == ERR_INTERRUPTED)) {
        enum err taken = take_model(&t, device, out);
        if (taken) rc = taken;
    }
    if (last) *last = t.event;
    close_trainer(&t);
    return rc;
}
