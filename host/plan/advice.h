/* What rates of dropping the field uses at each place of a network: for recipes that leave a rate
 * open, and warnings of what is allowed but unusual. */
#ifndef DROPCL_PLAN_ADVICE_H
#define DROPCL_PLAN_ADVICE_H

#include "recipe/recipe.h"

/* Calls `say` for each warning, in the order of the text: "FILE:LINE:COLUMN: warning: ..." in one
 * sentence, the caller's only for the call. A layer whose rate is always 0 has none. ERR_SYSTEM. */
enum err plan_advise(const struct recipe *, void (*say)(const char *sentence, void *user),
                     void *user);

/* Gives every layer whose rate is `usual`, or not given, the usual one of its place: 0.2 on the
 * input, 0.5 behind a hidden dense layer, ... ERR_RECIPE where no rate is: behind the output layer,
 * and where no layer with weights is known. ERR_SYSTEM. */
enum err plan_usual_rates(struct recipe *);

#endif
