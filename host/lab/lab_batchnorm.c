/* The variance that a batch norm sees in training and in evaluation, with dropout before and behind
 * it. Li, Chen, Hu, Yang 2018, "Understanding the Disharmony between Dropout and Batch
 * Normalization by Variance Shift". */
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 500, PASSES = 20, SCORED = 10000 };

/* Three networks that differ in where they drop. `reads`: the value that enters the dense layer
 * before the last batch norm. */
static const struct {
    const char *name, *layers, *reads;
} places[] = {
    {"no dropout",
     "    - dense: {name: fc1, units: 128, activation: relu}\n"
     "    - dense: {name: fc2, units: 128, bias: false}\n"
     "    - batchnorm: {name: norm}\n    - relu\n",
     "fc1.relu"},
    {"before the batch norm",
     "    - dense: {name: fc1, units: 128, activation: relu}\n"
     "    - dropout: {name: drop, rate: 0.5}\n"
     "    - dense: {name: fc2, units: 128, bias: false}\n"
     "    - batchnorm: {name: norm}\n    - relu\n",
     "drop.dropout"},
    {"behind the last batch norm",
     "    - dense: {name: fc1, units: 128, activation: relu}\n"
     "    - dense: {name: fc2, units: 128, bias: false}\n"
     "    - batchnorm: {name: norm}\n    - relu\n    - dropout: {name: drop, rate: 0.5}\n",
     "fc1.relu"},
};
enum { PLACES = sizeof places / sizeof places[0], UNITS = 128 };

/* Per unit of the layer before the batch norm. */
struct moments {
    double n, sum[UNITS], square[UNITS];
};

static double mean(const struct moments *m, int u) {
    return m->sum[u] / m->n;
}

static double variance(const struct moments *m, int u) {
    return m->square[u] / m->n - mean(m, u) * mean(m, u);
}

/* What the dense layer makes of its input, computed here: in an evaluation plan the batch norm has
 * been folded into it. */
static void add_rows(struct moments *m, const float *x, int rows, const float *w) {
    for (int r = 0; r < rows; r++) {
        double y[UNITS] = {0};
        for (int i = 0; i < UNITS; i++) {
            double v = (double)x[r * UNITS + i];
            for (int u = 0; v != 0 && u < UNITS; u++) y[u] += v * (double)w[i * UNITS + u];
        }
        for (int u = 0; u < UNITS; u++) m->sum[u] += y[u], m->square[u] += y[u] * y[u];
    }
    m->n += rows;
}

static enum err watch(struct lab *lab, const struct model *model, enum plan_mode mode,
                      const char *value, int passes, struct moments *m) {
    struct probe p;
    int rows, columns, features;
    const float *w = probe_parameter(model, "fc2", "weight", &rows, &columns);
    *m = (struct moments){.n = 0};
    TRY(probe_open(&p, lab, model, mode, ROWS));
    enum err rc = OK;
    for (int pass = 0; pass < passes && !rc; pass++) {
        float *x = NULL;
        rc = probe_run(&p, (uint32_t)pass);
        if (!rc) rc = probe_read(&p, value, &x, &features);
        if (!rc) add_rows(m, x, p.rows, w);
        free(x);
    }
    probe_close(&p);
    return rc;
}

struct shift {
    double ratio, spread; /* variance in training over that in evaluation: mean over the units */
    double error, loss;   /* with the running statistics of training   */
    double corrected_error, corrected_loss; /* with those of evaluation */
    struct moments training, evaluation;
};

static void compare(struct shift *s) {
    double ratios[UNITS];
    for (int u = 0; u < UNITS; u++)
        ratios[u] = variance(&s->training, u) / variance(&s->evaluation, u);
    struct stats st = stats_of(ratios, UNITS);
    s->ratio = st.mean, s->spread = st.spread;
}

/* Scores with the running statistics as trained, then with what evaluation really sees. */
static enum err score(struct lab *lab, const struct model *m, struct shift *s) {
    struct scorer scorer;
    dropcl_score trained, corrected;
    int rows, units;
    float *flat = malloc((m->plan->stored + 1) * sizeof *flat);
    if (!flat) return err_memory("a changed model");
    memcpy(flat, m->flat, m->plan->stored * sizeof *flat);
    const float *means = probe_parameter(m, "norm", "running_mean", &rows, &units);
    const float *variances = probe_parameter(m, "norm", "running_var", &rows, &units);
    for (int u = 0; u < UNITS; u++) {
        flat[(means - m->flat) + u] = (float)mean(&s->evaluation, u);
        flat[(variances - m->flat) + u] = (float)variance(&s->evaluation, u);
    }
    enum err rc = scorer_open(&scorer, lab, m, SCORED);
    if (!rc) {
        rc = scorer_score(&scorer, m, m->flat, &trained);
        if (!rc) rc = scorer_score(&scorer, m, flat, &corrected);
        scorer_close(&scorer);
    }
    free(flat);
    if (rc) return rc;
    s->error = 100 * (1 - trained.accuracy), s->loss = trained.loss;
    s->corrected_error = 100 * (1 - corrected.accuracy), s->corrected_loss = corrected.loss;
    return OK;
}

static enum err examine(struct lab *lab, int place, struct shift *s) {
    char *text = NULL;
    struct model *m = NULL;
    struct lab_settings settings = {.count = 0};
    TRY(lab_network(lab, places[place].layers, &text));
    lab_set(&settings, "train.limit=%d", lab_rows(lab, 10000, 0));
    lab_set(&settings, "train.epochs=%d", lab_epochs(lab, 6, 20));
    enum err rc = lab_train(lab, text, &settings, &m, NULL);
    const char *off = place == 1 ? "fc1.relu" : places[place].reads;
    if (!rc) rc = watch(lab, m, PLAN_MC, places[place].reads, PASSES, &s->training);
    if (!rc) rc = watch(lab, m, PLAN_EVAL, off, 1, &s->evaluation);
    if (!rc) rc = score(lab, m, s);
    if (!rc) compare(s);
    model_free(m);
    free(text);
    return rc;
}

static void add_results(struct page *p, const struct shift *s) {
    static const char *const columns[] = {
        "dropout",   "variance ratio, training / evaluation", "test error",
        "test loss", "error, statistics of evaluation",       "loss",
        NULL};
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < PLACES; i++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", places[i].name);
        page_cell(p, row, "%.3f \u00b1 %.3f", s[i].ratio, s[i].spread);
        page_cell(p, row, "%.2f %%", s[i].error);
        page_cell(p, row, "%.4f", s[i].loss);
        page_cell(p, row, "%.2f %%", s[i].corrected_error);
        page_cell(p, row, "%.4f", s[i].corrected_loss);
    }
    static const char *const labels[] = {"no dropout", "before", "behind", NULL};
    json_t *chart = page_chart(p, &(struct chart){.type = CHART_BAR,
                                                  .title = "Variance at the batch norm",
                                                  .x = "dropout",
                                                  .y = "training / evaluation",
                                                  .labels = labels});
    json_t *series = page_series(p, chart, "mean and deviation over its units");
    for (int i = 0; i < PLACES; i++) page_point(p, series, i, s[i].ratio, s[i].spread);
    json_t *units = page_chart(p, &(struct chart){.type = CHART_SCATTER,
                                                  .title = "Each unit of the layer",
                                                  .x = "variance in evaluation",
                                                  .y = "variance in training"});
    for (int i = 0; i < PLACES; i++) {
        json_t *points = page_series(p, units, places[i].name);
        for (int u = 0; u < UNITS; u++)
            page_point(p, points, variance(&s[i].evaluation, u), variance(&s[i].training, u),
                       (double)NAN);
    }
}

enum err lab_batchnorm(struct lab *lab, struct finding *f) {
    struct shift *s = calloc(PLACES, sizeof *s);
    if (!s) return err_memory("the variances of a layer");
    enum err rc = OK;
    for (int i = 0; i < PLACES && !rc; i++) rc = examine(lab, i, &s[i]);
    if (!rc) {
        add_results(&lab->page, s);
        bool shifted = s[1].ratio > 1.05, quiet = fabs(s[2].ratio - 1) < 0.01;
        f->verdict = shifted && quiet ? VERDICT_HELD : VERDICT_FAILED;
        snprintf(f->measured, sizeof f->measured,
                 "the input of a batch norm of %d units for up to %d test pictures, %d passes with "
                 "dropout on; scores with the running statistics and with those of evaluation",
                 UNITS, ROWS, PASSES);
        snprintf(f->result, sizeof f->result,
                 "Variance in training over that in evaluation: %.2f with dropout before the "
                 "batch norm, %.2f behind it. With statistics that fit, the network with dropout "
                 "before it goes from %.2f %% to %.2f %% wrong, and from loss %.4f to %.4f.",
                 s[1].ratio, s[2].ratio, s[1].error, s[1].corrected_error, s[1].loss,
                 s[1].corrected_loss);
        snprintf(f->seeds, sizeof f->seeds, "1");
    }
    free(s);
    return rc;
}
