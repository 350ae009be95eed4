/* The rate of the hidden layers and of the input, and what the amount of data has to do with it. */
#include "base/text.h"
#include "lab/lab_private.h"
#include <stdio.h>

enum { POINTS = 12 };

/* Of the input and of both hidden layers. */
struct place {
    double input, hidden;
};

static enum err try_rates(struct lab *lab, const struct place *p, const struct trial *t,
                          struct outcome *out) {
    struct text layers = {0};
    text_add(&layers,
             "    - dropout: {rate: %g}\n"
             "    - dense: {name: fc1, units: 256, activation: relu}\n"
             "    - dropout: {rate: %g}\n"
             "    - dense: {name: fc2, units: 128, activation: relu}\n"
             "    - dropout: {rate: %g}\n",
             p->input, p->hidden, p->hidden);
    enum err rc =
        layers.failed ? err_memory("the layers of a network") : lab_try(lab, layers.data, t, out);
    text_free(&layers);
    return rc;
}

/* ---- the rate ---- */

struct rates {
    const char *title;
    double at[POINTS];
    int count;
    struct outcome outcome[POINTS];
    int best; /* by the rows held out */
};

static void add_chart(struct page *p, const struct rates *r, const char *caption) {
    json_t *chart = page_chart(
        p, &(struct chart){.title = r->title, .x = "rate", .y = "error, %", .caption = caption});
    static const char *const names[] = {"validation", "test", "training (dropout on)"};
    for (int line = 0; line < 3; line++) {
        json_t *series = page_series(p, chart, names[line]);
        for (int i = 0; i < r->count; i++) {
            const struct outcome *o = &r->outcome[i];
            const struct errors *e = line == 0 ? &o->held : line == 1 ? &o->test : &o->train;
            page_point(p, series, r->at[i], e->over.mean, e->over.spread);
        }
    }
}

static void find_best(struct rates *r) {
    r->best = 0;
    for (int i = 1; i < r->count; i++)
        if (r->outcome[i].held.over.mean < r->outcome[r->best].held.over.mean) r->best = i;
}

static void add_recommended(struct page *p, const struct rates *hidden, const struct rates *input) {
    static const char *const columns[] = {"layer",  "recommended (drop)", "papers' p (keep)",
                                          "source", "best here",          NULL};
    static const char *const rows[][4] = {
        {"hidden, fully connected", "0.4 to 0.5", "0.5 to 0.6",
         "Hinton et al. 2012; Srivastava et al. 2014"},
        {"input", "0 to 0.2", "0.8 to 1", "Hinton et al. 2012; Srivastava et al. 2014"},
        {"convolution", "0.1 to 0.3", "0.7 to 0.9", "Tompson et al. 2015"},
        {"between recurrent layers", "0.2 to 0.5", "0.5 to 0.8", "Gal, Ghahramani 2016"},
    };
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < 4; i++) {
        json_t *row = page_row(p, table);
        for (int k = 0; k < 4; k++) page_cell(p, row, "%s", rows[i][k]);
        if (i == 2)
            page_cell(p, row, "see dropping in convolutions");
        else if (i == 3)
            page_cell(p, row, "no such layers here");
        else
            page_cell(p, row, "%g", i ? input->at[input->best] : hidden->at[hidden->best]);
    }
}

/* Input rates are measured at one rate of the hidden layers, these without any at the input. */
static enum err measure(struct lab *lab, const struct trial *t, struct rates *r,
                        const struct rates *hidden) {
    for (int i = 0; i < r->count; i++) {
        const struct place p = {hidden ? r->at[i] : 0,
                                hidden ? hidden->at[hidden->best] : r->at[i]};
        TRY(try_rates(lab, &p, t, &r->outcome[i]));
    }
    find_best(r);
    return OK;
}

/* Chosen by the rows held out, so judged by the test set: what was best of several by chance is not
 * so there. */
static enum verdict judge_hidden(const struct rates *r) {
    struct errors test[POINTS];
    for (int i = 0; i < r->count; i++) test[i] = r->outcome[i].test;
    return lab_peak(test, r->count, r->best);
}

/* The input's best is not above the hidden layers'. */
static enum verdict judge_input(const struct rates *hidden, const struct rates *input) {
    int as_much = 0;
    for (int i = 0; i < input->count; i++)
        if (input->at[i] <= hidden->at[hidden->best]) as_much = i;
    if (input->best <= as_much) return VERDICT_HELD;
    const struct outcome *o = input->outcome;
    return lab_gain(&o[as_much].test, &o[input->best].test).clear ? VERDICT_FAILED : VERDICT_OPEN;
}

static void judge(struct finding *f, const struct rates *hidden, const struct rates *input) {
    const struct outcome *best = &hidden->outcome[hidden->best],
                         *much = &hidden->outcome[hidden->count - 1],
                         *best_input = &input->outcome[input->best];
    struct gain over_none = lab_gain(&hidden->outcome[0].test, &best->test),
                over_much = lab_gain(&much->test, &best->test),
                over_no_input = lab_gain(&input->outcome[0].test, &best_input->test);
    enum verdict inside = judge_hidden(hidden), less = judge_input(hidden, input);
    f->verdict = inside == VERDICT_FAILED || less == VERDICT_FAILED ? VERDICT_FAILED
                 : inside == VERDICT_HELD && less == VERDICT_HELD   ? VERDICT_HELD
                                                                    : VERDICT_OPEN;
    snprintf(
        f->result, sizeof f->result,
        "Hidden layers: %g by the rows held out, with %.2f %% of the test rows wrong, %.2f less "
        "than without dropout (one standard error %.2f, seeds paired) and %.2f less than at "
        "%g. Input, with that in the hidden layers: %g, %.2f %% wrong, %.2f less than at 0 "
        "(%.2f).",
        hidden->at[hidden->best], best->test.over.mean, over_none.mean, over_none.error,
        over_much.mean, hidden->at[hidden->count - 1], input->at[input->best],
        best_input->test.over.mean, over_no_input.mean, over_no_input.error);
}

enum err lab_rate(struct lab *lab, struct finding *f) {
    struct trial t = {.rows = lab_rows(lab, 2000, 10000),
                      .validation = lab_choose(lab, 5000, 10000),
                      .seeds = lab_choose(lab, 5, TRIAL_SEEDS)};
    struct rates hidden = {.title = "The rate of the hidden layers (input: 0)",
                           .at = {0, 0.2, 0.35, 0.5, 0.65, 0.8},
                           .count = 6};
    char title[64];
    struct rates input = {.title = title, .at = {0, 0.1, 0.2, 0.35, 0.5}, .count = 5};
    t.epochs = lab_epochs_on(lab, lab_trial_rows(lab, &t), 100);
    TRY(measure(lab, &t, &hidden, NULL));
    snprintf(title, sizeof title, "The rate of the input (hidden: %g)", hidden.at[hidden.best]);
    TRY(measure(lab, &t, &input, &hidden));
    add_chart(&lab->page, &hidden, "Mean and standard deviation over the seeds.");
    add_chart(&lab->page, &input, NULL);
    add_recommended(&lab->page, &hidden, &input);
    snprintf(
        f->measured, sizeof f->measured,
        "256 and 128 hidden units on %d training rows, %d epochs; rates chosen by %d rows held "
        "out, then compared by their test errors",
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

static struct gain gain(const struct sizes *s, int i) {
    return lab_gain(&s->without[i].test, &s->with[i].test);
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
        const struct stats *o = &s->without[i].test.over, *w = &s->with[i].test.over;
        struct gain g = gain(s, i);
        page_point(p, without, s->rows[i], o->mean, o->spread);
        page_point(p, with, s->rows[i], w->mean, w->spread);
        page_point(p, gains, s->rows[i], g.mean, g.error);
    }
}

/* Most in the middle: of what dropout adds to the errors, which is little where it gains much. */
static enum verdict verdict_of(const struct sizes *s, int best, int seeds) {
    struct errors added[POINTS];
    for (int i = 0; i < s->count; i++) {
        added[i].seeds = seeds;
        for (int k = 0; k < seeds; k++)
            added[i].of[k] = s->with[i].test.of[k] - s->without[i].test.of[k];
    }
    enum verdict peak = lab_peak(added, s->count, best);
    return peak == VERDICT_HELD && !gain(s, best).clear ? VERDICT_OPEN : peak;
}

static void judge_sizes(struct finding *f, const struct sizes *s, int seeds) {
    int best = 0, last = s->count - 1;
    for (int i = 1; i < s->count; i++)
        if (gain(s, i).mean > gain(s, best).mean) best = i;
    struct gain few = gain(s, 0), most = gain(s, best), all = gain(s, last);
    f->verdict = verdict_of(s, best, seeds);
    snprintf(f->result, sizeof f->result,
             "Dropout gains %+.2f %% of the test rows with %d training rows (one standard error "
             "%.2f), %+.2f %% (%.2f) with %d; most, %+.2f %% (%.2f), with %d.",
             few.mean, s->rows[0], few.error, all.mean, all.error, s->rows[last], most.mean,
             most.error, s->rows[best]);
}

/* Where there are fewer rows than the third size has, parts of what there is. */
static void choose_sizes(struct sizes *s, const struct lab *lab) {
    int all = lab->data->train.rows, limit = lab->base->train.limit;
    if (limit && limit < all) all = limit;
    if (lab->options->full) s->rows[s->count++] = 50000;
    if (all < s->rows[2]) {
        s->rows[0] = all < 4 ? 1 : all / 4;
        s->rows[1] = all < 2 ? 1 : all / 2;
        s->rows[2] = all;
    }
    while (s->rows[s->count - 1] > all) s->count--;
}

/* As many samples for every size, so that none is cut short. */
static int epochs_of(const struct lab *lab, int rows) {
    int epochs = lab_choose(lab, 200000, 1000000) / rows;
    return lab_epochs_on(lab, rows, epochs < 20 ? 20 : epochs > 400 ? 400 : epochs);
}

enum err lab_size(struct lab *lab, struct finding *f) {
    static const struct place none = {0, 0}, usual = {0.2, 0.5};
    struct sizes s = {.rows = {100, 500, 2000, 8000}, .count = 4};
    struct trial t = {.seeds = lab_choose(lab, 5, TRIAL_SEEDS)};
    choose_sizes(&s, lab);
    for (int i = 0; i < s.count; i++) {
        t.rows = s.rows[i];
        t.epochs = epochs_of(lab, t.rows);
        TRY(try_rates(lab, &none, &t, &s.without[i]));
        TRY(try_rates(lab, &usual, &t, &s.with[i]));
    }
    add_sizes(&lab->page, &s);
    snprintf(f->measured, sizeof f->measured,
             "the same network with and without dropout on %d to %d training rows; test error at "
             "the end of training",
             s.rows[0], s.rows[s.count - 1]);
    snprintf(f->seeds, sizeof f->seeds, "1 to %d", t.seeds);
    judge_sizes(f, &s, t.seeds);
    return OK;
}
