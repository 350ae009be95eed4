/* What a recipe says that is allowed but unusual: rates of dropping outside of what the field uses
 * at their place, and places where dropping is known to hurt. */
#ifndef DROPCL_PLAN_ADVICE_H
#define DROPCL_PLAN_ADVICE_H

#include "recipe/recipe.h"

/* Calls `say` for each warning, in the order of the text: "FILE:LINE:COLUMN: warning: ..." in one
 * sentence, the caller's only for the call. A layer whose rate is always 0 has none. ERR_SYSTEM. */
enum err plan_advise(const struct recipe *, void (*say)(const char *sentence, void *user),
                     void *user);

#endif
