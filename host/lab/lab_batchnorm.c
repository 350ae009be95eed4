/* The variance that a batch norm sees in training and in evaluation, with dropout before and behind
 * it. Li, Chen, Hu, Yang 2018, "Understanding the Disharmony between Dropout and Batch
 * Normalization by Variance Shift". */
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 500, PASSES = 20, SCORED = 10000, UNITS = 128 };

/* Three networks that differ in where they drop. `reads`: the value that enters the dense layer
 * before the last batch norm. */
enum { NONE, BEFORE, BEHIND, PLACES };
static const struct {
    const char *name, *layers, *reads;
} places[PLACES] = {
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

/* Of each seed: the variance in training over that in evaluation, mean over the units; errors in
 * percent and losses with the running statistics of training, and with those of evaluation. */
enum figure { RATIO, ERROR, LOSS, FITTED_ERROR, FITTED_LOSS, FIGURES };
struct shift {
    struct errors figure[FIGURES];
    struct moments training, evaluation; /* of the last seed */
};

static double mean_ratio(const struct shift *s) {
    double ratios[UNITS];
    for (int u = 0; u < UNITS; u++)
        ratios[u] = variance(&s->training, u) / variance(&s->evaluation, u);
    return stats_of(ratios, UNITS).mean;
}

/* Scores with the running statistics as trained, then with what evaluation really sees. */
static enum err score(struct lab *lab, const struct model *m, struct shift *s, int seed) {
    struct scorer scorer;
    dropcl_score trained, fitted;
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
        if (!rc) rc = scorer_score(&scorer, m, flat, &fitted);
        scorer_close(&scorer);
    }
    free(flat);
    if (rc) return rc;
    s->figure[ERROR].of[seed] = 100 * (1 - trained.accuracy);
    s->figure[LOSS].of[seed] = trained.loss;
    s->figure[FITTED_ERROR].of[seed] = 100 * (1 - fitted.accuracy);
    s->figure[FITTED_LOSS].of[seed] = fitted.loss;
    return OK;
}

static enum err examine_one(struct lab *lab, const char *text, int place, int seed,
                            struct shift *s) {
    struct model *m = NULL;
    struct lab_settings settings = {.count = 0};
    lab_set(&settings, "train.limit=%d", lab_rows(lab, 10000, 0));
    lab_set(&settings, "train.epochs=%d", lab_epochs(lab, 6, 20));
    lab_set(&settings, "train.seed=%d", seed + 1);
    enum err rc = lab_train(lab, text, &settings, &m, NULL);
    const char *off = place == BEFORE ? "fc1.relu" : places[place].reads;
    if (!rc) rc = watch(lab, m, PLAN_MC, places[place].reads, PASSES, &s->training);
    if (!rc) rc = watch(lab, m, PLAN_EVAL, off, 1, &s->evaluation);
    if (!rc) rc = score(lab, m, s, seed);
    if (!rc) s->figure[RATIO].of[seed] = mean_ratio(s);
    model_free(m);
    return rc;
}

static enum err examine(struct lab *lab, int place, int seeds, struct shift *s) {
    char *text = NULL;
    TRY(lab_network(lab, places[place].layers, &text));
    enum err rc = OK;
    for (int seed = 0; seed < seeds && !rc; seed++) rc = examine_one(lab, text, place, seed, s);
    for (int i = 0; i < FIGURES; i++) lab_over_seeds(&s->figure[i], seeds);
    free(text);
    return rc;
}

static void add_results(struct page *p, const struct shift *s) {
    static const char *const columns[] = {
        "dropout",   "variance ratio, training / evaluation", "test error",
        "test loss", "error, statistics of evaluation",       "loss",
        NULL};
    static const struct {
        const char *unit;
        int digits;
    } formats[FIGURES] = {{"", 3}, {" %", 2}, {"", 4}, {" %", 2}, {"", 4}};
    json_t *table = page_table(p, "Mean and standard deviation over the seeds.", columns);
    for (int i = 0; i < PLACES; i++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", places[i].name);
        for (int k = 0; k < FIGURES; k++)
            page_cell_stats(p, row, s[i].figure[k].over, formats[k].digits, formats[k].unit);
    }
}

static void add_charts(struct page *p, const struct shift *s) {
    static const char *const labels[] = {"no dropout", "before", "behind", NULL};
    json_t *chart =
        page_chart(p, &(struct chart){.type = CHART_BAR,
                                      .title = "Variance at the batch norm",
                                      .x = "dropout",
                                      .y = "training / evaluation",
                                      .caption = "Mean and standard deviation over the seeds.",
                                      .labels = labels});
    json_t *series = page_series(p, chart, "mean over its units");
    for (int i = 0; i < PLACES; i++)
        page_point(p, series, i, s[i].figure[RATIO].over.mean, s[i].figure[RATIO].over.spread);
    json_t *units = page_chart(p, &(struct chart){.type = CHART_SCATTER,
                                                  .title = "Each unit of the layer, last seed",
                                                  .x = "variance in evaluation",
                                                  .y = "variance in training"});
    for (int i = 0; i < PLACES; i++) {
        json_t *points = page_series(p, units, places[i].name);
        for (int u = 0; u < UNITS; u++)
            page_point(p, points, variance(&s[i].evaluation, u), variance(&s[i].training, u),
                       (double)NAN);
    }
}

/* Shifted: by more than a twentieth, in every seed. */
static void judge(struct finding *f, const struct shift *s) {
    const struct errors *before = s[BEFORE].figure, *behind = s[BEHIND].figure;
    struct gain gain = lab_gain(&before[ERROR], &behind[ERROR]);
    int shifted = 0, same = 0;
    for (int i = 0; i < before[RATIO].seeds; i++) {
        double shift = fabs(before[RATIO].of[i] - 1); /* NaN where no unit varies */
        shifted += shift > 0.05, same += shift <= 0.05;
    }
    bool opposed = lab_gain(&behind[ERROR], &before[ERROR]).clear;
    f->verdict = opposed || same == before[RATIO].seeds         ? VERDICT_FAILED
                 : shifted == before[RATIO].seeds && gain.clear ? VERDICT_HELD
                                                                : VERDICT_OPEN;
    snprintf(
        f->result, sizeof f->result,
        "Variance in training over that in evaluation: %.2f with dropout before the batch "
        "norm, %.2f behind it. Wrong: %.2f %% and %.2f %%, %.2f less behind it (standard error "
        "%.2f, seeds paired). With statistics that fit, dropout before it goes to %.2f %% "
        "wrong, and from loss %.4f to %.4f.",
        before[RATIO].over.mean, behind[RATIO].over.mean, before[ERROR].over.mean,
        behind[ERROR].over.mean, gain.mean, gain.error, before[FITTED_ERROR].over.mean,
        before[LOSS].over.mean, before[FITTED_LOSS].over.mean);
}

enum err lab_batchnorm(struct lab *lab, struct finding *f) {
    struct shift *s = calloc(PLACES, sizeof *s);
    int seeds = lab_choose(lab, 3, 5);
    if (!s) return err_memory("the variances of a layer");
    enum err rc = OK;
    for (int i = 0; i < PLACES && !rc; i++) rc = examine(lab, i, seeds, &s[i]);
    if (!rc) {
        add_results(&lab->page, s);
        add_charts(&lab->page, s);
        judge(f, s);
        snprintf(f->measured, sizeof f->measured,
                 "the input of a batch norm of %d units for up to %d test pictures, %d passes with "
                 "dropout on; scores with the running statistics and with those of evaluation",
                 UNITS, ROWS, PASSES);
        snprintf(f->seeds, sizeof f->seeds, "1 to %d", seeds);
    }
    free(s);
    return rc;
}
