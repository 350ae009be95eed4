/* A layer that exists only here: its input has two readers, which no plain list of layers gives. */
#include "harness/op.h"
#include "ops/table.h"
#include <string.h>

enum { LAYERS = 32 };

static const struct layer_type *dropout_layer(void) {
    for (int i = 0; op_table_all.layers[i]; i++)
        if (!strcmp(op_table_all.layers[i]->schema.name, "dropout")) return op_table_all.layers[i];
    ck_abort_msg("there is no dropout");
}

static int fork_build(struct plan *p, const struct layer *layer, int in) {
    int dropped = dropout_layer()->build(p, layer, in);
    return plan_point(p, op_table_all.add, NULL, layer->name, layer->line, -1, dropped, in);
}

const struct op_table *op_fork_table(void) {
    static struct layer_type fork_layer;
    static const struct layer_type *layers[LAYERS];
    static struct op_table table;
    if (table.layers) return &table;
    fork_layer = *dropout_layer();
    fork_layer.schema.name = "fork";
    fork_layer.build = fork_build;
    int n = 0;
    for (; op_table_all.layers[n]; n++) {
        ck_assert_int_lt(n, LAYERS - 2);
        layers[n] = op_table_all.layers[n];
    }
    layers[n] = &fork_layer;
    table = op_table_all;
    table.layers = layers;
    return &table;
}
