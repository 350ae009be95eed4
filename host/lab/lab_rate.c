/* The rate of the hidden layers and of the input, and what the amount of data has to do with it. */
#include "base/text.h"
#include "lab/lab_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 5, POINTS = 12 };

/* One point of a curve over the seeds: errors in percent. */
struct outcome {
    struct stats held, test, train; /* rows held out; the test set; training mode */
};

struct trial {
    double input, hidden;
    int rows, epochs, validation, seeds;
};

static enum err make_text(struct lab *lab, const struct trial *t, char **out) {
    struct text layers = {0};
    text_add(&layers,
             "    - dropout: {rate: %g}\n"
             "    - dense: {name: fc1, units: 256, activation: relu}\n"
             "    - dropout: {rate: %g}\n"
             "    - dense: {name: fc2, units: 128, activation: relu}\n"
             "    - dropout: {rate: %g}\n",
             t->input, t->hidden, t->hidden);
    enum err rc =
        layers.failed ? err_memory("the layers of a network") : lab_network(lab, layers.data, out);
    text_free(&layers);
    return rc;
}

static enum err try(struct lab *lab, const struct trial *t, struct outcome *out) {
    double held[SEEDS], test[SEEDS], train[SEEDS];
    char *text = NULL;
    TRY(make_text(lab, t, &text));
    enum err rc = OK;
    for (int i = 0; i < t->seeds && !rc; i++) {
        struct lab_settings s = {.count = 0};
        struct model *m = NULL;
        dropcl_event e;
        lab_set(&s, "train.limit=%d", t->rows);
        lab_set(&s, "train.validation=%d", t->validation);
        lab_set(&s, "train.epochs=%d", t->epochs);
        lab_set(&s, "train.seed=%d", i + 1);
        rc = lab_train(lab, text, &s, &m, &e);
        model_free(m);
        held[i] = 100 * (1 - e.val_accuracy);
        test[i] = 100 * (1 - e.test_accuracy);
        train[i] = 100 * (1 - e.train_accuracy);
    }
    free(text);
    if (rc) return rc;
    *out = (struct outcome){stats_of(held, t->seeds), stats_of(test, t->seeds),
                            stats_of(train, t->seeds)};
    return OK;
}

/* ---- the rate ---- */

struct rates {
    const char *title, *x;
    double at[POINTS];
    int count;
    struct outcome outcome[POINTS];
    int best; /* by the rows held out */
};

static void add_chart(struct page *p, const struct rates *r, const char *caption) {
    json_t *chart = page_chart(
        p, &(struct chart){.title = r->title, .x = r->x, .y = "error, %", .caption = caption});
    static const char *const names[] = {"validation", "test", "training (dropout on)"};
    for (int line = 0; line < 3; line++) {
        json_t *series = page_series(p, chart, names[line]);
        for (int i = 0; i < r->count; i++) {
            const struct outcome *o = &r->outcome[i];
            const struct stats *s = line == 0 ? &o->held : line == 1 ? &o->test : &o->train;
            page_point(p, series, r->at[i], s->mean, s->spread);
        }
    }
}

static void find_best(struct rates *r) {
    r->best = 0;
    for (int i = 1; i < r->count; i++)
        if (r->outcome[i].held.mean < r->outcome[r->best].held.mean) r->best = i;
}

/* The standard error of the difference of two means. */
static double noise(const struct stats *a, const struct stats *b) {
    double va = isfinite(a->spread) ? a->spread * a->spread / a->count : 0;
    double vb = isfinite(b->spread) ? b->spread * b->spread / b->count : 0;
    return sqrt(va + vb);
}

static bool clearly_better(const struct outcome *a, const struct outcome *b) {
    return b->held.mean - a->held.mean > 2 * noise(&a->held, &b->held);
}

static void add_recommended(struct page *p, const struct rates *hidden, const struct rates *input) {
    static const char *const columns[] = {
        "layer",  "recommended rate (drop)", "as the papers' p (keep)",
        "source", "best here by validation", NULL};
    static const char *const rows[][4] = {
        {"hidden, fully connected", "0.5", "0.5", "Hinton et al. 2012; Srivastava et al. 2014"},
        {"input", "0.2", "0.8", "Hinton et al. 2012; Srivastava et al. 2014"},
        {"convolution", "0.1 to 0.3", "0.7 to 0.9", "Srivastava et al. 2014, SVHN and CIFAR"},
    };
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < 3; i++) {
        json_t *row = page_row(p, table);
        for (int k = 0; k < 4; k++) page_cell(p, row, "%s", rows[i][k]);
        if (i == 2)
            page_cell(p, row, "not measured");
        else
            page_cell(p, row, "%g", i ? input->at[input->best] : hidden->at[hidden->best]);
    }
}

static enum err measure(struct lab *lab, struct trial t, struct rates *r, bool input) {
    for (int i = 0; i < r->count; i++) {
        *(input ? &t.input : &t.hidden) = r->at[i];
        TRY(try(lab, &t, &r->outcome[i]));
    }
    find_best(r);
    return OK;
}

static void judge(struct finding *f, const struct rates *hidden, const struct rates *input) {
    const struct outcome *best = &hidden->outcome[hidden->best], *none = &hidden->outcome[0],
                         *much = &hidden->outcome[hidden->count - 1];
    bool inside = hidden->best > 0 && hidden->best < hidden->count - 1;
    bool less = input->at[input->best] <= hidden->at[hidden->best];
    f->verdict = !inside || !less                                           ? VERDICT_FAILED
                 : clearly_better(best, none) && clearly_better(best, much) ? VERDICT_HELD
                                                                            : VERDICT_OPEN;
    snprintf(f->result, sizeof f->result,
             "Hidden layers: best at %g with %.2f %% of the validation rows wrong (test %.2f %%), "
             "against %.2f %% without dropout and %.2f %% at %g; one standard error %.2f. Input: "
             "best at %g.",
             hidden->at[hidden->best], best->held.mean, best->test.mean, none->held.mean,
             much->held.mean, hidden->at[hidden->count - 1], noise(&best->held, &none->held),
             input->at[input->best]);
}

enum err lab_rate(struct lab *lab, struct finding *f) {
    struct trial t = {.rows = lab_rows(lab, 2000, 20000),
                      .epochs = lab_epochs(lab, 15, 40),
                      .validation = lab_choose(lab, 2000, 10000),
                      .seeds = lab_choose(lab, 3, SEEDS)};
    struct rates hidden = {
        "The rate of the hidden layers (input: 0)", "rate", {0, 0.2, 0.35, 0.5, 0.65, 0.8}, 6,
        {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}},        0};
    struct rates input = {"The rate of the input (hidden: 0.5)", "rate", {0, 0.1, 0.2, 0.4, 0.6}, 5,
                          {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}},   0};
    int all = lab->data->train.rows;
    if (t.validation > all / 4) t.validation = all / 4;
    if (t.rows > all - t.validation) t.rows = all - t.validation;
    TRY(measure(lab, t, &hidden, false));
    t.hidden = 0.5;
    TRY(measure(lab, t, &input, true));
    add_chart(&lab->page, &hidden, "Mean and standard deviation over the seeds.");
    add_chart(&lab->page, &input, NULL);
    add_recommended(&lab->page, &hidden, &input);
    snprintf(f->measured, sizeof f->measured,
             "784-256-128 units (or the data's own input) on %d training rows, %d epochs; rates "
             "chosen by %d rows held out",
             t.rows, t.epochs, t.validation);
    snprintf(f->seeds, sizeof f->seeds, "1 to %d", t.seeds);
    judge(f, &hidden, &input);
    return OK;
}

/* ---- the amount of data ---- */

struct sizes {
    int rows[POINTS], count;
    struct outcome with[POINTS], without[POINTS];
};

static double gain(const struct sizes *s, int i) {
    return s->without[i].test.mean - s->with[i].test.mean;
}

static void add_sizes(struct page *p, const struct sizes *s) {
    json_t *chart = page_chart(p, &(struct chart){.title = "Test error against the training rows",
                                                  .x = "training rows",
                                                  .y = "test error, %",
                                                  .logx = true,
                                                  .logy = true});
    json_t *without = page_series(p, chart, "no dropout"),
           *with = page_series(p, chart, "dropout, 0.2 in the input and 0.5 in hidden layers");
    json_t *second = page_chart(p, &(struct chart){.title = "What dropout gains",
                                                   .x = "training rows",
                                                   .y = "fewer errors, % of the test rows",
                                                   .logx = true});
    json_t *gains = page_series(p, second, "gain");
    for (int i = 0; i < s->count; i++) {
        page_point(p, without, s->rows[i], s->without[i].test.mean, s->without[i].test.spread);
        page_point(p, with, s->rows[i], s->with[i].test.mean, s->with[i].test.spread);
        page_point(p, gains, s->rows[i], gain(s, i), noise(&s->with[i].test, &s->without[i].test));
    }
}

static void judge_sizes(struct finding *f, const struct sizes *s) {
    int best = 0, last = s->count - 1;
    for (int i = 1; i < s->count; i++)
        if (gain(s, i) > gain(s, best)) best = i;
    double unsure = noise(&s->with[best].test, &s->without[best].test);
    bool inside = best > 0 && best < last;
    f->verdict = inside && gain(s, best) > 2 * unsure ? VERDICT_HELD
                 : inside                             ? VERDICT_OPEN
                                                      : VERDICT_FAILED;
    snprintf(f->result, sizeof f->result,
             "Dropout gains %+.2f %% of the test rows with %d training rows, most (%+.2f %%, one "
             "standard error %.2f) with %d, and %+.2f %% with %d.",
             gain(s, 0), s->rows[0], gain(s, best), unsure, s->rows[best], gain(s, last),
             s->rows[last]);
}

enum err lab_size(struct lab *lab, struct finding *f) {
    struct sizes s = {{100, 500, 2000, 8000},
                      4,
                      {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}},
                      {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}};
    int all = lab->data->train.rows, budget = lab_choose(lab, 40000, 1500000);
    if (lab->options->full) s.rows[s.count++] = 50000;
    if (lab->base->train.limit && lab->base->train.limit < all) all = lab->base->train.limit;
    while (s.count > 2 && s.rows[s.count - 1] > all) s.count--;
    struct trial t = {.seeds = lab_choose(lab, 3, SEEDS)};
    for (int i = 0; i < s.count; i++) {
        t.rows = s.rows[i];
        t.epochs = budget / t.rows;
        t.epochs = t.epochs < 8 ? 8 : t.epochs > 60 ? 60 : t.epochs;
        t.epochs = lab_epochs(lab, t.epochs, t.epochs);
        t.input = t.hidden = 0;
        TRY(try(lab, &t, &s.without[i]));
        t.input = 0.2, t.hidden = 0.5;
        TRY(try(lab, &t, &s.with[i]));
    }
    add_sizes(&lab->page, &s);
    snprintf(f->measured, sizeof f->measured,
             "the same network with and without dropout on %d to %d training rows; test error at "
             "the end of training",
             s.rows[0], s.rows[s.count - 1]);
    snprintf(f->seeds, sizeof f->seeds, "1 to %d", t.seeds);
    judge_sizes(f, &s);
    return OK;
}
