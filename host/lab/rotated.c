/* The figures of the experiment with turned pictures. */
#include "lab/rotated.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const score_names[] = {[SCORE_CONFIDENCE] = "confidence, dropout off",
                                          [SCORE_ENTROPY] = "entropy",
                                          [SCORE_INFORMATION] = "information"};

/* ---- one picture ---- */

/* So wide that the names of the classes fit below, all angles in a row where they are short. */
static int width_for(const struct dataset *d, int classes) {
    size_t longest = 0;
    for (int c = 0; c < classes; c++) {
        size_t length = strlen(d->class_names[c]);
        if (length > longest) longest = length;
    }
    return longest > 3 ? 88 : 66;
}

static void add_pictures(struct page *p, const struct example *e, const struct dataset *d,
                         int classes) {
    size_t pixels = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    json_t *list = page_pictures(p, "One picture, turned",
                                 "Below each: the class of the largest mean probability, that "
                                 "probability, and the information in nats.",
                                 width_for(d, classes));
    for (int t = 0; t < TURNS; t++) {
        const float *mean = e->p + t * classes;
        int best = stats_largest(mean, classes);
        page_picture(p, list, e->pictures + (size_t)t * pixels, d->width, d->height, d->channels,
                     "%d\xc2\xb0\n%s: %.2f\n%.3f", t * TURN_STEP, d->class_names[best],
                     e->at[t].probability, e->at[t].information);
    }
}

/* The class of the largest mean at any angle that is not among the `n` there are already. */
static int next_class(const struct example *e, int classes, const int *taken, int n) {
    int best = -1;
    float most = -1;
    for (int c = 0; c < classes; c++) {
        bool known = false;
        for (int i = 0; i < n; i++) known = known || taken[i] == c;
        for (int t = 0; t < TURNS && !known; t++)
            if (e->p[t * classes + c] > most) most = e->p[t * classes + c], best = c;
    }
    return best;
}

/* Every point is one pass; classes stand side by side so that they do not hide each other. */
static void add_passes(struct page *p, const struct example *e, const struct dataset *d,
                       int classes) {
    enum { SHOWN = 3 };
    int shown[SHOWN];
    json_t *chart = page_chart(
        p, &(struct chart){.type = CHART_SCATTER,
                           .title = "Its passes, one by one",
                           .x = "degrees",
                           .y = "probability",
                           .caption = "Each point is one pass with dropout on: how far they lie "
                                      "apart is what they disagree about. The three classes that "
                                      "are likeliest anywhere, drawn side by side."});
    for (int i = 0; i < SHOWN && i < classes; i++) {
        shown[i] = next_class(e, classes, shown, i);
        json_t *series = page_series(p, chart, d->class_names[shown[i]]);
        for (int k = 0; k < TURNS * COPIES; k++)
            page_point(p, series, k / COPIES * TURN_STEP + 4 * i,
                       (double)e->single[k * classes + shown[i]], (double)NAN);
    }
}

/* ---- all pictures ---- */

static void add_line(struct page *p, json_t *chart, const char *name, const struct rotated *x,
                     enum figure figure) {
    json_t *series = page_series(p, chart, name);
    for (int t = 0; t < TURNS; t++)
        page_point(p, series, x->turn[t].degrees, x->turn[t].of[figure], (double)NAN);
}

static void add_accuracy(struct page *p, const struct rotated *x) {
    json_t *chart =
        page_chart(p, &(struct chart){.title = "Accuracy",
                                      .x = "degrees",
                                      .y = "test accuracy",
                                      .caption = "Some pictures can be read again upside down."});
    add_line(p, chart, "mean of the passes", x, ACCURACY);
    add_line(p, chart, "dropout off", x, ACCURACY_OFF);
}

static void add_uncertainty(struct page *p, const struct rotated *x) {
    json_t *chart = page_chart(
        p, &(struct chart){.title = "Uncertainty",
                           .x = "degrees",
                           .y = "nats, mean over the pictures",
                           .caption = "The entropy of the mean of the passes is the sum of the "
                                      "other two: what each pass is unsure about, and what the "
                                      "passes disagree about."});
    add_line(p, chart, "entropy", x, ENTROPY);
    add_line(p, chart, "expected entropy", x, EXPECTED);
    add_line(p, chart, "information", x, INFORMATION);
}

static void add_areas(struct page *p, const struct rotated *x) {
    json_t *chart = page_chart(
        p, &(struct chart){.title = "Telling wrong answers from right ones",
                           .x = "degrees",
                           .y = "area under the ROC curve",
                           .caption = "The chance that a wrong answer scores higher than a right "
                                      "one; bars: standard error."});
    for (int s = 0; s < SCORES; s++) {
        json_t *series = page_series(p, chart, score_names[s]);
        for (int t = 0; t < TURNS; t++)
            page_point(p, series, x->turn[t].degrees, x->turn[t].auc[s].area,
                       x->turn[t].auc[s].error);
    }
    json_t *level = page_level(p, chart, "chance");
    page_point(p, level, 0, 0.5, (double)NAN);
    page_point(p, level, (TURNS - 1) * TURN_STEP, 0.5, (double)NAN);
}

enum { SHARES = 20 };

/* The answers of the highest scores are left out, a twentieth more each time; equal scores stay
 * together. What is left out is a hit when it is wrong. */
static void add_shares(struct page *p, const struct rotated *x, enum score score,
                       const float *ranks, json_t *answers, json_t *roc) {
    const bool *wrong = x->wrong[score];
    int all = TURNS * x->rows;
    for (int share = 0; share <= SHARES; share++) {
        int kept[2] = {0, 0}; /* right ones, wrong ones */
        for (int i = 0; i < all; i++)
            if (ranks[i] * SHARES <= (float)all * (float)share) kept[wrong[i]]++;
        int answered = kept[0] + kept[1];
        if (answered)
            page_point(p, answers, 100.0 * answered / all, (double)kept[0] / answered, (double)NAN);
        page_point(p, roc, 1 - (double)kept[0] / x->all[score].others,
                   1 - (double)kept[1] / x->all[score].marked, (double)NAN);
    }
}

static enum err add_curves(struct page *p, const struct rotated *x) {
    float *ranks = malloc(TURNS * (size_t)x->rows * sizeof *ranks);
    if (!ranks) return err_memory("ranks");
    json_t *answers =
        page_chart(p, &(struct chart){.title = "Answering only where the network is sure",
                                      .x = "share of the pictures answered, %",
                                      .y = "accuracy of these answers",
                                      .caption = "All angles together, the lowest scores first."});
    json_t *roc =
        page_chart(p, &(struct chart){.title = "The ROC curve",
                                      .x = "right answers left out",
                                      .y = "wrong answers left out",
                                      .caption = "All angles together, the highest scores first."});
    enum err rc = OK;
    for (int s = 0; s < SCORES && !rc; s++) {
        rc = stats_ranks(x->score[s], TURNS * x->rows, ranks);
        if (!rc)
            add_shares(p, x, s, ranks, page_series(p, answers, score_names[s]),
                       page_series(p, roc, score_names[s]));
    }
    json_t *level = page_level(p, roc, "chance");
    page_point(p, level, 0, 0, (double)NAN);
    page_point(p, level, 1, 1, (double)NAN);
    free(ranks);
    return rc;
}

static void add_table(struct page *p, const struct rotated *x) {
    static const char *const columns[] = {"score, over all angles", "area under the ROC curve",
                                          "standard error", NULL};
    json_t *table = page_table(p, NULL, columns);
    for (int s = 0; s < SCORES; s++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", score_names[s]);
        page_cell(p, row, "%.4f", x->all[s].area);
        page_cell(p, row, "%.4f", x->all[s].error);
    }
}

enum err rotated_figures(struct page *p, const struct rotated *x, const struct dataset *d,
                         const struct example *e) {
    add_pictures(p, e, d, x->classes);
    add_passes(p, e, d, x->classes);
    add_uncertainty(p, x);
    add_accuracy(p, x);
    add_areas(p, x);
    TRY(add_curves(p, x));
    add_table(p, x);
    return OK;
}
