/* Plans from recipe text, for suites that need no device. */
#ifndef DROPCL_TESTS_PLAN_FIXTURE_H
#define DROPCL_TESTS_PLAN_FIXTURE_H

#include "plan/op.h"
#include "recipe/recipe.h"

/* A recipe with these layers (YAML list items, each line indented by the caller) and train lines.
 */
struct recipe *fixture_recipe(const char *input, const char *layers, const char *train);
/* Fails the test with the message when the plan cannot be built. */
struct plan *fixture_plan(const struct recipe *, struct plan_options);
/* The vocabulary of all operations and one schedule. */
const struct vocabulary *fixture_vocabulary(void);

/* The first step from `from` whose op and stages spell `text` ("dense+relu+dropout"), -1. */
int fixture_find(const struct plan *, const char *text, int from);

#endif
