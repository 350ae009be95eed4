/* Mean and variance of activations, in training mode and in evaluation, with and without the factor
 * 1/(1-p). */
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256, LAYERS = 4, SCORED = 10000 };

/* Sums over rows, units and passes. */
struct sums {
    double n, x, xx;
};

static void add(struct sums *s, const float *values, size_t n, double scale) {
    for (size_t i = 0; i < n; i++) {
        double x = (double)values[i] * scale;
        s->n++, s->x += x, s->xx += x * x;
    }
}

static double mean(const struct sums *s) {
    return s->x / s->n;
}

static double variance(const struct sums *s) {
    return s->xx / s->n - mean(s) * mean(s);
}

/* One dropout layer: what comes into it in evaluation, and what leaves it in training mode. */
struct observed {
    const struct layer *layer;
    char input[100], output[100]; /* names of the values */
    double rate;
    struct sums off, scaled, unscaled;
};

static void name_values(struct observed *o, const struct probe *p) {
    const struct plan *plan = p->runner.plan;
    o->rate = p->control.draw[o->layer->draw].rate;
    snprintf(o->output, sizeof o->output, "%s.dropout", o->layer->name);
    int value = probe_find(p, o->output);
    for (int i = 0; i < plan->nsteps && value >= 0; i++)
        if (plan->steps[i].out[0] == value)
            snprintf(o->input, sizeof o->input, "%s", plan->values[plan->steps[i].in[0]].name);
}

static enum err watch(struct probe *p, const char *name, struct sums *a, double scale_a,
                      struct sums *b, double scale_b) {
    float *values = NULL;
    int features;
    TRY(probe_read(p, name, &values, &features));
    add(a, values, (size_t)p->rows * (size_t)features, scale_a);
    if (b) add(b, values, (size_t)p->rows * (size_t)features, scale_b);
    free(values);
    return OK;
}

static enum err watch_training(struct probe *p, struct observed *o, int count, int passes) {
    for (int pass = 0; pass < passes; pass++) {
        TRY(probe_run(p, (uint32_t)pass));
        for (int i = 0; i < count; i++) {
            if (!pass) name_values(&o[i], p);
            TRY(watch(p, o[i].output, &o[i].scaled, 1, &o[i].unscaled, 1 - o[i].rate));
        }
    }
    return OK;
}

static enum err observe(struct lab *lab, const struct model *m, struct observed *o, int count,
                        int passes) {
    struct probe p;
    TRY(probe_open(&p, lab, m, PLAN_MC, ROWS));
    enum err rc = watch_training(&p, o, count, passes);
    probe_close(&p);
    if (rc) return rc;
    TRY(probe_open(&p, lab, m, PLAN_EVAL, ROWS));
    rc = probe_run(&p, 0);
    for (int i = 0; i < count && !rc; i++) rc = watch(&p, o[i].input, &o[i].off, 1, NULL, 0);
    probe_close(&p);
    return rc;
}

static void add_table(struct page *p, const struct observed *o, int count) {
    static const char *const columns[] = {"layer",
                                          "rate",
                                          "",
                                          "evaluation",
                                          "training with 1/(1-p)",
                                          "training without",
                                          "predicted with",
                                          "predicted without",
                                          NULL};
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < count; i++) {
        double q = 1 - o[i].rate, m = mean(&o[i].off), v = variance(&o[i].off);
        double with = (v + m * m) / q - m * m; /* E[x^2] / q - mean^2 */
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", o[i].layer->name);
        page_cell(p, row, "%g", o[i].rate);
        page_cell(p, row, "mean");
        const double means[] = {m, mean(&o[i].scaled), mean(&o[i].unscaled), m, q * m};
        for (int k = 0; k < 5; k++) page_cell(p, row, "%.4f", means[k]);
        row = page_row(p, table);
        for (int k = 0; k < 2; k++) page_cell(p, row, " ");
        page_cell(p, row, "variance");
        const double variances[] = {v, variance(&o[i].scaled), variance(&o[i].unscaled), with,
                                    q * q * with};
        for (int k = 0; k < 5; k++) page_cell(p, row, "%.4f", variances[k]);
    }
    page_text(p, "The predictions hold exactly for the first layer that drops: what comes into it "
                 "is the same in both modes. Further up they do not, because what is not linear "
                 "in between changes the mean of what varies.");
}

/* The weights behind each layer that drops, times 1/(1-p): what evaluation sees of a network that
 * was trained without the factor, and never corrected for it. */
static enum err score_wrong(struct scorer *s, const struct lab *lab, const struct model *m,
                            const struct observed *o, int count, dropcl_score *score) {
    const struct layers *all = &lab->subject->model.layers;
    float *flat = malloc((m->plan->stored + 1) * sizeof *flat);
    double factor = 1;
    if (!flat) return err_memory("a changed model");
    memcpy(flat, m->flat, m->plan->stored * sizeof *flat);
    for (int i = 0; i < all->count; i++) {
        int rows, columns;
        for (int k = 0; k < count; k++)
            if (o[k].layer == &all->at[i]) factor /= 1 - o[k].rate;
        float *w = probe_parameter(m, all->at[i].name, "weight", &rows, &columns);
        for (int k = 0; w && k < rows * columns; k++) flat[(w - m->flat) + k] *= (float)factor;
        if (w) factor = 1;
    }
    enum err rc = scorer_score(s, m, flat, score);
    free(flat);
    return rc;
}

static enum err compare_scores(struct lab *lab, const struct model *m, const struct observed *o,
                               int count) {
    static const char *const columns[] = {"evaluation", "test loss", "test error", NULL};
    struct scorer s;
    dropcl_score right, wrong;
    TRY(scorer_open(&s, lab, m, SCORED));
    enum err rc = scorer_score(&s, m, m->flat, &right);
    if (!rc) rc = score_wrong(&s, lab, m, o, count, &wrong);
    scorer_close(&s);
    if (rc) return rc;
    json_t *table = page_table(&lab->page, "What it takes to forget the factor", columns);
    const dropcl_score *scores[] = {&right, &wrong};
    static const char *const names[] = {"activations of the right size",
                                        "activations 1/(1-p) times as large as in training"};
    for (int i = 0; i < 2; i++) {
        json_t *row = page_row(&lab->page, table);
        page_cell(&lab->page, row, "%s", names[i]);
        page_cell(&lab->page, row, "%.4f", scores[i]->loss);
        page_cell(&lab->page, row, "%.2f %%", 100 * (1 - scores[i]->accuracy));
    }
    return OK;
}

/* The mean over all draws differs from that of evaluation by chance only: in units of its standard
 * deviation, which follows from the activations. */
static double deviation(const struct observed *o) {
    double square = o->off.xx / o->off.n, q = 1 - o->rate;
    double spread = sqrt(square * o->rate / q / o->scaled.n);
    return spread > 0 ? (mean(&o->scaled) - mean(&o->off)) / spread : 0;
}

enum err lab_scaling(struct lab *lab, struct finding *f) {
    const struct model *m;
    struct observed o[LAYERS] = {{.rate = 0}};
    const struct layer *drops[LAYERS];
    int count = lab_layers(lab->subject, "dropout", drops, LAYERS),
        passes = lab_choose(lab, 30, 200);
    lab_note_subject(lab);
    for (int i = 0; i < count; i++) o[i].layer = drops[i];
    TRY(lab_model(lab, &m));
    TRY(observe(lab, m, o, count, passes));
    add_table(&lab->page, o, count);
    TRY(compare_scores(lab, m, o, count));
    double z = deviation(&o[0]), ratio = mean(&o[0].unscaled) / mean(&o[0].off);
    bool grows = variance(&o[0].scaled) > variance(&o[0].off);
    /* five standard deviations: once in two million */
    f->verdict = fabs(z) < 5 && grows ? VERDICT_HELD : VERDICT_FAILED;
    snprintf(
        f->measured, sizeof f->measured,
        "all activations around the layers that drop, for up to %d test pictures, %d passes with "
        "dropout on",
        ROWS, passes);
    snprintf(f->result, sizeof f->result,
             "Behind %s the mean is %.4f in training mode and %.4f in evaluation (%+.1f standard "
             "deviations); without the factor %.3f times as large (1-p = %g).",
             o[0].layer->name, mean(&o[0].scaled), mean(&o[0].off), z, ratio, 1 - o[0].rate);
    snprintf(f->seeds, sizeof f->seeds, "%llu", (unsigned long long)lab->subject->train.seed);
    return OK;
}
