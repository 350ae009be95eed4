/* Masks of successive steps on the network's diagram; one input, many outputs. */
#include "base/text.h"
#include "lab/lab_private.h"
#include "train/mask.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 12, /* of which so many in the table: */
    COUNTED = 3,
    UNITS = 10,
    COLUMNS = 8,
    PASSES = 8,
    PASSES_DRAWN = 3,
    CANDIDATES = 256, /* test pictures to choose one from */
};

/* A column of the diagram: the input or a dense layer, and the layer that drops its units. */
struct column {
    char name[48];
    int units;
    const struct layer *drops; /* NULL: none */
    double rate;
    uint8_t *kept; /* [STEPS][units] */
};

struct diagram {
    struct column at[COLUMNS];
    int count;
};

/* The rate of a layer comes from the first CONTROL row, as training has it. */
static void find_rates(struct diagram *g, const struct probe *probe) {
    for (int c = 0; c < g->count; c++)
        if (g->at[c].drops) g->at[c].rate = probe->control.draw[g->at[c].drops->draw].rate;
}

static int units_of(const struct probe *probe, const char *layer) {
    int value = probe_find(probe, layer);
    return value < 0 ? 0 : shape_features(&probe->runner.plan->values[value].shape);
}

static void find_columns(struct diagram *g, const struct lab *lab, const struct probe *probe) {
    const struct layers *all = &lab->subject->model.layers;
    g->at[g->count++] = (struct column){
        "input", lab->data->height * lab->data->width * lab->data->channels, NULL, 0, NULL};
    for (int i = 0; i < all->count; i++) {
        const struct layer *l = &all->at[i];
        bool dense = !strcmp(l->schema->name, "dense");
        if (!strcmp(l->schema->name, "dropout")) g->at[g->count - 1].drops = l;
        if (!dense || g->count == COLUMNS) continue;
        struct column *c = &g->at[g->count++];
        *c = (struct column){.units = units_of(probe, l->name)};
        snprintf(c->name, sizeof c->name, "%s", l->name);
    }
}

static enum err make_masks(struct column *c, struct lab *lab) {
    struct mask_maker maker;
    const struct mask_layer layer = {.type = "dropout",
                                     .more = "",
                                     .shape = {1, {c->units}},
                                     .rate = c->rate,
                                     .number = c->drops->stochastic,
                                     .seed = lab->subject->train.seed};
    c->kept = malloc((size_t)STEPS * (size_t)c->units);
    if (!c->kept) return err_memory("masks");
    TRY(mask_open(&maker, lab->options->device, &layer, 1));
    enum err rc = OK;
    for (int s = 0; s < STEPS && !rc; s++)
        rc = mask_make(&maker, (uint32_t)s, 0, c->kept + (size_t)s * (size_t)c->units);
    mask_close(&maker);
    return rc;
}

/* ---- the diagram ---- */

static void add_layers(struct page *p, json_t *block, const struct diagram *g) {
    json_t *list = json_array();
    for (int c = 0; c < g->count; c++) {
        const struct column *column = &g->at[c];
        char name[80];
        snprintf(name, sizeof name, "%s: %d", column->name, column->units);
        int shown = column->units < UNITS ? column->units : UNITS;
        json_array_append_new(list, json_pack("{s:s, s:i}", "name", name, "units", shown));
    }
    page_set(p, block, "layers", list);
}

static json_t *kept_lists(const struct diagram *g, int step) {
    json_t *lists = json_array();
    for (int c = 0; c < g->count; c++) {
        const struct column *column = &g->at[c];
        json_t *bits = column->kept ? json_array() : json_null();
        for (int u = 0; column->kept && u < column->units && u < UNITS; u++)
            json_array_append_new(bits, json_integer(column->kept[step * column->units + u]));
        json_array_append_new(lists, bits);
    }
    return lists;
}

static void add_diagram(struct page *p, const struct diagram *g, uint64_t seed) {
    char caption[240];
    json_t *block = page_block(p, "network"), *steps = json_array();
    add_layers(p, block, g);
    for (int s = 0; s < STEPS; s++) {
        char title[32];
        snprintf(title, sizeof title, "training step %d", s);
        json_array_append_new(steps,
                              json_pack("{s:s, s:o}", "title", title, "kept", kept_lists(g, s)));
    }
    page_set(p, block, "steps", steps);
    snprintf(caption, sizeof caption,
             "The masks of sample 0 at the first steps of training with seed %llu, as any device "
             "draws them; the first %d units of each layer. Crossed out: dropped.",
             (unsigned long long)seed, UNITS);
    page_set(p, block, "caption", page_string(caption));
}

static void add_table(struct page *p, const struct diagram *g) {
    static const char *const columns[] = {"layer",
                                          "rate",
                                          "kept at step 0",
                                          "kept at step 1",
                                          "kept at step 2",
                                          "expected",
                                          "kept at both 0 and 1",
                                          "expected if independent",
                                          NULL};
    json_t *table = page_table(p, NULL, columns);
    for (int c = 0; c < g->count; c++) {
        const struct column *k = &g->at[c];
        if (!k->kept) continue;
        int kept[COUNTED] = {0}, both = 0;
        for (int u = 0; u < k->units; u++) {
            for (int s = 0; s < COUNTED; s++) kept[s] += k->kept[s * k->units + u];
            both += k->kept[u] && k->kept[k->units + u];
        }
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", k->name);
        page_cell(p, row, "%g", k->rate);
        for (int s = 0; s < COUNTED; s++) page_cell(p, row, "%d", kept[s]);
        page_cell(p, row, "%.0f", k->units * (1 - k->rate));
        page_cell(p, row, "%d", both);
        page_cell(p, row, "%.0f", k->units * (1 - k->rate) * (1 - k->rate));
    }
}

/* ---- one input, many outputs ---- */

/* Of the first test pictures: [rows][classes] of each run. */
struct outputs {
    float *training[PASSES], *evaluation[2];
    int rows, classes, different, row; /* row: the one that is shown */
    bool same;                         /* both evaluations, bit for bit */
};

static enum err read_outputs(struct outputs *o, struct lab *lab, const struct model *m,
                             enum plan_mode mode, float **out, int count) {
    struct probe probe;
    TRY(probe_open(&probe, lab, m, mode, CANDIDATES));
    enum err rc = OK;
    o->rows = probe.rows;
    for (int i = 0; i < count && !rc; i++) {
        rc = probe_run(&probe, (uint32_t)i);
        if (!rc)
            rc = probe_read_value(&probe, probe.runner.plan->probabilities, &out[i], &o->classes);
    }
    probe_close(&probe);
    return rc;
}

/* The picture on which the passes that are drawn differ most. */
static int most_different(const struct outputs *o) {
    double most = -1;
    int best = 0;
    for (int r = 0; r < o->rows; r++) {
        double sum = 0;
        for (int k = 1; k < PASSES_DRAWN; k++)
            for (int c = r * o->classes; c < (r + 1) * o->classes; c++)
                sum += fabs((double)o->training[k][c] - (double)o->training[0][c]);
        if (sum > most) most = sum, best = r;
    }
    return best;
}

static void compare(struct outputs *o) {
    size_t bytes = (size_t)o->classes * sizeof(float);
    o->row = most_different(o);
    int at = o->row * o->classes;
    for (int i = 0; i < PASSES; i++) {
        bool fresh = true;
        for (int k = 0; k < i; k++)
            fresh = fresh && memcmp(o->training[i] + at, o->training[k] + at, bytes) != 0;
        o->different += fresh;
    }
    o->same = !memcmp(o->evaluation[0], o->evaluation[1], bytes * (size_t)o->rows);
}

enum { LABELS = 256 /* labels are bytes */ };

static void add_outputs(struct lab *lab, const struct outputs *o) {
    struct page *p = &lab->page;
    const struct dataset *d = lab->data;
    size_t pixels = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    const char *labels[LABELS + 1] = {0};
    for (int c = 0; c < d->classes && c < LABELS; c++) labels[c] = d->class_names[c];
    json_t *list = page_pictures(p, NULL, NULL, 100);
    page_picture(p, list, d->test.images + (size_t)o->row * pixels, d->width, d->height,
                 d->channels, "the input: %s", d->class_names[d->test.labels[o->row]]);
    json_t *chart = page_chart(
        p, &(struct chart){.type = CHART_BAR,
                           .title = "Its outputs",
                           .x = "class",
                           .y = "probability",
                           .caption = "Of the first test pictures the one on which these passes "
                                      "differ most.",
                           .labels = labels});
    for (int i = 0; i <= PASSES_DRAWN; i++) {
        const float *y = i < PASSES_DRAWN ? o->training[i] : o->evaluation[0];
        char name[48];
        snprintf(name, sizeof name, i < PASSES_DRAWN ? "dropout on, pass %d" : "evaluation", i + 1);
        json_t *series = page_series(p, chart, name);
        for (int c = 0; c < o->classes; c++)
            page_point(p, series, c, (double)y[o->row * o->classes + c], (double)NAN);
    }
}

static enum err look_at_outputs(struct lab *lab, const struct model *m, struct finding *f) {
    struct outputs o = {.classes = 0};
    enum err rc = read_outputs(&o, lab, m, PLAN_MC, o.training, PASSES);
    if (!rc) rc = read_outputs(&o, lab, m, PLAN_EVAL, o.evaluation, 2);
    if (!rc) {
        compare(&o);
        add_outputs(lab, &o);
        f->verdict = o.different > 1 && o.same ? VERDICT_HELD : VERDICT_FAILED;
        snprintf(f->result, sizeof f->result,
                 "%d of %d passes with dropout on gave outputs of their own; two evaluations of %d "
                 "pictures %s.",
                 o.different, PASSES, o.rows, o.same ? "gave the same bits" : "differ");
    }
    for (int i = 0; i < PASSES; i++) free(o.training[i]);
    for (int i = 0; i < 2; i++) free(o.evaluation[i]);
    return rc;
}

static enum err look_at_masks(struct lab *lab, const struct model *m) {
    struct diagram g = {.count = 0};
    struct probe probe;
    TRY(probe_open(&probe, lab, m, PLAN_MC, 1));
    enum err rc = probe_run(&probe, 0);
    find_columns(&g, lab, &probe);
    find_rates(&g, &probe);
    probe_close(&probe);
    for (int c = 0; c < g.count && !rc; c++)
        if (g.at[c].drops) rc = make_masks(&g.at[c], lab);
    if (!rc) {
        add_diagram(&lab->page, &g, lab->subject->train.seed);
        add_table(&lab->page, &g);
    }
    for (int c = 0; c < g.count; c++) free(g.at[c].kept);
    return rc;
}

enum err lab_mechanism(struct lab *lab, struct finding *f) {
    const struct model *m;
    lab_note_subject(lab);
    TRY(lab_model(lab, &m));
    TRY(look_at_masks(lab, m));
    snprintf(f->measured, sizeof f->measured,
             "the masks of %d successive steps; the outputs for one picture in %d passes with "
             "dropout on, and two evaluations",
             STEPS, PASSES);
    snprintf(f->seeds, sizeof f->seeds, "%llu", (unsigned long long)lab->subject->train.seed);
    return look_at_outputs(lab, m, f);
}
