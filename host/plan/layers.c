/* From the recipe's layers to steps: which value each layer reads, lists inside layers included. */
#include "base/arena.h"
#include "plan/passes.h"
#include <string.h>

/* A layer built so far and its output, wherever in the nesting it stands. */
struct built {
    const struct layer *layer;
    int output;
};

static void remember(struct plan *p, const struct layer *layer, int output) {
    struct built *grown =
        arena_grow(p->arena, p->built, (size_t)p->nbuilt, &p->built_capacity, sizeof *grown);
    if (!grown) {
        p->failed = true;
        return;
    }
    p->built = grown;
    grown[p->nbuilt++] = (struct built){layer, output};
}

/* The output of the layer that `from:` names. The reader has checked that it stands further up, so
 * it is either built or the layer that `reader` stands in. */
static int named_output(struct plan *p, const struct layer *reader) {
    for (int i = p->nbuilt - 1; i >= 0; i--)
        if (!strcmp(p->built[i].layer->name, reader->from)) return p->built[i].output;
    plan_fault(p, reader->line, reader->column,
               "%s stands inside %s, whose output does not exist yet here", reader->name,
               reader->from);
    return 0;
}

int plan_layers(struct plan *p, const struct layers *layers, int in) {
    for (int i = 0; i < layers->count && !p->failed; i++) {
        const struct layer *layer = &layers->at[i];
        if (layer->from) in = named_output(p, layer);
        if (p->failed) break;
        in = ((const struct layer_type *)layer->schema)->build(p, layer, in);
        remember(p, layer, in);
    }
    return in;
}

/* A layer that nothing reads would have parameters without a gradient. */
void layers_check_used(struct plan *p) {
    for (int i = 0; i < p->nbuilt && !p->failed; i++) {
        const struct layer *layer = p->built[i].layer;
        int output = p->built[i].output;
        if (output != p->logits && !plan_readers(p, output))
            plan_fault(p, layer->line, layer->column, "nothing reads the output of %s",
                       layer->name);
    }
}
