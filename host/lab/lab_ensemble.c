/* All 2^n networks of a softmax layer behind a dropout layer, one by one. */
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 12, NETWORKS = 1 << UNITS, ROWS = 100, CLASSES_MOST = 64 };

/* The layer to enumerate: h is what comes into its dropout, p = 0.5, so all networks weigh the
 * same. */
struct head {
    const float *weight, *bias; /* [UNITS][classes], [classes] */
    int classes;
};

static void softmax(double *x, int n) {
    double most = x[0], sum = 0;
    for (int i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (int i = 0; i < n; i++) sum += x[i] = exp(x[i] - most);
    for (int i = 0; i < n; i++) x[i] /= sum;
}

static int largest(const double *p, int n) {
    int best = 0;
    for (int i = 1; i < n; i++)
        if (p[i] > p[best]) best = i;
    return best;
}

/* The logits of the network that keeps the units of `mask`, each kept one doubled. */
static void logits(const struct head *h, const float *x, unsigned mask, double scale, double *out) {
    for (int c = 0; c < h->classes; c++) out[c] = (double)h->bias[c];
    for (int u = 0; u < UNITS; u++)
        for (int c = 0; mask >> u & 1 && c < h->classes; c++)
            out[c] += scale * (double)x[u] * (double)h->weight[u * h->classes + c];
}

/* What all networks say about one row. */
struct enumerated {
    double geometric[CLASSES_MOST], arithmetic[CLASSES_MOST], scaled[CLASSES_MOST];
    int right; /* networks that are right */
};

static void enumerate(const struct head *h, const float *x, int label, struct enumerated *out) {
    double p[CLASSES_MOST];
    *out = (struct enumerated){.right = 0};
    for (unsigned mask = 0; mask < NETWORKS; mask++) {
        logits(h, x, mask, 2, p);
        softmax(p, h->classes);
        out->right += largest(p, h->classes) == label;
        for (int c = 0; c < h->classes; c++) {
            out->arithmetic[c] += p[c] / NETWORKS;
            out->geometric[c] += log(p[c]) / NETWORKS;
        }
    }
    softmax(out->geometric, h->classes); /* exp, and normalised */
    logits(h, x, NETWORKS - 1, 1, out->scaled);
    softmax(out->scaled, h->classes);
}

/* ---- over the rows ---- */

struct totals {
    /* largest distances: of the geometric mean from weight scaling and from the device, of the
     * arithmetic mean from weight scaling */
    double geometric, device, arithmetic;
    int wrong_scaled, wrong_mean;
    double wrong_networks;
    double *mean; /* [ROWS][classes]: arithmetic */
    int rows;
};

static double distance(const double *a, const double *b, int n) {
    double most = 0;
    for (int i = 0; i < n; i++) most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

static void add_row(struct totals *t, const struct head *h, const struct enumerated *e, int row,
                    int label, const float *device) {
    double seen[CLASSES_MOST];
    for (int c = 0; c < h->classes; c++) seen[c] = (double)device[c];
    t->geometric = fmax(t->geometric, distance(e->geometric, e->scaled, h->classes));
    t->device = fmax(t->device, distance(e->geometric, seen, h->classes));
    t->arithmetic = fmax(t->arithmetic, distance(e->arithmetic, e->scaled, h->classes));
    t->wrong_scaled += largest(e->scaled, h->classes) != label;
    t->wrong_mean += largest(e->arithmetic, h->classes) != label;
    t->wrong_networks += 1 - (double)e->right / NETWORKS;
    memcpy(t->mean + row * h->classes, e->arithmetic, (size_t)h->classes * sizeof(double));
}

static enum err enumerate_rows(struct lab *lab, const struct model *m, const struct head *h,
                               struct totals *t) {
    struct probe p;
    float *inner = NULL, *outputs = NULL;
    int units, classes;
    TRY(probe_open(&p, lab, m, PLAN_EVAL, ROWS));
    t->rows = p.rows;
    enum err rc = probe_run(&p, 0);
    if (!rc) rc = probe_read_value(&p, p.runner.plan->probabilities, &outputs, &classes);
    if (!rc) rc = probe_read(&p, "few.relu", &inner, &units);
    t->mean = malloc((size_t)ROWS * CLASSES_MOST * sizeof *t->mean);
    if (!rc && !t->mean) rc = err_memory("the means of an ensemble");
    for (int r = 0; r < p.rows && !rc; r++) {
        struct enumerated e;
        int label = lab->data->test.labels[r];
        enumerate(h, inner + r * UNITS, label, &e);
        add_row(t, h, &e, r, label, outputs + r * classes);
    }
    free(inner);
    free(outputs);
    probe_close(&p);
    return rc;
}

/* ---- Monte Carlo against the exact mean ---- */

static double mean_distance(const double *sum, int passes, const struct totals *t, int classes) {
    double total = 0;
    for (int i = 0; i < t->rows * classes; i++) total += fabs(sum[i] / passes - t->mean[i]);
    return total / (t->rows * classes);
}

/* Distances from the exact mean, after one pass and after twice as many each time. */
enum { DOUBLINGS = 11 };
struct approach {
    double at[DOUBLINGS];
    int count;
};

static enum err run_passes(struct probe *p, double *sum, const struct totals *t, int passes,
                           struct approach *out) {
    for (int k = 1; k <= passes; k++) {
        float *values = NULL;
        int classes;
        TRY(probe_run(p, (uint32_t)(k - 1)));
        TRY(probe_read_value(p, p->runner.plan->probabilities, &values, &classes));
        for (int i = 0; i < t->rows * classes; i++) sum[i] += (double)values[i];
        free(values);
        if ((k & (k - 1)) == 0) out->at[out->count++] = mean_distance(sum, k, t, classes);
    }
    return OK;
}

static void add_chart(struct page *p, const struct approach *a) {
    json_t *chart = page_chart(
        p, &(struct chart){.title = "How fast Monte Carlo comes to the exact mean",
                           .x = "passes with dropout on",
                           .y = "mean distance of a probability",
                           .logx = true,
                           .logy = true,
                           .caption = "The dashed line falls with the square root of the passes."});
    json_t *series = page_series(p, chart, "mean of the device's passes");
    json_t *level = page_level(p, chart, "1 / square root");
    for (int i = 0; i < a->count; i++) {
        page_point(p, series, 1 << i, a->at[i], (double)NAN);
        page_point(p, level, 1 << i, a->at[0] / sqrt(1 << i), (double)NAN);
    }
}

/* gain: how much closer the last pass is than the first. */
static enum err sample(struct lab *lab, const struct model *m, const struct totals *t,
                       const struct head *h, double *gain) {
    struct probe p;
    struct approach a = {.count = 0};
    double *sum = calloc((size_t)t->rows * (size_t)h->classes, sizeof *sum);
    if (!sum) return err_memory("sums over passes");
    enum err rc = probe_open(&p, lab, m, PLAN_MC, ROWS);
    if (!rc) {
        rc = run_passes(&p, sum, t, lab_choose(lab, 64, 1 << (DOUBLINGS - 1)), &a);
        probe_close(&p);
    }
    free(sum);
    if (rc) return rc;
    add_chart(&lab->page, &a);
    *gain = a.at[0] / a.at[a.count - 1];
    return OK;
}

static void add_table(struct page *p, const struct totals *t) {
    static const char *const columns[] = {"who answers", "error on these rows", NULL};
    const struct {
        const char *name;
        double wrong;
    } rows[] = {{"one of the networks, on average", t->wrong_networks},
                {"the mean of all of them", t->wrong_mean},
                {"evaluation with dropout off", t->wrong_scaled}};
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < 3; i++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", rows[i].name);
        page_cell(p, row, "%.2f %%", 100 * rows[i].wrong / t->rows);
    }
}

static enum err examine(struct lab *lab, const struct model *m, struct finding *f) {
    struct head h = {.classes = lab->data->classes};
    struct totals t = {.mean = NULL};
    double gain = 0;
    int rows, columns;
    h.weight = probe_parameter(m, "out", "weight", &rows, &columns);
    h.bias = probe_parameter(m, "out", "bias", &rows, &columns);
    if (!h.weight || !h.bias || h.classes > CLASSES_MOST)
        return err_set(ERR_RECIPE, "the last layer of the lab's network cannot be enumerated");
    enum err rc = enumerate_rows(lab, m, &h, &t);
    if (!rc) {
        add_table(&lab->page, &t);
        rc = sample(lab, m, &t, &h, &gain);
    }
    free(t.mean);
    if (rc) return rc;
    if (t.arithmetic < 1e-6)
        return err_set(ERR_RECIPE,
                       "none of the %d units is ever active, so that all networks say "
                       "the same",
                       UNITS);
    /* float32 against double: a probability is given to 1e-7 or so */
    f->verdict = t.geometric < 1e-12 && t.device < 1e-6 ? VERDICT_HELD : VERDICT_FAILED;
    snprintf(f->result, sizeof f->result,
             "Largest distance from the geometric mean: %.1e by the formula, %.1e of the device's "
             "32-bit evaluation. The arithmetic mean is at most %.3f away. Monte Carlo comes "
             "%.1f times closer to it from the first to the last pass.",
             t.geometric, t.device, t.arithmetic, gain);
    return OK;
}

enum err lab_ensemble(struct lab *lab, struct finding *f) {
    char *text = NULL;
    struct model *m = NULL;
    struct lab_settings s = {.count = 0};
    TRY(lab_network(lab,
                    "    - dense: {name: fc1, units: 64, activation: relu}\n"
                    "    - dense: {name: few, units: 12, activation: relu}\n"
                    "    - dropout: {rate: 0.5}\n",
                    &text));
    lab_set(&s, "train.limit=%d", lab_rows(lab, 10000, 0));
    lab_set(&s, "train.epochs=%d", lab_epochs(lab, 10, 30));
    lab_set(&s, "train.optimizer.sgd.lr=0.01"); /* twelve units die easily */
    snprintf(f->measured, sizeof f->measured,
             "a network whose last hidden layer has %d units with dropout 0.5: all %d networks, "
             "for up to %d test pictures",
             UNITS, NETWORKS, ROWS);
    snprintf(f->seeds, sizeof f->seeds, "1");
    enum err rc = lab_train(lab, text, &s, &m, NULL);
    if (!rc) rc = examine(lab, m, f);
    model_free(m);
    free(text);
    return rc;
}
