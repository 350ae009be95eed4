/* The laboratory: the lecture on dropout as experiments. Each one states a claim, measures, and
 * says whether the claim held; what does not hold is reported like the rest. */
#ifndef DROPCL_LAB_LAB_H
#define DROPCL_LAB_LAB_H

#include "backend/backend.h"
#include "lab/page.h"
#include "recipe/recipe.h"

/* What an experiment found, for the claim's box and the numbers. */
struct finding {
    enum verdict verdict;
    char measured[400]; /* what was run       */
    char result[400];   /* the numbers, in words */
    char seeds[64];
};

struct lab;

struct experiment {
    const char *name, *title, *claim;
    /* Adds its figures to the lab's page and fills the finding. ERR_RECIPE: the recipe has not what
     * it takes; the verdict is then open. */
    enum err (*run)(struct lab *, struct finding *);
};
extern const struct experiment lab_experiments[]; /* ends with a NULL name */

struct lab_options {
    struct device *device;
    const char *recipe;      /* path, NULL: the built-in network of the lecture */
    const char *data;        /* folder of the dataset, as in data/dataset.h     */
    bool full;               /* all rows, more seeds, more epochs: an hour instead of minutes */
    const char *const *only; /* names of experiments, NULL or count 0: all      */
    int only_count;
    void (*message)(const char *text, void *user);
    /* Before each experiment (finding NULL), and after it. */
    void (*report)(const struct experiment *, const struct finding *, double seconds, void *user);
    int (*stop)(void *user); /* not 0: give up */
    void *user;
};

struct lab_summary {
    int held, failed, open;
    bool synthetic;   /* on the built-in digits, because the recipe's dataset is not here */
    char dataset[64]; /* its name */
};

/* Runs them and writes FOLDER/report.html and FOLDER/numbers.json. ERR_USAGE: no experiment of that
 * name, with the known ones; ERR_INTERRUPTED: nothing is written; what reading the recipe, the data
 * and training report. */
enum err lab_run(const struct lab_options *, const char *folder, struct lab_summary *);

#endif
