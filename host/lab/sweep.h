/* A sweep: every point of a grid with every seed. Which runs it is made of, what they are called,
 * and what they show together. Nothing is run here. */
#ifndef DROPCL_LAB_SWEEP_H
#define DROPCL_LAB_SWEEP_H

#include "lab/grid.h"
#include "lab/record.h"
#include "lab/stats.h"

enum { SWEEP_NAME = 17 };

struct sweep_run {
    int point;
    uint64_t seed;
    char name[SWEEP_NAME]; /* of its folder: from the content of the run   */
    bool finished, kept;   /* kept: by an earlier call                     */
    int status;            /* exit status of its training, when not finished */
    double last[RECORD_FIELDS];
};

struct sweep {
    const struct grid *grid; /* borrowed */
    struct sweep_run *runs;  /* [nruns], by point, then seed */
    int nruns;
    bool validated; /* the recipe holds rows out at every point */
};

/* What the runs are made from besides the grid. Two runs with the same content have one name: the
 * recipe as run, its seed included, and everything here that can change a bit of the model. The
 * device cannot. */
struct sweep_source {
    const char *recipe;          /* path                               */
    const char *const *settings; /* "KEY=VALUE", before the grid's own */
    int nsettings;
    int64_t steps;    /* 0: all epochs                       */
    const char *init; /* SHA-256 of the first parameters, "" */
    const char *data; /* folder, NULL: the usual places      */
};

/* Checks the recipe of every run, so that nothing starts when one of them is wrong. ERR_RECIPE,
 * ERR_USAGE (a key that matches nothing; two runs that are the same), ERR_MISSING. */
enum err sweep_new(struct sweep *, const struct grid *, const struct sweep_source *,
                   const uint64_t *seeds, int nseeds);
void sweep_free(struct sweep *);

/* The settings of a run, in the order in which they apply: *out is a malloc'ed array of malloc'ed
 * strings; sweep_settings_free takes both. */
enum err sweep_settings(const struct sweep *, const struct sweep_source *, int run, char ***out,
                        int *count);
void sweep_settings_free(char **settings, int count);

/* Reads the last line of a run that is finished. */
enum err sweep_take(struct sweep_run *, const char *folder);

/* A number over the finished seeds of a point. */
struct stats sweep_stats(const struct sweep *, int point, enum record_field);

/* The point to choose: the highest mean validation accuracy, of equal ones the lowest mean
 * validation loss, among points whose runs are all finished. -1 without validation rows: the test
 * set is not for choosing. */
int sweep_best(const struct sweep *);

#endif
