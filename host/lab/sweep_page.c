#include "lab/sweep_page.h"
#include "lab/curves.h"
#include "lab/runs.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURVES_SHOWN = 32 };

static const struct {
    enum record_field field;
    const char *title;
} shown[] = {{RECORD_VAL_ACCURACY, "val accuracy"},
             {RECORD_VAL_LOSS, "val loss"},
             {RECORD_TEST_ACCURACY, "test accuracy"},
             {RECORD_TEST_LOSS, "test loss"}};
enum { SHOWN = sizeof shown / sizeof shown[0] };

static void add_table(struct page *p, const struct sweep *s) {
    const char *columns[GRID_AXES + SHOWN + 2] = {NULL};
    int n = 0, best = sweep_best(s);
    for (int a = 0; a < s->grid->naxes; a++) columns[n++] = s->grid->axes[a].key;
    columns[n++] = "runs";
    for (int i = 0; i < SHOWN; i++) columns[n++] = shown[i].title;
    json_t *table = page_table(p, NULL, columns);
    for (int point = 0; point < s->grid->points; point++) {
        json_t *row = page_row(p, table);
        for (int a = 0; a < s->grid->naxes; a++)
            page_cell(p, row, "%s", grid_value(s->grid, point, a));
        page_cell(p, row, "%d", sweep_stats(s, point, RECORD_EPOCH).count);
        for (int i = 0; i < SHOWN; i++)
            page_cell_stats(p, row, sweep_stats(s, point, shown[i].field), 4, "");
    }
    if (best >= 0) page_mark(p, table, best);
    page_text(p, best >= 0 ? "Mean and standard deviation over the seeds. The coloured row has the "
                             "highest mean validation accuracy."
                           : "Mean and standard deviation over the seeds. No row is chosen: there "
                             "are no validation rows, and the test set is not for choosing.");
}

/* ---- over the first key ---- */

static bool numeric(const struct grid_axis *axis) {
    double x;
    for (int v = 0; v < axis->count; v++)
        if (!text_real(axis->values[v], &x)) return false;
    return true;
}

/* The other keys of a point: the name of its line. */
static void name_line(const struct grid *g, int point, struct text *out) {
    for (int a = 1; a < g->naxes; a++)
        text_add(out, "%s%s=%s", a > 1 ? ", " : "", g->axes[a].key, grid_value(g, point, a));
    if (g->naxes == 1) text_add(out, "mean over the seeds");
}

/* Points of one line are a stride apart: the first key changes slowest. */
static void add_line(struct page *p, json_t *chart, const struct sweep *s, int line,
                     enum record_field field) {
    const struct grid_axis *axis = &s->grid->axes[0];
    int stride = s->grid->points / axis->count;
    struct text name = {0};
    name_line(s->grid, line, &name);
    json_t *series = page_series(p, chart, name.data ? name.data : "");
    text_free(&name);
    for (int v = 0; v < axis->count; v++) {
        double x = v;
        if (numeric(axis)) text_real(axis->values[v], &x);
        struct stats y = sweep_stats(s, v * stride + line, field);
        page_point(p, series, x, y.mean, y.spread);
    }
}

/* Values far apart are drawn by their magnitude. */
static bool wide(const struct grid_axis *axis) {
    double least = (double)INFINITY, most = 0, x;
    for (int v = 0; v < axis->count; v++) {
        if (!text_real(axis->values[v], &x) || x <= 0) return false;
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    return most >= 20 * least;
}

static void add_chart(struct page *p, const struct sweep *s, enum record_field field,
                      const char *title) {
    const struct grid_axis *axis = &s->grid->axes[0];
    const char **labels = calloc((size_t)axis->count + 1, sizeof *labels);
    if (!labels) {
        p->failed = true;
        return;
    }
    memcpy(labels, axis->values, (size_t)axis->count * sizeof *labels);
    struct chart chart = {.title = title, .x = axis->key, .y = title, .logx = wide(axis)};
    chart.type = numeric(axis) ? CHART_LINE : CHART_BAR;
    if (chart.type == CHART_BAR) chart.labels = labels;
    json_t *block = page_chart(p, &chart);
    for (int line = 0; line < s->grid->points / axis->count; line++)
        add_line(p, block, s, line, field);
    free(labels);
}

static void add_charts(struct page *p, const struct sweep *s) {
    if (!s->grid->naxes || s->grid->points < 2) return;
    for (int i = 0; i < SHOWN; i++) {
        bool measured = false;
        for (int point = 0; point < s->grid->points; point++)
            measured = measured || sweep_stats(s, point, shown[i].field).count;
        if (measured) add_chart(p, s, shown[i].field, shown[i].title);
    }
}

/* ---- curves ---- */

static enum err read_run(const struct sweep *s, const struct sweep_run *run, const char *folder,
                         struct runs *out) {
    struct text text = {0}, name = {0};
    text_add(&text, "%s/%s", folder, run->name);
    grid_describe(s->grid, run->point, &name);
    enum err rc =
        text.failed || name.failed ? err_memory("the name of a run") : runs_add(out, text.data);
    if (!rc) {
        struct record *record = &out->at[out->count - 1];
        free(record->name);
        record->name = NULL;
        record->family = strdup(name.data);
        text_add(&name, ", seed %llu", (unsigned long long)run->seed);
        rc = text_take(&name, &record->name);
    }
    text_free(&text);
    text_free(&name);
    return rc;
}

static enum err add_curves(struct page *p, const struct sweep *s, const char *folder) {
    struct runs runs = {0};
    enum err rc = OK;
    for (int i = 0; i < s->nruns && !rc && runs.count < CURVES_SHOWN; i++)
        if (s->runs[i].finished) rc = read_run(s, &s->runs[i], folder, &runs);
    if (!rc && runs.count) {
        page_section(p, "runs", "Runs");
        curves_table(p, runs.at, runs.count);
        if (runs.count == CURVES_SHOWN) page_text(p, "Only the first %d runs.", CURVES_SHOWN);
        page_section(p, "curves", "Curves");
        curves_charts(p, runs.at, runs.count);
    }
    runs_free(&runs);
    return rc;
}

enum err sweep_page(const struct sweep *s, const char *name, const char *folder, const char *path) {
    struct page page;
    char subtitle[96];
    snprintf(subtitle, sizeof subtitle, "Sweep of %d points, %d runs", s->grid->points, s->nruns);
    page_open(&page, name, subtitle);
    page_section(&page, "points", "Points");
    add_table(&page, s);
    add_charts(&page, s);
    enum err rc = add_curves(&page, s, folder);
    if (!rc) rc = page_write(&page, path);
    page_close(&page);
    return rc;
}
