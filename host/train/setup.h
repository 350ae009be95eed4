/* What a run is made of before any device is involved: the data, the rows to train on, the size of
 * steps and epochs, the first parameters. Training and `compare` start from the same setup. */
#ifndef DROPCL_TRAIN_SETUP_H
#define DROPCL_TRAIN_SETUP_H

#include "data/dataset.h"
#include "train/control.h"
#include "train/model.h"
#include "train/order.h"
#include "train/runner.h"

struct setup {
    const struct recipe *recipe; /* borrowed */
    const struct optimizer_type *optimizer;
    struct dataset *data;
    struct order_split split;
    struct control control;
    struct model *model; /* first parameters and normalisation; owned until taken */
    uint32_t *order;     /* [split.ntrain] of the epoch last prepared             */
    int batch, micro_batches;
    int64_t per_epoch, run_steps; /* optimizer steps                                      */
};

/* Where notes for the user go, and who may stop what takes long; each may be NULL. */
struct notes {
    void (*message)(const char *text, void *user);
    int (*stop)(void *user); /* not 0: give up */
    void *user;
};

/* Opens the recipe's dataset in `folder`, see dataset.h; init: parameters to start from, NULL: the
 * recipe's initialisation. */
enum err setup_new(struct setup *, const struct recipe *, const char *folder,
                   const struct model *init, const struct notes *);
/* The same on a dataset at hand, which must fit the recipe; takes it over, also on failure. NULL:
 * opens it. */
enum err setup_new_on(struct setup *, const struct recipe *, struct dataset *, const char *folder,
                      const struct model *init, const struct notes *);
void setup_free(struct setup *);

/* Opens the recipe's dataset and checks that its images fit the recipe's input. */
enum err setup_open_data(const struct recipe *, const char *folder, struct dataset **out);
/* ERR_RECIPE when the network's outputs are not the dataset's classes. */
enum err setup_check_classes(const struct recipe *, int outputs, const struct dataset *);

/* The training plan; unfused: every operation a step of its own. */
enum err setup_plan(const struct setup *, struct plan **out);
enum err setup_plan_unfused(const struct setup *, struct plan **out);
/* A store for that plan with dataset, normalisation and first parameters in it. */
enum err setup_store(const struct setup *, struct device *, const struct plan *, struct store *);
/* Computes the order of an epoch and its first `steps` CONTROL rows, uploads both, clears METRIC.
 */
enum err setup_epoch(struct setup *, struct runner *, int64_t epoch, int64_t steps);

#endif
