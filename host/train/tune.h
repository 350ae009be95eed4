/* The tuner. Some steps can be launched in several ways that give the same result (op.ways); which
 * one is fastest depends on the device. At first use of a device and shape the ways are timed on
 * the plan's own steps, and the choice is kept in $XDG_CACHE_HOME/dropcl (~/.cache/dropcl).
 *
 * A way may win only after it was found right: on small whole numbers, where every order of
 * summation gives the same bits, all its outputs must equal the plainest way's, and 256 elements of
 * each output of that one, corners included, the C reference's. DROPCL_TUNE=off leaves the shipped
 * defaults; DROPCL_TUNE=WAY forces a way wherever a step has it. */
#ifndef DROPCL_TRAIN_TUNE_H
#define DROPCL_TRAIN_TUNE_H

#include "backend/backend.h"
#include "recipe/recipe.h"
#include "train/setup.h"

struct tune_result {
    int keys;     /* different steps that have several ways   */
    int timed;    /* of those, how many had to be timed now   */
    int ways;     /* ways tried                               */
    int rejected; /* ways that were wrong or could not be built */
    double seconds;
};

/* Tunes `device` for the training plan of `recipe` at `batch` rows (0: the recipe's). again:
 * ignores what is kept. A cache that cannot be read or written is no error. ERR_INTERRUPTED when
 * the notes' `stop` asks for it: nothing is kept then. `result` may be NULL. */
enum err tune_device(struct device *, const struct recipe *, int batch, bool again,
                     const struct notes *, struct tune_result *result);

/* Takes over what was kept for this device, or the forced way, and times nothing. */
enum err tune_recall(struct device *, const struct recipe *, int batch);

#endif
