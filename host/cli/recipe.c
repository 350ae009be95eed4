#include "cli/recipe.h"
#include "train/model.h"
#include <stdlib.h>

enum err cli_recipe(const char *path, const struct words *set, struct recipe **out) {
    int count = 0;
    struct setting *settings = calloc((size_t)set->count + 1, sizeof *settings);
    if (!settings) return err_memory("the settings");
    enum err rc = OK;
    for (; count < set->count && !rc; count++)
        rc = recipe_setting(set->at[count], &settings[count]);
    if (!rc) rc = recipe_read(path, model_vocabulary(), settings, count, out);
    for (int i = 0; i < count; i++) free((char *)settings[i].key);
    free(settings);
    return rc;
}
