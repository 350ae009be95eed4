/* What the experiments share. */
#ifndef DROPCL_LAB_LAB_PRIVATE_H
#define DROPCL_LAB_LAB_PRIVATE_H

#include "data/dataset.h"
#include "dropcl.h"
#include "lab/lab.h"
#include "lab/stats.h"
#include "train/control.h"
#include "train/model.h"
#include "train/runner.h"

struct lab {
    const struct lab_options *options;
    char *text;          /* of the recipe, on data that is here */
    struct recipe *base; /* that, read                          */
    struct dataset *data;
    char *subject_text;     /* the recipe, or the lecture's network where the recipe has no layer */
    struct recipe *subject; /* of type dropout to look at; that, read                             */
    struct model *model;    /* the subject, trained: lab_model                                    */
    struct page page;
    /* Told of every epoch of the lab's trainings; validation and test are known at the last one
     * only. NULL: nobody asks. */
    void (*on_epoch)(void *watcher, const dropcl_event *);
    void *watcher;
};

/* "KEY=VALUE" settings for one training, in a fixed number of rows. */
enum { LAB_SETTINGS = 12, LAB_SETTING = 96 };
struct lab_settings {
    char at[LAB_SETTINGS][LAB_SETTING];
    int count;
};
void lab_set(struct lab_settings *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Trains a recipe of this text; *out is the caller's. `last` may be NULL. */
enum err lab_train(struct lab *, const char *text, const struct lab_settings *, struct model **out,
                   dropcl_event *last);

/* The subject, trained once for all experiments that look at one network; owned by the lab. Where
 * it is not the recipe's own network, the page says so. */
enum err lab_model(struct lab *, const struct model **out);

/* A plain network on the lab's data, for the experiments that need another one than the recipe's:
 * `layers` is YAML, one layer a line, indented by four blanks; the last dense layer is added. The
 * caller frees. */
enum err lab_network(const struct lab *, const char *layers, char **out);
/* The lecture's two hidden layers with dropout, for lab_network. */
extern const char lab_dense_dropout[];

/* Quick, or the real thing. */
int lab_choose(const struct lab *, int quick, int full);
/* So many training rows (0: all) or epochs, but never more than the recipe itself asks for. */
int lab_rows(const struct lab *, int quick, int full);
int lab_epochs(const struct lab *, int quick, int full);
/* Epochs of a network of the lab's own on so many rows, but never more samples in all than the
 * recipe's training sees. */
int lab_epochs_on(const struct lab *, int rows, int epochs);

/* The first layers of a type in the recipe, in order, at most `most`; returns how many. The subject
 * has a `dropout` and two `dense`. */
int lab_layers(const struct recipe *, const char *type, const struct layer **layers, int most);
/* Says on the page when the subject is not the recipe's own network. */
void lab_note_subject(struct lab *);

/* ---- lab_trial.c: several seeds, and differences that are more than noise ---- */

/* A network on so many training rows, with so many others held out to choose by. */
enum { TRIAL_SEEDS = 10 };
struct trial {
    int rows, epochs, validation;
    int seeds;                   /* 1 .. seeds, at most TRIAL_SEEDS                      */
    const char *const *settings; /* further ones, "KEY=VALUE", NULL at the end; or NULL  */
};
/* A figure of each seed, such as an error in percent, and over them. */
struct errors {
    double of[TRIAL_SEEDS];
    int seeds;
    struct stats over;
};
struct outcome {
    struct errors held, test, train; /* rows held out; the test set; training mode */
};
/* Fills in the rest from `of`, when all seeds are done. */
void lab_over_seeds(struct errors *, int seeds);
/* Lowers rows and validation to what the data has; returns rows. */
int lab_trial_rows(const struct lab *, struct trial *);
/* One model of these layers (lab_network) with a trial's rows, epochs and settings, nothing held
 * out; the caller's. */
enum err lab_trial_model(struct lab *, const char *layers, const struct trial *,
                         struct model **out);
/* All seeds of a network of these layers (lab_network). */
enum err lab_try(struct lab *, const char *layers, const struct trial *, struct outcome *out);

/* What `to` has less than `from`, such as of errors, seed by seed: the mean, its standard error,
 * the least that it is but for chance in 1 of 40 cases (Student's t), and whether that is above 0.
 * Of a single seed only the mean is a number. */
struct gain {
    double mean, error, least;
    bool clear;
};
struct gain lab_gain(const struct errors *from, const struct errors *to);

/* Whether a curve has its best point in the middle: held where it is clearly better than both ends,
 * failed where it is an end and clearly better than every point between, else open. */
enum verdict lab_peak(const struct errors *curve, int count, int best);

/* ---- lab_probe.c: looking inside ---- */

/* A trained network on the first `rows` test rows, every operation a step of its own, so that every
 * value can be read. */
struct probe {
    struct store store;
    struct runner runner;
    struct control control;
    int rows;
};
enum err probe_open(struct probe *, struct lab *, const struct model *, enum plan_mode, int rows);
void probe_close(struct probe *);
/* One run over the rows; pass: of Monte-Carlo masks. */
enum err probe_run(struct probe *, uint32_t pass);
/* The index of a value by its name, -1: the plan has none. */
int probe_find(const struct probe *, const char *value);
/* A value as [rows][features] floats; the caller frees. ERR_RECIPE when it is not there. */
enum err probe_read(struct probe *, const char *value, float **out, int *features);
enum err probe_read_value(struct probe *, int value, float **out, int *features);

/* Loss and accuracy on the first `rows` test rows of a network whose parameters may be changed in
 * between: score, write, score again. */
struct scorer {
    struct store store;
    struct evaluator *evaluator;
};
enum err scorer_open(struct scorer *, struct lab *, const struct model *, int rows);
void scorer_close(struct scorer *);
enum err scorer_score(struct scorer *, const struct model *, const float *flat, dropcl_score *);

/* The parameter of a model by its name ("fc1.weight"): its place in `flat`, NULL: none. */
float *probe_parameter(const struct model *, const char *layer, const char *what, int *rows,
                       int *columns);

/* ---- the experiments ---- */
enum err lab_mechanism(struct lab *, struct finding *);
enum err lab_scaling(struct lab *, struct finding *);
enum err lab_ensemble(struct lab *, struct finding *);
enum err lab_samples(struct lab *, struct finding *);
enum err lab_rate(struct lab *, struct finding *);
enum err lab_size(struct lab *, struct finding *);
enum err lab_coadaptation(struct lab *, struct finding *);
enum err lab_variants(struct lab *, struct finding *);
enum err lab_connect(struct lab *, struct finding *);
enum err lab_batchnorm(struct lab *, struct finding *);
enum err lab_rotated(struct lab *, struct finding *);

#endif
