/* Test error against the number of Monte-Carlo passes that are averaged. */
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int counts[] = {1, 2, 3, 5, 10, 20, 50, 100};
enum { COUNTS = sizeof counts / sizeof counts[0], PASSES_MOST = 200, MOST = 1000000 };

/* All passes: what each says of each row. */
struct passes {
    float *p; /* [count][rows][classes] */
    int count, rows, classes;
};

static enum err run_passes(struct passes *s, struct lab *lab, const struct model *m) {
    struct probe probe;
    TRY(probe_open(&probe, lab, m, PLAN_MC, s->rows));
    size_t size = (size_t)s->rows * (size_t)s->classes;
    s->p = malloc((size_t)s->count * size * sizeof *s->p);
    enum err rc = s->p ? OK : err_memory("the outputs of all passes");
    for (int k = 0; k < s->count && !rc; k++) {
        float *outputs = NULL;
        int classes;
        rc = probe_run(&probe, (uint32_t)k);
        if (!rc)
            rc = probe_read_value(&probe, probe.runner.plan->probabilities, &outputs, &classes);
        if (!rc) memcpy(s->p + (size_t)k * size, outputs, size * sizeof *outputs);
        free(outputs);
        if (!rc && lab->options->stop && lab->options->stop(lab->options->user))
            rc = err_set(ERR_INTERRUPTED, "interrupted");
    }
    probe_close(&probe);
    return rc;
}

/* The fraction that the mean of passes first .. first + n - 1 gets wrong. */
static double error_of(const struct passes *s, const uint8_t *labels, int first, int n) {
    size_t size = (size_t)s->rows * (size_t)s->classes;
    int wrong = 0;
    for (int r = 0; r < s->rows; r++) {
        double most = -1;
        int best = 0;
        for (int c = 0; c < s->classes; c++) {
            double sum = 0;
            for (int k = first; k < first + n; k++)
                sum += (double)s->p[(size_t)k * size + (size_t)(r * s->classes + c)];
            if (sum > most) most = sum, best = c;
        }
        wrong += best != labels[r];
    }
    return (double)wrong / s->rows;
}

struct curve {
    double first, last, exact; /* errors in percent: one pass, most passes, evaluation */
    int most;
};

static void add_chart(struct lab *lab, const struct passes *s, struct curve *c) {
    struct page *p = &lab->page;
    json_t *chart = page_chart(
        p,
        &(struct chart){.title = "Test error against the number of passes",
                        .x = "passes averaged",
                        .y = "test error, %",
                        .logx = true,
                        .caption = "Bars: standard deviation between disjoint groups of passes."});
    json_t *series = page_series(p, chart, "mean of passes with dropout on");
    for (int i = 0; i < COUNTS && counts[i] <= s->count; i++) {
        double errors[PASSES_MOST];
        int groups = s->count / counts[i] < 10 ? s->count / counts[i] : 10;
        for (int g = 0; g < groups; g++)
            errors[g] = 100 * error_of(s, lab->data->test.labels, g * counts[i], counts[i]);
        struct stats st = stats_of(errors, groups);
        page_point(p, series, counts[i], st.mean, st.spread);
        if (!i) c->first = st.mean;
        c->last = st.mean;
        c->most = counts[i];
    }
    json_t *level = page_level(p, chart, "evaluation, dropout off");
    page_point(p, level, 1, c->exact, (double)NAN);
    page_point(p, level, c->most, c->exact, (double)NAN);
}

static enum err evaluate(struct lab *lab, const struct model *m, int rows, double *error) {
    struct scorer s;
    dropcl_score score;
    TRY(scorer_open(&s, lab, m, rows));
    enum err rc = scorer_score(&s, m, m->flat, &score);
    scorer_close(&s);
    *error = rc ? 0 : 100 * (1 - score.accuracy);
    return rc;
}

enum err lab_samples(struct lab *lab, struct finding *f) {
    const struct model *m;
    struct curve c = {.most = 0};
    int all = lab->data->test.rows;
    lab_note_subject(lab);
    TRY(lab_model(lab, &m));
    struct passes s = {.count = lab_choose(lab, 50, 100), .classes = m->classes};
    s.rows = lab_choose(lab, all < 5000 ? all : 5000, all);
    enum err rc = evaluate(lab, m, s.rows, &c.exact);
    if (!rc) rc = run_passes(&s, lab, m);
    if (!rc) add_chart(lab, &s, &c);
    free(s.p);
    if (rc) return rc;
    /* two standard deviations of an error rate that is counted on so many rows */
    double noise = 2 * sqrt(c.exact * (100 - c.exact) / s.rows);
    double margin = 0.1 * c.exact, more = c.last - c.exact; /* "as little": a tenth more errors */
    bool worse = c.first - c.exact > noise, better = c.exact - c.first > noise;
    f->verdict = worse && more <= margin           ? VERDICT_HELD
                 : better || more > margin + noise ? VERDICT_FAILED
                                                   : VERDICT_OPEN;
    snprintf(f->measured, sizeof f->measured, "%d passes over %d test pictures, in disjoint groups",
             s.count, s.rows);
    snprintf(f->result, sizeof f->result,
             "One pass: %.2f %% wrong; %d passes: %.2f %%; evaluation with dropout off: %.2f %% "
             "(differences below %.2f are noise).",
             c.first, c.most, c.last, c.exact, noise);
    snprintf(f->seeds, sizeof f->seeds, "%llu", (unsigned long long)lab->subject->train.seed);
    return OK;
}
