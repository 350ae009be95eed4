/* What hidden units learn with dropout and without: filters, sparsity, correlation, and what it
 * costs to take units away. */
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILTERS = 24, ROWS = 500, SCORED = 2000, SINGLES = 32, UNITS_MOST = 512 };
static const double shares[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7};
enum { SHARES = sizeof shares / sizeof shares[0], HALF = 5 /* shares[HALF] is 0.5 */ };

/* Of each seed. Zeros and accuracies are in percent; SINGLE and WORST: loss gained by removing one
 * unit, mean and largest; LOST: points of accuracy lost without half of the units. */
enum figure { ZEROS, ACTIVITY, CORRELATION, SINGLE, WORST, LOST, FIGURES };
struct side {
    const char *name;
    struct model *model; /* that of the seed at work */
    int seed;            /* its place below          */
    struct errors figure[FIGURES], accuracy[SHARES];
};

static void note(struct side *s, enum figure which, double value) {
    s->figure[which].of[s->seed] = value;
}

/* The first dense layer, and the layer that reads it. */
struct place {
    const char *first, *next;
};

/* ---- filters ---- */

/* Weights of a unit as a picture: grey is 0, the largest weight black or white. */
static void draw_filter(uint8_t *out, const float *weights, int inputs, int units, int unit) {
    double most = 1e-12;
    for (int i = 0; i < inputs; i++) most = fmax(most, fabs((double)weights[i * units + unit]));
    for (int i = 0; i < inputs; i++)
        out[i] = (uint8_t)(127.5 + 127 * (double)weights[i * units + unit] / most);
}

static enum err add_filters(struct lab *lab, const struct side *s, const struct place *place) {
    const struct dataset *d = lab->data;
    int inputs, units, pixels = d->height * d->width * d->channels;
    const float *w = probe_parameter(s->model, place->first, "weight", &inputs, &units);
    if (!w || inputs != pixels) return OK; /* it does not read the picture itself */
    uint8_t *picture = malloc((size_t)pixels);
    if (!picture) return err_memory("a filter");
    char title[80];
    snprintf(title, sizeof title, "The first %d filters, %s, seed 1", FILTERS, s->name);
    json_t *list = page_pictures(&lab->page, title, NULL, 64);
    for (int u = 0; u < units && u < FILTERS; u++) {
        draw_filter(picture, w, inputs, units, u);
        page_picture(&lab->page, list, picture, d->width, d->height, d->channels, "%s", "");
    }
    free(picture);
    return OK;
}

/* ---- activations ---- */

/* The mean of |r| over pairs of units that are ever active. columns[units][rows]. */
static double mean_correlation(const float *columns, int units, int rows) {
    double sum = 0;
    int pairs = 0;
    for (int a = 0; a < units; a++)
        for (int b = 0; b < a; b++) {
            double r = stats_correlation(columns + a * rows, columns + b * rows, rows);
            if (isfinite(r)) sum += fabs(r), pairs++;
        }
    return pairs ? sum / pairs : (double)NAN;
}

static void measure_activations(struct side *s, const float *values, float *columns, int units,
                                int rows) {
    double zeros = 0, sum = 0;
    for (int r = 0; r < rows; r++)
        for (int u = 0; u < units; u++) {
            float x = values[r * units + u];
            zeros += x == 0, sum += (double)x;
            columns[u * rows + r] = x;
        }
    note(s, ZEROS, 100 * zeros / ((double)rows * units));
    note(s, ACTIVITY, sum / ((double)rows * units));
    note(s, CORRELATION, mean_correlation(columns, units < 128 ? units : 128, rows));
}

static enum err look_inside(struct lab *lab, struct side *s, const struct place *place) {
    struct probe p;
    char name[100];
    float *values = NULL, *columns = NULL;
    int units = 0;
    snprintf(name, sizeof name, "%s.relu", place->first);
    TRY(probe_open(&p, lab, s->model, PLAN_EVAL, ROWS));
    enum err rc = probe_run(&p, 0);
    if (!rc) rc = probe_read(&p, name, &values, &units);
    if (!rc) columns = malloc((size_t)p.rows * (size_t)units * sizeof *columns);
    if (!rc && !columns) rc = err_memory("the activations of a layer");
    if (!rc) measure_activations(s, values, columns, units, p.rows);
    free(values);
    free(columns);
    probe_close(&p);
    return rc;
}

/* ---- taking units away ---- */

/* A unit is gone when what reads it weighs it with 0; the others are scaled to make up for it. */
static void remove_units(float *flat, const float *next, const struct model *m, int columns,
                         const bool *gone, int units, double scale) {
    float *to = flat + (next - m->flat);
    for (int u = 0; u < units; u++)
        for (int c = 0; c < columns; c++)
            to[u * columns + c] = gone[u] ? 0 : (float)(scale * (double)next[u * columns + c]);
}

/* The same units for both networks: a fixed order, as if shuffled (Knuth's multiplicative hash). */
static void choose(bool *gone, int units, double share) {
    for (int u = 0; u < units; u++)
        gone[u] = (double)((unsigned)(u + 1) * 2654435761u) / 4294967296.0 < share;
}

static enum err remove_singles(struct scorer *scorer, struct side *s, float *flat,
                               const float *next, int units, int columns, double loss) {
    bool gone[UNITS_MOST];
    int n = units < SINGLES ? units : SINGLES;
    double sum = 0, worst = 0;
    for (int k = 0; k < n; k++) {
        dropcl_score score;
        memset(gone, 0, sizeof gone);
        gone[k * units / n] = true;
        remove_units(flat, next, s->model, columns, gone, units, 1);
        TRY(scorer_score(scorer, s->model, flat, &score));
        sum += score.loss - loss;
        worst = fmax(worst, score.loss - loss);
    }
    note(s, SINGLE, sum / n);
    note(s, WORST, worst);
    return OK;
}

static enum err remove_shares(struct scorer *scorer, struct side *s, float *flat, const float *next,
                              int units, int columns, double *loss) {
    bool gone[UNITS_MOST];
    for (int k = 0; k < SHARES; k++) {
        dropcl_score score;
        choose(gone, units, shares[k]);
        remove_units(flat, next, s->model, columns, gone, units, 1 / (1 - shares[k]));
        TRY(scorer_score(scorer, s->model, flat, &score));
        s->accuracy[k].of[s->seed] = 100 * score.accuracy;
        if (!k) *loss = score.loss;
    }
    note(s, LOST, s->accuracy[0].of[s->seed] - s->accuracy[HALF].of[s->seed]);
    return OK;
}

static enum err take_away(struct lab *lab, struct side *s, const struct place *place) {
    struct scorer scorer;
    int units, columns;
    double loss = 0;
    const float *next = probe_parameter(s->model, place->next, "weight", &units, &columns);
    if (!next || units > UNITS_MOST)
        return err_set(ERR_RECIPE, "layer %s has not at most %d inputs to take away", place->next,
                       UNITS_MOST);
    float *flat = malloc((s->model->plan->stored + 1) * sizeof *flat);
    if (!flat) return err_memory("a changed model");
    memcpy(flat, s->model->flat, s->model->plan->stored * sizeof *flat);
    enum err rc = scorer_open(&scorer, lab, s->model, SCORED);
    if (!rc) {
        rc = remove_shares(&scorer, s, flat, next, units, columns, &loss);
        if (!rc) rc = remove_singles(&scorer, s, flat, next, units, columns, loss);
        scorer_close(&scorer);
    }
    free(flat);
    return rc;
}

/* ---- both sides ---- */

static void add_results(struct page *p, const struct side *sides) {
    static const char *const columns[] = {"network",
                                          "test accuracy",
                                          "zeros",
                                          "mean activation",
                                          "mean |correlation|",
                                          "loss per unit removed",
                                          "worst unit",
                                          NULL};
    json_t *table = page_table(p, "Mean and standard deviation over the seeds.", columns);
    json_t *chart =
        page_chart(p, &(struct chart){.title = "Taking hidden units away",
                                      .x = "share of the first hidden layer removed",
                                      .y = "test accuracy, %",
                                      .caption = "Mean and standard deviation over the seeds."});
    for (int i = 0; i < 2; i++) {
        const struct side *s = &sides[i];
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", s->name);
        page_cell_stats(p, row, s->accuracy[0].over, 2, " %");
        page_cell_stats(p, row, s->figure[ZEROS].over, 1, " %");
        page_cell_stats(p, row, s->figure[ACTIVITY].over, 4, "");
        page_cell_stats(p, row, s->figure[CORRELATION].over, 4, "");
        page_cell_stats(p, row, s->figure[SINGLE].over, 5, "");
        page_cell_stats(p, row, s->figure[WORST].over, 5, "");
        json_t *series = page_series(p, chart, s->name);
        for (int k = 0; k < SHARES; k++)
            page_point(p, series, shares[k], s->accuracy[k].over.mean, s->accuracy[k].over.spread);
    }
}

static void judge(struct finding *f, const struct side *s) {
    const struct errors *with = s[0].figure, *without = s[1].figure;
    struct gain zeros = lab_gain(&with[ZEROS], &without[ZEROS]);
    struct gain lost = lab_gain(&without[LOST], &with[LOST]);
    bool opposed = lab_gain(&without[ZEROS], &with[ZEROS]).clear ||
                   lab_gain(&with[LOST], &without[LOST]).clear;
    f->verdict = opposed ? VERDICT_FAILED : zeros.clear && lost.clear ? VERDICT_HELD : VERDICT_OPEN;
    snprintf(f->result, sizeof f->result,
             "Zeros: %.1f %% with dropout, %.1f %% without: %.1f more (standard error %.1f, seeds "
             "paired). Mean |correlation| of units: %.3f and %.3f. Without half of the units the "
             "accuracy falls by %.1f points with dropout and by %.1f without: %.1f less (%.1f).",
             with[ZEROS].over.mean, without[ZEROS].over.mean, zeros.mean, zeros.error,
             with[CORRELATION].over.mean, without[CORRELATION].over.mean, with[LOST].over.mean,
             without[LOST].over.mean, lost.mean, lost.error);
}

static enum err examine_one(struct lab *lab, struct side *s, const struct place *place, bool off) {
    struct lab_settings settings = {.count = 0};
    lab_set(&settings, "train.limit=%d", lab_rows(lab, 30000, 0));
    lab_set(&settings, "train.epochs=%d", lab_epochs(lab, 12, 40));
    lab_set(&settings, "train.seed=%d", s->seed + 1);
    if (off) lab_set(&settings, "model.layers.*.dropout.rate=0");
    TRY(lab_train(lab, lab->subject_text, &settings, &s->model, NULL));
    TRY(look_inside(lab, s, place));
    TRY(take_away(lab, s, place));
    return s->seed ? OK : add_filters(lab, s, place);
}

static enum err examine(struct lab *lab, struct side *s, const struct place *place, bool off,
                        int seeds) {
    enum err rc = OK;
    for (s->seed = 0; s->seed < seeds && !rc; s->seed++) {
        rc = examine_one(lab, s, place, off);
        model_free(s->model);
        s->model = NULL;
    }
    for (int i = 0; i < FIGURES; i++) lab_over_seeds(&s->figure[i], seeds);
    for (int k = 0; k < SHARES; k++) lab_over_seeds(&s->accuracy[k], seeds);
    return rc;
}

enum err lab_coadaptation(struct lab *lab, struct finding *f) {
    struct side sides[2] = {{.name = "with dropout"}, {.name = "without dropout"}};
    const struct layer *dense[2];
    int seeds = lab_choose(lab, 3, 5);
    lab_note_subject(lab);
    lab_layers(lab->subject, "dense", dense, 2);
    const struct place place = {dense[0]->name, dense[1]->name};
    for (int i = 0; i < 2; i++) TRY(examine(lab, &sides[i], &place, i == 1, seeds));
    add_results(&lab->page, sides);
    judge(f, sides);
    snprintf(f->measured, sizeof f->measured,
             "the same network trained with dropout and without; the activations of layer %s, and "
             "scores on up to %d test pictures with units taken away",
             place.first, SCORED);
    snprintf(f->seeds, sizeof f->seeds, "1 to %d", seeds);
    return OK;
}
