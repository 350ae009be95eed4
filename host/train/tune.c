#include "train/tune.h"
#include "base/clock.h"
#include "ops/gemm_ways.h"
#include "ops/table.h"
#include "train/tune_bench.h"
#include "train/tune_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In seconds: not timed, and not to be timed because there are others. */
static const double NEVER = 1e30, LAST_RESORT = 1e29;

/* One kind of step that has several ways. */
struct candidate {
    int step;
    struct step_ways ways;
    bool known;          /* kept from an earlier run */
    void *out[STEP_OUT]; /* of the plainest way      */
    double best;
    const char *chosen;
};

struct tuner {
    struct tune_bench bench;
    struct candidate *at;
    int count;
    struct tune_result *result;
    const struct notes *notes; /* may be NULL */
};

/* The different keys of a plan's steps. */
static enum err collect(const struct plan *p, const struct caps *caps, struct tuner *t) {
    t->at = calloc((size_t)p->nsteps, sizeof *t->at);
    if (!t->at) return err_memory("the tuner");
    for (int i = 0; i < p->nsteps; i++) {
        struct candidate *c = &t->at[t->count];
        c->step = i;
        c->best = NEVER;
        if (!p->steps[i].op->ways || p->steps[i].op->ways(p, &p->steps[i], caps, &c->ways) < 2)
            continue;
        bool seen = false;
        for (int k = 0; k < t->count; k++) seen |= !strcmp(t->at[k].ways.key, c->ways.key);
        if (!seen) t->count++;
    }
    return OK;
}

static void free_outputs(void *out[STEP_OUT]) {
    for (int k = 0; k < STEP_OUT; k++) {
        free(out[k]);
        out[k] = NULL;
    }
}

static bool same_outputs(const struct plan *p, int step, void *const *a, void *const *b) {
    const struct step *s = &p->steps[step];
    for (int k = 0; k < s->nout; k++)
        if (memcmp(a[k], b[k], value_bytes(&p->values[s->out[k]])) != 0) return false;
    return true;
}

/* Whether this way computes what it should. The plainest way, when it does, leaves its outputs as
 * the measure of the others; when it does not, no way can be trusted. */
static enum err check_way(struct tuner *t, struct candidate *c, int way, bool *right) {
    void *out[STEP_OUT];
    enum err rc = tune_bench_outputs(&t->bench, c->step, out);
    if (!rc && way == 0) {
        rc = tune_bench_check(&t->bench, c->step, out, right);
        if (!rc && *right) {
            memcpy(c->out, out, sizeof out);
            return OK;
        }
    } else if (!rc) {
        *right = c->out[0] && same_outputs(t->bench.plan, c->step, c->out, out);
    }
    free_outputs(out);
    return rc;
}

/* Between any two things that take long. */
static enum err go_on(const struct tuner *t) {
    const struct notes *n = t->notes;
    if (!n || !n->stop || !n->stop(n->user)) return OK;
    return err_set(ERR_INTERRUPTED, "interrupted while kernels were timed");
}

/* Tries way number `way` of every candidate that has one: one program for all of them. */
static enum err try_way(struct tuner *t, int way) {
    struct device *device = t->bench.device;
    bool any = false;
    for (int i = 0; i < t->count; i++) {
        struct candidate *c = &t->at[i];
        if (c->known || way >= c->ways.count) continue;
        TRY(device_tune(device, c->ways.key, c->ways.name[way]));
        any = true;
    }
    if (!any) return OK;
    TRY(go_on(t));
    bool built = tune_bench_build(&t->bench) == OK;
    for (int i = 0; i < t->count; i++) {
        struct candidate *c = &t->at[i];
        if (c->known || way >= c->ways.count) continue;
        TRY(go_on(t));
        bool right = false;
        double seconds = NEVER;
        t->result->ways++;
        bool ran = built && !program_fallback(t->bench.program, c->step) &&
                   check_way(t, c, way, &right) == OK;
        if (ran && right && way == 0 && c->ways.count > 1)
            seconds = LAST_RESORT;
        else if (ran && right)
            ran = tune_bench_time(&t->bench, c->step, &seconds) == OK;
        if (!ran || !right) t->result->rejected++;
        if (ran && right && seconds < c->best) {
            c->best = seconds;
            c->chosen = c->ways.name[way];
        }
    }
    return OK;
}

static enum err time_ways(struct tuner *t) {
    for (int way = 0; way < TUNE_WAYS; way++) TRY(try_way(t, way));
    for (int i = 0; i < t->count; i++) {
        const struct candidate *c = &t->at[i];
        if (c->known) continue;
        if (!c->chosen)
            return err_set(ERR_SYSTEM, "%s: no kernel for %s computes what the reference does",
                           device_about(t->bench.device)->name, c->ways.key);
        TRY(device_tune(t->bench.device, c->ways.key, c->chosen));
    }
    return OK;
}

/* Every step that has the way called `name` is launched in it. A network without a step that has it
 * takes the name all the same where products in general have it. */
static enum err force(struct tuner *t, struct device *device, const char *name) {
    bool exists = gemm_way_exists(name);
    for (int i = 0; i < t->count; i++)
        for (int w = 0; w < t->at[i].ways.count; w++) {
            if (strcmp(t->at[i].ways.name[w], name) != 0) continue;
            exists = true;
            TRY(device_tune(device, t->at[i].ways.key, name));
        }
    if (exists) return OK;
    return err_set(
        ERR_USAGE,
        "DROPCL_TUNE is \"%s\", which is neither \"off\" nor a way to launch a product or "
        "another step of this network",
        name);
}

/* A kept choice counts only when it is a way that there is. */
static bool is_known(const struct device *device, const struct step_ways *ways) {
    const struct tuning *table = device_caps(device)->tuning;
    const char *way = table ? tuning_find(table, ways->key) : NULL;
    for (int i = 0; way && i < ways->count; i++)
        if (!strcmp(ways->name[i], way)) return true;
    return false;
}

static void say(const struct tuner *t, const char *text) {
    if (t->notes && t->notes->message) t->notes->message(text, t->notes->user);
}

static enum err tune(struct tuner *t, struct device *device, const struct plan *plan, bool again) {
    char path[4096];
    int kept = 0;
    bool place = tune_file_path(device, path, sizeof path);
    if (place && !again) TRY(tune_file_load(device, path, &kept));
    for (int i = 0; i < t->count; i++) {
        t->at[i].known = !again && is_known(device, &t->at[i].ways);
        t->result->timed += !t->at[i].known;
    }
    if (!t->result->timed) return OK;
    say(t, "timing kernels for this device (kept for the next time)");
    TRY(tune_bench_open(&t->bench, device, plan));
    TRY(time_ways(t));
    if (place)
        tune_file_save(device, path); /* a cache that cannot be written is no fault of the run */
    return OK;
}

/* What the environment asks for; NULL: nothing, which is to tune. */
static const char *wish(void) {
    const char *text = getenv("DROPCL_TUNE");
    return text && *text ? text : NULL;
}

static bool switched_off(const struct device *device) {
    return device_about(device)->kind == DEVICE_REFERENCE || (wish() && !strcmp(wish(), "off"));
}

/* Times, or only obeys the environment. */
static enum err tune_steps(struct tuner *t, struct device *device, const struct recipe *recipe,
                           int batch, bool again) {
    struct plan *plan = NULL;
    TRY(plan_new(recipe, &op_table_all, &(struct plan_options){.mode = PLAN_TRAIN, .batch = batch},
                 &plan));
    struct caps caps = *device_caps(device);
    caps.gemm_any = recipe->train.gemm == GEMM_ANY;
    enum err rc = collect(plan, &caps, t);
    t->result->keys = t->count;
    if (!rc) rc = wish() ? force(t, device, wish()) : tune(t, device, plan, again);
    tune_bench_close(&t->bench);
    for (int i = 0; i < t->count; i++) free_outputs(t->at[i].out);
    free(t->at);
    plan_free(plan);
    return rc;
}

enum err tune_recall(struct device *device, const struct recipe *recipe, int batch) {
    char path[4096];
    int kept;
    if (switched_off(device)) return OK;
    if (wish())
        return tune_steps(&(struct tuner){.result = &(struct tune_result){0}}, device, recipe,
                          batch, false);
    return tune_file_path(device, path, sizeof path) ? tune_file_load(device, path, &kept) : OK;
}

enum err tune_device(struct device *device, const struct recipe *recipe, int batch, bool again,
                     const struct notes *notes, struct tune_result *result) {
    struct tune_result own;
    struct tuner t = {.result = result ? result : &own, .notes = notes};
    double start = clock_seconds();
    *t.result = (struct tune_result){0};
    if (switched_off(device)) return OK;
    enum err rc = tune_steps(&t, device, recipe, batch, again);
    t.result->seconds = clock_seconds() - start;
    return rc;
}
