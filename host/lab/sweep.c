#include "lab/sweep.h"
#include "base/hash.h"
#include "recipe/recipe.h"
#include "train/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED_TEXT = 48 };

void sweep_settings_free(char **settings, int count) {
    for (int i = 0; settings && i < count; i++) free(settings[i]);
    free(settings);
}

static char *setting(const char *key, const char *value) {
    struct text t = {0};
    char *out = NULL;
    text_add(&t, "%s=%s", key, value);
    return text_take(&t, &out) ? NULL : out;
}

enum err sweep_settings(const struct sweep *s, const struct sweep_source *source, int run,
                        char ***out, int *count) {
    const struct sweep_run *r = &s->runs[run];
    int n = 0, all = source->nsettings + s->grid->naxes + 1;
    char seed[SEED_TEXT], **at = calloc((size_t)all + 1, sizeof *at);
    *out = NULL;
    if (!at) return err_memory("the settings of a run");
    for (int i = 0; i < source->nsettings; i++) at[n++] = strdup(source->settings[i]);
    for (int a = 0; a < s->grid->naxes; a++)
        at[n++] = setting(s->grid->axes[a].key, grid_value(s->grid, r->point, a));
    snprintf(seed, sizeof seed, "train.seed=%llu", (unsigned long long)r->seed);
    at[n++] = strdup(seed);
    *out = at;
    *count = n;
    for (int i = 0; i < n; i++) {
        if (at[i]) continue;
        sweep_settings_free(at, n);
        *out = NULL;
        return err_memory("the settings of a run");
    }
    return OK;
}

static enum err read_recipe(const struct sweep *s, const struct sweep_source *source, int run,
                            struct recipe **out) {
    char **texts = NULL;
    int count = 0, read = 0;
    TRY(sweep_settings(s, source, run, &texts, &count));
    struct setting *settings = calloc((size_t)count + 1, sizeof *settings);
    enum err rc = settings ? OK : err_memory("the settings of a run");
    for (; !rc && read < count; read++) rc = recipe_setting(texts[read], &settings[read]);
    if (!rc) rc = recipe_read(source->recipe, model_vocabulary(), settings, count, out);
    for (int i = 0; settings && i < read; i++) free((void *)(uintptr_t)settings[i].key);
    free(settings);
    sweep_settings_free(texts, count);
    return rc;
}

static void name_run(struct sweep_run *run, const struct sweep_source *source,
                     const struct recipe *recipe) {
    char numbers[64], hex[65];
    struct sha256 hash;
    snprintf(numbers, sizeof numbers, "%s %lld", DROPCL_VERSION, (long long)source->steps);
    const char *parts[] = {numbers, source->init ? source->init : "",
                           source->data ? source->data : "", recipe->text};
    sha256_init(&hash);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        sha256_add(&hash, parts[i], strlen(parts[i]) + 1); /* with the NUL: parts stay apart */
    sha256_hex(&hash, hex);
    snprintf(run->name, sizeof run->name, "%.*s", SWEEP_NAME - 1, hex);
}

static enum err check_distinct(const struct sweep *s, int run) {
    for (int i = 0; i < run; i++) {
        if (strcmp(s->runs[i].name, s->runs[run].name) != 0) continue;
        struct text text = {0};
        grid_describe(s->grid, s->runs[run].point, &text);
        enum err rc = err_set(ERR_USAGE, "two runs of the sweep are the same: %s, seed %llu",
                              text.data ? text.data : "", (unsigned long long)s->runs[run].seed);
        text_free(&text);
        return rc;
    }
    return OK;
}

static enum err open_run(struct sweep *s, const struct sweep_source *source, int run) {
    struct recipe *recipe = NULL;
    for (int f = 0; f < RECORD_FIELDS; f++) s->runs[run].last[f] = (double)NAN;
    TRY(read_recipe(s, source, run, &recipe));
    name_run(&s->runs[run], source, recipe);
    s->validated = s->validated && recipe->train.validation > 0;
    recipe_free(recipe);
    return check_distinct(s, run);
}

enum err sweep_new(struct sweep *s, const struct grid *grid, const struct sweep_source *source,
                   const uint64_t *seeds, int nseeds) {
    *s = (struct sweep){.grid = grid, .validated = true, .nruns = grid->points * nseeds};
    s->runs = calloc((size_t)s->nruns, sizeof *s->runs);
    if (!s->runs) return err_memory("the runs of a sweep");
    enum err rc = OK;
    for (int i = 0; i < s->nruns && !rc; i++) {
        s->runs[i].point = i / nseeds;
        s->runs[i].seed = seeds[i % nseeds];
        rc = open_run(s, source, i);
    }
    if (rc) sweep_free(s);
    return rc;
}

void sweep_free(struct sweep *s) {
    free(s->runs);
    *s = (struct sweep){0};
}

enum err sweep_take(struct sweep_run *run, const char *folder) {
    struct record record;
    TRY(record_read(folder, &record));
    memcpy(run->last, record.last, sizeof run->last);
    run->finished = record.ended && !record.interrupted;
    record_free(&record);
    return OK;
}

struct stats sweep_stats(const struct sweep *s, int point, enum record_field field) {
    double *values = malloc((size_t)s->nruns * sizeof *values);
    int count = 0;
    for (int i = 0; values && i < s->nruns; i++)
        if (s->runs[i].point == point && s->runs[i].finished)
            values[count++] = s->runs[i].last[field];
    struct stats stats = stats_of(values, count);
    free(values);
    return stats;
}

static bool complete(const struct sweep *s, int point) {
    for (int i = 0; i < s->nruns; i++)
        if (s->runs[i].point == point && !s->runs[i].finished) return false;
    return true;
}

int sweep_best(const struct sweep *s) {
    int best = -1;
    double accuracy = 0, loss = 0;
    if (!s->validated) return -1;
    for (int p = 0; p < s->grid->points; p++) {
        double a = sweep_stats(s, p, RECORD_VAL_ACCURACY).mean;
        double l = sweep_stats(s, p, RECORD_VAL_LOSS).mean;
        if (!complete(s, p) || !isfinite(a)) continue;
        if (best >= 0 && (a < accuracy || (a == accuracy && !(l < loss)))) continue;
        best = p, accuracy = a, loss = l;
    }
    return best;
}
