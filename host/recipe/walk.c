/* All layers of a recipe, whatever they stand in. */
#include "recipe/recipe.h"

void recipe_walk(const struct layers *layers, void (*visit)(const struct layer *, void *user),
                 void *user) {
    for (int i = 0; i < layers->count; i++) {
        const struct layer *layer = &layers->at[i];
        visit(layer, user);
        for (const struct attr *a = layer->schema->attrs; a && a->name; a++)
            if (a->type == ATTR_LAYERS)
                recipe_walk(
                    (const struct layers *)(const void *)((const char *)layer->attr + a->offset),
                    visit, user);
    }
}
