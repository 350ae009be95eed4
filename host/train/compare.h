/* Lock step: the same plan on two devices, operation by operation, bit by bit. */
#ifndef DROPCL_TRAIN_COMPARE_H
#define DROPCL_TRAIN_COMPARE_H

#include "backend/backend.h"
#include "recipe/recipe.h"
#include "train/model.h"

/* One output of one plan step, or one mask, at one optimizer step. */
struct compare_line {
    int64_t step; /* optimizer step          */
    int micro;    /* micro-batch             */
    int plan_step;
    const char *op, *name, *value;
    char shape[64];
    int line;  /* of the recipe           */
    bool mask; /* this compares the step's mask bits, not its values */
    size_t equal, unequal;
    double max_absolute, max_relative;
    uint64_t max_ulp;
    bool agrees;
};

struct compare_options {
    const char *data;
    const struct model *init; /* may be NULL */
    int64_t steps;            /* optimizer steps, at least 1 */
    const char *dump;         /* folder for every value as safetensors, NULL: none */
    void (*report)(const struct compare_line *, void *user);
    void *user;
};

struct compare_result {
    int64_t steps;
    size_t equal, unequal, masks; /* numbers compared, and mask bits among them */
    struct compare_line first;    /* the first that disagreed, when unequal > 0 */
};

/* OK when everything agreed, ERR_NO when not (the sentence names the first place). `a` is the
 * reference: before each plan step its inputs are copied to `b`. */
enum err compare_run(struct device *a, struct device *b, const struct recipe *,
                     const struct compare_options *, struct compare_result *);

#endif
