#include "lab/curves.h"
#include "lab/keys.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool measured(const struct record *r, enum record_field field) {
    for (int i = 0; i < r->nepochs; i++)
        if (isfinite(r->epochs[i][field])) return true;
    return false;
}

/* The series, NULL when there is nothing to draw. Epochs that were not scored have no point. */
static json_t *add_curve(struct page *p, json_t *chart, const char *name, const struct record *r,
                         enum record_field field) {
    if (!measured(r, field)) return NULL;
    json_t *series = page_series(p, chart, name);
    for (int i = 0; i < r->nepochs; i++)
        if (isfinite(r->epochs[i][field]))
            page_point(p, series, r->epochs[i][RECORD_EPOCH], r->epochs[i][field], (double)NAN);
    return series;
}

static const struct {
    const char *name; /* in the legend of one run      */
    const char *titles[2];
    enum record_field fields[2]; /* loss, accuracy */
} sets[] = {
    {"training (dropout on)",
     {"Training loss", "Training accuracy"},
     {RECORD_TRAIN_LOSS, RECORD_TRAIN_ACCURACY}},
    {"validation",
     {"Validation loss", "Validation accuracy"},
     {RECORD_VAL_LOSS, RECORD_VAL_ACCURACY}},
    {"test", {"Test loss", "Test accuracy"}, {RECORD_TEST_LOSS, RECORD_TEST_ACCURACY}},
};
enum { SETS = sizeof sets / sizeof sets[0] };
static const char *const measures[] = {"loss", "accuracy"};

static void one_run(struct page *p, const struct record *r) {
    static const char *const titles[] = {"Loss", "Accuracy"};
    for (int m = 0; m < 2; m++) {
        const struct chart chart = {.title = titles[m], .x = "epoch", .y = measures[m]};
        json_t *block = page_chart(p, &chart);
        for (int s = 0; s < SETS; s++) add_curve(p, block, sets[s].name, r, sets[s].fields[m]);
    }
    page_text(p, "Training figures are means over the epoch in training mode, with dropout on, so "
                 "they may be worse than those of the test set.");
}

static bool any_measured(const struct record *runs, int count, enum record_field field) {
    for (int i = 0; i < count; i++)
        if (measured(&runs[i], field)) return true;
    return false;
}

/* The colour of a family is the number of the first run of it. */
static int family_of(const struct record *runs, int run) {
    int first = 0;
    while (strcmp(runs[first].family ? runs[first].family : "", runs[run].family) != 0) first++;
    return first;
}

static void add_member(struct page *p, json_t *chart, const struct record *runs, int run,
                       enum record_field field) {
    const char *family = runs[run].family;
    json_t *series = add_curve(p, chart, runs[run].name, &runs[run], field);
    if (!series || !family) return;
    page_set(p, series, "family", page_string(family));
    page_set(p, series, "group", json_integer(family_of(runs, run)));
}

void curves_charts(struct page *p, const struct record *runs, int count) {
    if (count == 1) {
        one_run(p, runs);
        return;
    }
    for (int s = SETS - 1; s >= 0; s--)
        for (int m = 0; m < 2; m++) {
            if (!any_measured(runs, count, sets[s].fields[m])) continue;
            const struct chart chart = {.title = sets[s].titles[m], .x = "epoch", .y = measures[m]};
            json_t *block = page_chart(p, &chart);
            for (int i = 0; i < count; i++) add_member(p, block, runs, i, sets[s].fields[m]);
        }
}

static void cell(struct page *p, json_t *row, const char *format, double value) {
    char text[48];
    snprintf(text, sizeof text, format, value);
    page_cell(p, row, "%s", isfinite(value) ? text : "\u2013");
}

void curves_table(struct page *p, const struct record *runs, int count) {
    static const char *const columns[] = {"run",       "test error", "test loss", "val accuracy",
                                          "val loss",  "train loss", "epochs",    "seconds",
                                          "samples/s", "parameters", "device",    NULL};
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < count; i++) {
        const struct record *r = &runs[i];
        const double *last = r->ended ? r->last : r->nepochs ? r->epochs[r->nepochs - 1] : r->last;
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s%s", r->name,
                  r->interrupted ? " (interrupted)"
                  : r->ended     ? ""
                                 : " (not finished)");
        cell(p, row, "%.2f %%", 100 * (1 - last[RECORD_TEST_ACCURACY]));
        cell(p, row, "%.4f", last[RECORD_TEST_LOSS]);
        cell(p, row, "%.4f", last[RECORD_VAL_ACCURACY]);
        cell(p, row, "%.4f", last[RECORD_VAL_LOSS]);
        cell(p, row, "%.4f", last[RECORD_TRAIN_LOSS]);
        cell(p, row, "%.0f", last[RECORD_EPOCH]);
        cell(p, row, "%.1f", last[RECORD_SECONDS]);
        cell(p, row, "%.0f", last[RECORD_RATE]);
        cell(p, row, "%.0f", r->parameters < 0 ? (double)NAN : (double)r->parameters);
        page_cell(p, row, "%s", r->device);
    }
}

/* ---- differences ---- */

static const char *value_of(const struct keys *k, const char *path) {
    const char *value = keys_find(k, path);
    return value ? value : "\u2013";
}

static bool seen_before(const struct keys *all, int run, const char *path) {
    for (int i = 0; i < run; i++)
        if (keys_find(&all[i], path)) return true;
    return false;
}

static bool differs(const struct keys *all, int count, const char *path) {
    for (int i = 1; i < count; i++)
        if (strcmp(value_of(&all[i], path), value_of(&all[0], path)) != 0) return true;
    return false;
}

/* The paths that are not the same in all recipes, in order of appearance: borrowed from the keys.
 * The caller frees the list, which ends with NULL; NULL: no memory. */
static const char **find_differences(const struct keys *all, int count, int *found) {
    size_t most = 1;
    for (int run = 0; run < count; run++) most += (size_t)all[run].count;
    const char **paths = calloc(most, sizeof *paths);
    *found = 0;
    for (int run = 0; paths && run < count; run++)
        for (int i = 0; i < all[run].count; i++) {
            const char *path = all[run].at[i].path;
            if (!seen_before(all, run, path) && differs(all, count, path)) paths[(*found)++] = path;
        }
    return paths;
}

/* The longer of the two lists goes down the page. */
static void keys_down(struct page *p, const struct record *runs, const struct keys *all, int count,
                      const char *const *paths, const char **columns) {
    columns[0] = "key";
    for (int i = 0; i < count; i++) columns[i + 1] = runs[i].name;
    json_t *table = page_table(p, NULL, columns);
    for (; *paths; paths++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", *paths);
        for (int k = 0; k < count; k++) page_cell(p, row, "%s", value_of(&all[k], *paths));
    }
}

static void runs_down(struct page *p, const struct record *runs, const struct keys *all, int count,
                      const char *const *paths, const char **columns) {
    columns[0] = "run";
    for (int i = 0; paths[i]; i++) columns[i + 1] = paths[i];
    json_t *table = page_table(p, NULL, columns);
    for (int k = 0; k < count; k++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", runs[k].name);
        for (int i = 0; paths[i]; i++) page_cell(p, row, "%s", value_of(&all[k], paths[i]));
    }
}

static void write_differences(struct page *p, const struct record *runs, const struct keys *all,
                              int count) {
    int found = 0;
    const char **paths = find_differences(all, count, &found);
    const char **columns = calloc((size_t)(found > count ? found : count) + 2, sizeof *columns);
    if (!paths || !columns)
        p->failed = true;
    else if (!found)
        page_text(p, "The recipes are the same.");
    else
        (found > count ? keys_down : runs_down)(p, runs, all, count, paths, columns);
    free(paths);
    free(columns);
}

enum err curves_differences(struct page *p, const struct record *runs, int count) {
    struct keys *all = calloc((size_t)count + 1, sizeof *all);
    enum err rc = all ? OK : err_memory("the recipes of the runs");
    int read = 0;
    for (; !rc && read < count; read++) rc = keys_read(runs[read].recipe, &all[read]);
    if (!rc) write_differences(p, runs, all, count);
    for (int i = 0; all && i < read; i++) keys_free(&all[i]);
    free(all);
    return rc;
}
