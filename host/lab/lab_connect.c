/* Dropping weights instead of activations, and the two ways to evaluate what was trained so: Wan,
 * Zeiler, Zhang, LeCun, Fergus 2013, "Regularization of Neural Networks using DropConnect". */
#include "lab/lab_private.h"
#include "train/ensemble.h"
#include "train/predict.h"
#include "train/uncertainty.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same two hidden layers three times. */
enum { NONE, DROPOUT, DROPCONNECT, NETWORKS };
static const struct {
    const char *name, *layers;
} networks[NETWORKS] = {
    [NONE] = {"none", "    - dense: {name: fc1, units: 256, activation: relu}\n"
                      "    - dense: {name: fc2, units: 128, activation: relu}\n"},
    [DROPOUT] = {"dropout", lab_dense_dropout},
    [DROPCONNECT] = {"dropconnect",
                     "    - dropconnect: {name: fc1, units: 256, rate: 0.5, activation: relu, "
                     "inference: gaussian}\n"
                     "    - dropconnect: {name: fc2, units: 128, rate: 0.5, activation: relu, "
                     "inference: gaussian}\n"},
};

/* Of training, mean over the seeds, epoch by epoch. */
enum { EPOCHS_MOST = 100 };
struct losses {
    double at[NETWORKS][EPOCHS_MOST];
    int network, seeds; /* the one in training */
};

static void note_epoch(void *watcher, const dropcl_event *e) {
    struct losses *l = watcher;
    if (e->epoch <= EPOCHS_MOST) l->at[l->network][e->epoch - 1] += e->train_loss / l->seeds;
}

static enum err measure(struct lab *lab, const struct trial *t, struct outcome *out,
                        struct losses *losses) {
    enum err rc = OK;
    lab->on_epoch = note_epoch, lab->watcher = losses;
    for (int i = 0; i < NETWORKS && !rc; i++) {
        losses->network = i;
        rc = lab_try(lab, networks[i].layers, t, &out[i]);
    }
    lab->on_epoch = NULL;
    return rc;
}

static void add_losses(struct page *p, const struct losses *l, int epochs) {
    json_t *chart = page_chart(p, &(struct chart){.title = "Loss while training",
                                                  .x = "epoch",
                                                  .y = "training loss, dropping",
                                                  .logy = true,
                                                  .caption = "Mean over the seeds."});
    for (int i = 0; i < NETWORKS; i++) {
        json_t *series = page_series(p, chart, networks[i].name);
        for (int e = 0; e < epochs; e++) page_point(p, series, e + 1, l->at[i][e], (double)NAN);
    }
}

static void add_errors(struct page *p, const struct outcome *o) {
    static const char *const names[] = {"validation", "test", "training, dropping"};
    static const char *const labels[] = {"none", "dropout", "dropconnect", NULL};
    json_t *chart = page_chart(
        p, &(struct chart){.type = CHART_BAR,
                           .title = "Errors",
                           .x = "what is dropped",
                           .y = "error, %",
                           .caption = "Mean and standard deviation over the seeds; rate 0.5.",
                           .labels = labels});
    for (int k = 0; k < 3; k++) {
        json_t *series = page_series(p, chart, names[k]);
        for (int i = 0; i < NETWORKS; i++) {
            const struct errors *of[] = {&o[i].held, &o[i].test, &o[i].train};
            page_point(p, series, i, of[k]->over.mean, of[k]->over.spread);
        }
    }
}

static void add_table(struct page *p, const struct outcome *o) {
    static const char *const columns[] = {"what is dropped", "validation error", "test error",
                                          "training error, dropping", NULL};
    json_t *table = page_table(p, NULL, columns);
    for (int i = 0; i < NETWORKS; i++) {
        const struct errors *of[] = {&o[i].held, &o[i].test, &o[i].train};
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", networks[i].name);
        for (int k = 0; k < 3; k++) page_cell_stats(p, row, of[k]->over, 2, " %");
    }
}

/* ---- one network, evaluated in several ways ---- */

/* What is computed of the same weights; the mean of the passes is what the others approximate. */
enum { PASSES, OTHER_PASSES, GAUSSIAN, SAMPLING, MEAN, ONE_PASS, WAYS };
static const struct way {
    const char *name, *inference; /* of its layers; NULL: as trained, gaussian */
    bool drops, single;           /* masks; one pass only                      */
    uint32_t split;
} ways[WAYS] = {
    [PASSES] = {"mean of the passes", .drops = true, .split = SPLIT_TEST},
    [OTHER_PASSES] = {"mean of as many others", .drops = true, .split = SPLIT_USER},
    [GAUSSIAN] = {"gaussian"},
    [SAMPLING] = {"sampling", "sampling"},
    [MEAN] = {"mean", "mean"},
    [ONE_PASS] = {"one pass", .drops = true, .single = true, .split = SPLIT_USER},
};

struct answers {
    int rows, passes, classes;
    float *p[WAYS]; /* [rows][classes] */
    dropcl_point score[WAYS];
    double distance[WAYS]; /* from the mean of the passes */
};

/* The same weights in a network of another inference. */
static enum err copy_as(const struct model *m, const char *inference, struct model **out) {
    const struct setting settings[] = {{"model.layers.0.dropconnect.inference", inference},
                                       {"model.layers.1.dropconnect.inference", inference}};
    struct recipe *recipe = NULL;
    const char *text = m->recipe->text;
    TRY(recipe_parse("lab", text, strlen(text), model_vocabulary(), settings, 2, &recipe));
    enum err rc = model_new(recipe, out);
    recipe_free(recipe);
    TRY(rc);
    memcpy((*out)->norm, m->norm, 2 * (size_t)m->channels * sizeof *m->norm);
    return model_copy_params(m, (*out)->plan, (*out)->flat);
}

static enum err answer(struct lab *lab, const struct model *m, struct answers *a, int way) {
    const struct way *w = &ways[way];
    int passes = w->single ? 1 : a->passes;
    const struct predict_rows rows = {.images = lab->data->test.images,
                                      .rows = (size_t)a->rows,
                                      .split = w->split,
                                      .passes = w->drops ? passes : 0};
    struct model *other = NULL;
    a->p[way] = malloc((size_t)a->rows * (size_t)a->classes * sizeof *a->p[way]);
    if (!a->p[way]) return err_memory("the outputs of a network");
    enum err rc = w->inference ? copy_as(m, w->inference, &other) : OK;
    if (!rc) rc = predict_images(lab->options->device, other ? other : m, &rows, a->p[way], NULL);
    model_free(other);
    return rc;
}

/* Total variation: half of what the probabilities of a picture differ by, summed over classes. */
static double distance(const float *p, const float *q, int classes) {
    double apart = 0;
    for (int c = 0; c < classes; c++) apart += fabs((double)p[c] - (double)q[c]) / 2;
    return apart;
}

static enum err compare(struct answers *a, const uint8_t *labels, int way) {
    struct scoring scoring = {.rows = 0};
    struct ensemble one;
    TRY(ensemble_new(&one, a->classes, 1, (size_t)a->rows));
    ensemble_add_output(&one, a->p[way]);
    for (int r = 0; r < a->rows; r++) {
        scoring_add(&scoring, ensemble_row(&one, 0, (size_t)r), a->classes, 1, labels[r]);
        a->distance[way] +=
            distance(a->p[way] + r * a->classes, a->p[PASSES] + r * a->classes, a->classes) /
            a->rows;
    }
    ensemble_free(&one);
    scoring_point(&scoring, 0, &a->score[way]);
    return OK;
}

static void add_answers(struct page *p, const struct answers *a) {
    char caption[400];
    static const char *const columns[] = {"evaluation of dropconnect", "test loss", "test error",
                                          "distance from the passes", NULL};
    static const char *const labels[] = {"other passes", "gaussian", "sampling",
                                         "mean",         "one pass", NULL};
    json_t *chart =
        page_chart(p, &(struct chart){.type = CHART_BAR,
                                      .title = "What an evaluation of dropconnect approximates",
                                      .x = "evaluation",
                                      .y = "distance from the mean of the passes",
                                      .caption = "As in the last column of the table.",
                                      .labels = labels});
    snprintf(caption, sizeof caption,
             "One network of dropconnect on %d test pictures, %d passes with other masks each. "
             "Distance: half the sum over the classes of how far two probabilities are apart, mean "
             "over the pictures; that of as many other passes is chance.",
             a->rows, a->passes);
    json_t *series = page_series(p, chart, "distance"), *table = page_table(p, caption, columns);
    for (int way = 0; way < WAYS; way++) {
        json_t *row = page_row(p, table);
        page_cell(p, row, "%s", ways[way].name);
        page_cell(p, row, "%.4f", a->score[way].loss);
        page_cell(p, row, "%.2f %%", 100 * (1 - a->score[way].accuracy));
        if (way == PASSES)
            page_cell(p, row, "\u2013");
        else
            page_cell(p, row, "%.4f", a->distance[way]);
        if (way != PASSES) page_point(p, series, way - 1, a->distance[way], (double)NAN);
    }
}

static enum err evaluate(struct lab *lab, const struct model *m, struct answers *a) {
    enum err rc = OK;
    for (int way = 0; way < WAYS && !rc; way++) {
        rc = answer(lab, m, a, way);
        if (!rc) rc = compare(a, lab->data->test.labels, way);
    }
    return rc;
}

static enum err look_at_one(struct lab *lab, const struct trial *t, struct answers *a) {
    struct model *m = NULL;
    enum err rc = lab_trial_model(lab, networks[DROPCONNECT].layers, t, &m);
    if (!rc) {
        *a = (struct answers){.rows = lab->data->test.rows,
                              .passes = lab_choose(lab, 15, 100),
                              .classes = m->classes};
        rc = evaluate(lab, m, a);
    }
    if (!rc) add_answers(&lab->page, a);
    for (int way = 0; way < WAYS; way++) free(a->p[way]);
    model_free(m);
    return rc;
}

/* That a difference is not clear does not make two networks equal. "At least as well" is: at most
 * this share more errors, even with the chance that a clear difference has to beat. */
#define TOLERATED 0.1

static void judge(struct finding *f, const struct outcome *o, const struct answers *a) {
    const struct errors *none = &o[NONE].test, *dropout = &o[DROPOUT].test,
                        *connect = &o[DROPCONNECT].test;
    struct gain over_none = lab_gain(none, connect), over_dropout = lab_gain(dropout, connect);
    bool worse = lab_gain(connect, dropout).clear,
         as_good = over_dropout.least > -TOLERATED * dropout->over.mean;
    f->verdict = worse ? VERDICT_FAILED : as_good && over_none.clear ? VERDICT_HELD : VERDICT_OPEN;
    snprintf(
        f->result, sizeof f->result,
        "Test error: none %.2f %%, dropout %.2f %%, dropconnect %.2f %%; seeds paired, "
        "dropconnect has %.2f less than none (standard error %.2f) and %.2f less than dropout "
        "(%.2f; at the least %.2f, where %.2f would be a tenth more errors). Distance from the mean of its own passes: gaussian %.4f, mean %.4f, as many "
        "other passes %.4f.",
        none->over.mean, dropout->over.mean, connect->over.mean, over_none.mean, over_none.error,
        over_dropout.mean, over_dropout.error, over_dropout.least, -TOLERATED * dropout->over.mean,
        a->distance[GAUSSIAN], a->distance[MEAN], a->distance[OTHER_PASSES]);
}

enum err lab_connect(struct lab *lab, struct finding *f) {
    struct trial t = {.rows = lab_rows(lab, 2000, 5000), .validation = 5000, .seeds = 5};
    struct losses losses = {.seeds = t.seeds};
    struct outcome o[NETWORKS];
    struct answers a = {.rows = 0};
    t.epochs = lab_epochs_on(lab, lab_trial_rows(lab, &t), lab_choose(lab, 40, 100));
    TRY(measure(lab, &t, o, &losses));
    add_errors(&lab->page, o);
    add_losses(&lab->page, &losses, t.epochs);
    add_table(&lab->page, o);
    TRY(look_at_one(lab, &t, &a));
    snprintf(f->measured, sizeof f->measured,
             "256 and 128 hidden units on %d training rows, %d epochs, rate 0.5 in both hidden "
             "layers; %d rows held out. One network evaluated with inference gaussian, sampling "
             "and mean, and by the mean of %d passes over %d test pictures",
             t.rows, t.epochs, t.validation, a.passes, a.rows);
    snprintf(f->seeds, sizeof f->seeds, "1 to %d", t.seeds);
    judge(f, o, &a);
    return OK;
}
