/* What a sweep shows: a line as each run ends (stderr), a table at the end (stdout), or JSON. */
#include "cli/event.h"
#include "cli/sweep_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *settings_object(const struct grid *g, int point) {
    json_t *object = json_object();
    for (int a = 0; object && a < g->naxes; a++)
        json_object_set_new(object, g->axes[a].key, json_string(grid_value(g, point, a)));
    return object;
}

static void print_json(const struct sweep_work *w, const struct sweep_run *r) {
    char seed[32];
    struct event e = event_new("run");
    event_text(&e, "name", r->name);
    json_object_set_new(e.object, "settings", settings_object(&w->grid, r->point));
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)r->seed);
    event_text(&e, "seed", seed); /* JSON's readers know 2^53 at most */
    event_bool(&e, "finished", r->finished);
    event_bool(&e, "kept", r->kept);
    event_integer(&e, "status", r->status);
    for (int f = RECORD_TRAIN_LOSS; f <= RECORD_SECONDS; f++)
        event_real(&e, record_names[f], r->last[f]);
    event_write(&e, stdout);
    event_free(&e);
}

static void print_line(const struct sweep_work *w, const struct sweep_run *r) {
    struct text where = {0};
    grid_describe(&w->grid, r->point, &where);
    fprintf(stderr, "[%d/%d] %s, seed %llu: ", w->done, w->sweep.nruns,
            where.data ? where.data : "", (unsigned long long)r->seed);
    if (!r->finished)
        fputs(r->status == STATUS_INTERRUPTED ? "interrupted" : "failed", stderr);
    else if (isfinite(r->last[RECORD_VAL_ACCURACY]))
        fprintf(stderr, "val accuracy %.4f", r->last[RECORD_VAL_ACCURACY]);
    else
        fprintf(stderr, "test accuracy %.4f", r->last[RECORD_TEST_ACCURACY]);
    fputs(r->kept ? " (was there)\n" : "\n", stderr);
    text_free(&where);
}

void sweep_print_run(struct sweep_work *w, int run) {
    const struct sweep_run *r = &w->sweep.runs[run];
    print_line(w, r);
    if (w->arguments->json) print_json(w, r);
}

/* ---- the points ---- */

static const enum record_field shown[] = {RECORD_VAL_ACCURACY, RECORD_VAL_LOSS,
                                          RECORD_TEST_ACCURACY, RECORD_TEST_LOSS};
static const char *const titles[] = {"val accuracy", "val loss", "test accuracy", "test loss"};
enum { SHOWN = sizeof shown / sizeof shown[0], CELL = 18 };

static void point_json(const struct sweep_work *w, int point, bool best) {
    struct event e = event_new("point");
    json_object_set_new(e.object, "settings", settings_object(&w->grid, point));
    event_integer(&e, "runs", sweep_stats(&w->sweep, point, RECORD_EPOCH).count);
    for (int i = 0; i < SHOWN; i++) {
        char name[64];
        struct stats s = sweep_stats(&w->sweep, point, shown[i]);
        event_real(&e, record_names[shown[i]], s.mean);
        snprintf(name, sizeof name, "%s_spread", record_names[shown[i]]);
        event_real(&e, name, s.spread);
    }
    event_bool(&e, "best", best);
    event_write(&e, stdout);
    event_free(&e);
}

static void cell(struct stats s, char *out) {
    if (!s.count)
        snprintf(out, CELL, "-");
    else if (!isfinite(s.spread))
        snprintf(out, CELL, "%.4f", s.mean);
    else
        snprintf(out, CELL, "%.4f +- %.4f", s.mean, s.spread);
}

static int axis_width(const struct grid_axis *axis) {
    size_t width = strlen(axis->key);
    for (int v = 0; v < axis->count; v++)
        if (strlen(axis->values[v]) > width) width = strlen(axis->values[v]);
    return (int)width;
}

/* Columns that nobody measured are left out. */
static bool measured(const struct sweep *s, enum record_field field) {
    for (int p = 0; p < s->grid->points; p++)
        if (sweep_stats(s, p, field).count) return true;
    return false;
}

/* Without the blanks at its end. */
static void print_row(struct text *row) {
    while (row->size && row->data[row->size - 1] == ' ') row->data[--row->size] = '\0';
    puts(row->data ? row->data : "");
    text_free(row);
}

static void point_row(const struct sweep_work *w, int point, bool best) {
    const struct grid *g = &w->grid;
    struct text row = {0};
    char text[CELL];
    text_add(&row, "%c ", best ? '*' : ' ');
    for (int a = 0; a < g->naxes; a++)
        text_add(&row, "%-*s  ", axis_width(&g->axes[a]), grid_value(g, point, a));
    text_add(&row, "%4d", sweep_stats(&w->sweep, point, RECORD_EPOCH).count);
    for (int i = 0; i < SHOWN; i++) {
        if (!measured(&w->sweep, shown[i])) continue;
        cell(sweep_stats(&w->sweep, point, shown[i]), text);
        text_add(&row, "  %-*s", CELL - 1, text);
    }
    print_row(&row);
}

static void head_row(const struct sweep_work *w) {
    const struct grid *g = &w->grid;
    struct text row = {0};
    text_add(&row, "  ");
    for (int a = 0; a < g->naxes; a++)
        text_add(&row, "%-*s  ", axis_width(&g->axes[a]), g->axes[a].key);
    text_add(&row, "runs");
    for (int i = 0; i < SHOWN; i++)
        if (measured(&w->sweep, shown[i])) text_add(&row, "  %-*s", CELL - 1, titles[i]);
    print_row(&row);
}

void sweep_print_points(struct sweep_work *w) {
    int best = sweep_best(&w->sweep);
    if (!w->arguments->json) head_row(w);
    for (int p = 0; p < w->grid.points; p++) {
        if (w->arguments->json)
            point_json(w, p, p == best);
        else
            point_row(w, p, p == best);
    }
    if (w->arguments->json) return;
    if (best >= 0)
        puts("* has the highest mean validation accuracy; +- is the standard deviation over seeds");
    else
        puts(w->sweep.validated ? "no point is finished"
                                : "no point is chosen: the recipe holds no rows out "
                                  "(--set train.validation=N), and the test set is not for it");
}

void sweep_print_end(struct sweep_work *w, bool interrupted) {
    int finished = 0, kept = 0, best = sweep_best(&w->sweep);
    for (int i = 0; i < w->sweep.nruns; i++) {
        finished += w->sweep.runs[i].finished;
        kept += w->sweep.runs[i].kept;
    }
    if (!w->arguments->json) {
        printf("%-7s %d of %d (%d were there)\n%-7s %s\n", "runs", finished, w->sweep.nruns, kept,
               "folder", w->folder);
        if (w->report) printf("%-7s %s\n", "report", w->report);
        return;
    }
    struct event e = event_new("end");
    event_integer(&e, "runs", w->sweep.nruns);
    event_integer(&e, "finished", finished);
    event_integer(&e, "kept", kept);
    event_bool(&e, "interrupted", interrupted);
    json_object_set_new(e.object, "best", best < 0 ? json_null() : settings_object(&w->grid, best));
    event_text(&e, "folder", w->folder);
    event_text(&e, "report", w->report);
    event_write(&e, stdout);
    event_free(&e);
}
