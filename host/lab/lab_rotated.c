/* What Monte-Carlo dropout says of pictures unlike those of the training set: turned ones (Gal,
 * Ghahramani 2016, figure 4). */
#include "lab/rotate.h"
#include "lab/rotated.h"
#include "train/predict.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t pixels_of(const struct dataset *d) {
    return (size_t)d->height * (size_t)d->width * (size_t)d->channels;
}

static void turn_all(const struct dataset *d, const uint8_t *from, size_t count, double degrees,
                     uint8_t *to) {
    size_t pixels = pixels_of(d);
    for (size_t i = 0; i < count; i++)
        rotate_picture(from + i * pixels, to + i * pixels, d->height, d->width, d->channels,
                       degrees);
}

/* The passes of these pictures with masks of their own; passes 0: dropout off. */
static enum err predict(struct lab *lab, const struct model *m, const uint8_t *pictures,
                        size_t rows, int passes, float *p, dropcl_uncertainty *figures) {
    const struct predict_rows r = {
        .images = pictures, .rows = rows, .split = SPLIT_USER, .passes = passes};
    return predict_images(lab->options->device, m, &r, p, figures);
}

/* ---- many pictures at one angle ---- */

/* Room for one angle. */
struct bench {
    uint8_t *pictures;
    float *p;
    dropcl_uncertainty *figures;
};

static enum err make_bench(struct bench *b, const struct rotated *x, const struct dataset *d) {
    size_t rows = (size_t)x->rows;
    b->pictures = malloc(rows * pixels_of(d));
    b->p = malloc(rows * (size_t)x->classes * sizeof *b->p);
    b->figures = malloc(rows * sizeof *b->figures);
    return b->pictures && b->p && b->figures ? OK : err_memory("turned pictures");
}

static void free_bench(struct bench *b) {
    free(b->pictures);
    free(b->p);
    free(b->figures);
}

static void take_plain(struct rotated *x, const struct bench *b, const uint8_t *labels, int turn) {
    for (int r = 0; r < x->rows; r++) {
        int at = turn * x->rows + r;
        bool wrong = stats_largest(b->p + r * x->classes, x->classes) != labels[r];
        x->score[SCORE_CONFIDENCE][at] = 1 - b->figures[r].probability;
        x->wrong[SCORE_CONFIDENCE][at] = wrong;
        x->turn[turn].of[ACCURACY_OFF] += !wrong / (double)x->rows;
    }
}

static void take_passes(struct rotated *x, const struct bench *b, const uint8_t *labels, int turn) {
    struct turn *t = &x->turn[turn];
    for (int r = 0; r < x->rows; r++) {
        const dropcl_uncertainty *u = &b->figures[r];
        int at = turn * x->rows + r;
        bool wrong = stats_largest(b->p + r * x->classes, x->classes) != labels[r];
        x->score[SCORE_ENTROPY][at] = u->entropy;
        x->score[SCORE_INFORMATION][at] = u->information;
        x->wrong[SCORE_ENTROPY][at] = x->wrong[SCORE_INFORMATION][at] = wrong;
        t->of[ACCURACY] += !wrong / (double)x->rows;
        t->of[ENTROPY] += u->entropy / x->rows;
        t->of[EXPECTED] += u->expected_entropy / x->rows;
        t->of[INFORMATION] += u->information / x->rows;
    }
}

static enum err look_at(struct rotated *x, struct lab *lab, const struct model *m, struct bench *b,
                        int turn) {
    const struct split *test = &lab->data->test;
    size_t rows = (size_t)x->rows, first = (size_t)turn * rows;
    x->turn[turn].degrees = turn * TURN_STEP;
    turn_all(lab->data, test->images, rows, x->turn[turn].degrees, b->pictures);
    TRY(predict(lab, m, b->pictures, rows, 0, b->p, b->figures));
    take_plain(x, b, test->labels, turn);
    TRY(predict(lab, m, b->pictures, rows, x->passes, b->p, b->figures));
    take_passes(x, b, test->labels, turn);
    for (int s = 0; s < SCORES; s++)
        TRY(stats_auc(x->score[s] + first, x->wrong[s] + first, x->rows, &x->turn[turn].auc[s]));
    if (lab->options->stop && lab->options->stop(lab->options->user))
        return err_set(ERR_INTERRUPTED, "interrupted");
    return OK;
}

/* Over all angles. The same picture at several of them is not several independent ones: the
 * standard error counts each once. */
static enum err pool(struct rotated *x) {
    for (int s = 0; s < SCORES; s++) {
        struct auc *a = &x->all[s];
        TRY(stats_auc(x->score[s], x->wrong[s], TURNS * x->rows, a));
        a->error = stats_auc_error(a->area, (double)a->marked / TURNS, (double)a->others / TURNS);
    }
    return OK;
}

static enum err measure(struct rotated *x, struct lab *lab, const struct model *m) {
    struct bench b = {NULL, NULL, NULL};
    size_t all = TURNS * (size_t)x->rows;
    for (int s = 0; s < SCORES; s++) {
        x->score[s] = malloc(all * sizeof *x->score[s]);
        x->wrong[s] = malloc(all * sizeof *x->wrong[s]);
        if (!x->score[s] || !x->wrong[s]) return err_memory("scores of turned pictures");
    }
    enum err rc = make_bench(&b, x, lab->data);
    for (int turn = 0; turn < TURNS && !rc; turn++) rc = look_at(x, lab, m, &b, turn);
    free_bench(&b);
    return rc ? rc : pool(x);
}

/* ---- one picture at all angles ---- */

/* A "1", as in the paper; of other data the first picture of class 1. */
static int find_row(const struct dataset *d) {
    for (int r = 0; r < d->test.rows; r++)
        if (d->test.labels[r] == 1) return r;
    return 0;
}

/* Copies of a picture are rows of their own, so that a pass over them is as many different ones. */
static enum err predict_copies(struct lab *lab, const struct model *m, struct example *e) {
    size_t pixels = pixels_of(lab->data);
    uint8_t *copies = malloc(TURNS * COPIES * pixels);
    e->single = malloc(TURNS * COPIES * (size_t)m->classes * sizeof *e->single);
    enum err rc = copies && e->single ? OK : err_memory("copies of a picture");
    for (size_t i = 0; i < TURNS * COPIES && !rc; i++)
        for (size_t k = 0; k < pixels; k++)
            copies[i * pixels + k] = e->pictures[i / COPIES * pixels + k];
    if (!rc) rc = predict(lab, m, copies, TURNS * COPIES, 1, e->single, NULL);
    free(copies);
    return rc;
}

static enum err look_at_one(struct lab *lab, const struct model *m, int passes, struct example *e) {
    size_t pixels = pixels_of(lab->data);
    e->row = find_row(lab->data);
    e->pictures = malloc(TURNS * pixels);
    e->p = malloc(TURNS * (size_t)m->classes * sizeof *e->p);
    if (!e->pictures || !e->p) return err_memory("a turned picture");
    for (int t = 0; t < TURNS; t++)
        turn_all(lab->data, lab->data->test.images + (size_t)e->row * pixels, 1, t * TURN_STEP,
                 e->pictures + (size_t)t * pixels);
    TRY(predict(lab, m, e->pictures, TURNS, passes, e->p, e->at));
    return predict_copies(lab, m, e);
}

/* ---- the verdict ---- */

/* Ranks of seven angles beyond +-0.714 are chance in 5 of 100 cases on one side. */
#define RANKS_MATTER 0.714

/* At one angle all answers may be right. */
static void write_area(char text[16], const struct auc *a) {
    snprintf(text, 16, isnan(a->area) ? "-" : "%.3f", a->area);
}

static enum err judge(const struct rotated *x, struct finding *f) {
    double degrees[TURNS_UPRIGHT], information[TURNS_UPRIGHT], accuracy[TURNS_UPRIGHT];
    double rises, falls;
    const struct auc *a = &x->all[SCORE_INFORMATION];
    const struct turn *first = &x->turn[0], *last = &x->turn[TURNS_UPRIGHT - 1];
    for (int t = 0; t < TURNS_UPRIGHT; t++) {
        degrees[t] = x->turn[t].degrees;
        information[t] = x->turn[t].of[INFORMATION];
        accuracy[t] = x->turn[t].of[ACCURACY];
    }
    TRY(stats_spearman(degrees, information, TURNS_UPRIGHT, &rises));
    TRY(stats_spearman(degrees, accuracy, TURNS_UPRIGHT, &falls));
    bool tells = a->area > 0.5 + 2 * a->error;
    f->verdict = isnan(a->area) ? VERDICT_OPEN /* never wrong, or never right */
                 : rises > RANKS_MATTER && falls < -RANKS_MATTER && tells ? VERDICT_HELD
                                                                          : VERDICT_FAILED;
    char upright[16], turned[16];
    write_area(upright, &first->auc[SCORE_INFORMATION]);
    write_area(turned, &last->auc[SCORE_INFORMATION]);
    snprintf(
        f->result, sizeof f->result,
        "From 0 to %.0f\xc2\xb0: accuracy %.3f to %.3f (rank correlation with the angle %.2f), "
        "information %.3f to %.3f nats (%.2f). Wrong answers told from right ones (0.5 is "
        "chance): by information %.3f \xc2\xb1 %.3f over all angles, %s at 0\xc2\xb0 and %s at "
        "%.0f\xc2\xb0; by the confidence of dropout off %.3f.",
        last->degrees, first->of[ACCURACY], last->of[ACCURACY], falls, first->of[INFORMATION],
        last->of[INFORMATION], rises, a->area, a->error, upright, turned, last->degrees,
        x->all[SCORE_CONFIDENCE].area);
    return OK;
}

static enum err check_data(const struct lab *lab) {
    const struct dataset *d = lab->data;
    if (d->height != d->width)
        return err_set(ERR_RECIPE,
                       "pictures of %d x %d pixels lose their ends when they are turned: this "
                       "takes square ones",
                       d->height, d->width);
    return OK;
}

enum err lab_rotated(struct lab *lab, struct finding *f) {
    const struct model *m;
    struct example e = {.row = 0};
    int all = lab->data->test.rows;
    lab_note_subject(lab);
    TRY(check_data(lab));
    TRY(lab_model(lab, &m));
    struct rotated x = {.rows = lab_choose(lab, all < 500 ? all : 500, all),
                        .passes = lab_choose(lab, 30, 50),
                        .classes = m->classes};
    enum err rc = look_at_one(lab, m, x.passes, &e);
    if (!rc) rc = measure(&x, lab, m);
    if (!rc) rc = rotated_figures(&lab->page, &x, lab->data, &e);
    if (!rc) rc = judge(&x, f);
    for (int s = 0; s < SCORES; s++) {
        free(x.score[s]);
        free(x.wrong[s]);
    }
    free(e.pictures);
    free(e.p);
    free(e.single);
    snprintf(f->measured, sizeof f->measured,
             "%d test pictures at %d angles, %d passes with dropout on over each", x.rows, TURNS,
             x.passes);
    snprintf(f->seeds, sizeof f->seeds, "%llu", (unsigned long long)lab->subject->train.seed);
    return rc;
}
