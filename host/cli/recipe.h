/* Reading a recipe for the commands that look inside one. */
#ifndef DROPCL_CLI_RECIPE_H
#define DROPCL_CLI_RECIPE_H

#include "cli/options.h"
#include "recipe/recipe.h"

/* With --set KEY=VALUE applied; the caller frees with recipe_free. */
enum err cli_recipe(const char *path, const struct words *set, struct recipe **out);

#endif
