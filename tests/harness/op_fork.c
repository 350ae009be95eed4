/* Layers that exist only here. `fork`: its input has two readers, which no plain list of layers
 * gives. `image`: gives features axes, so that layers of images can stand behind trained ones
 * without any particular layer of images. */
#include "harness/op.h"
#include "ops/table.h"
#include <stddef.h>
#include <string.h>

enum { LAYERS = 64 };

static const struct layer_type *dropout_layer(void) {
    for (int i = 0; op_table_all.layers[i]; i++)
        if (!strcmp(op_table_all.layers[i]->schema.name, "dropout")) return op_table_all.layers[i];
    ck_abort_msg("there is no dropout");
}

static int fork_build(struct plan *p, const struct layer *layer, int in) {
    int dropped = dropout_layer()->build(p, layer, in);
    return plan_point(p, op_table_all.add, NULL, layer->name, layer->line, -1, dropped, in);
}

/* ---- image ---- */

struct image_attr {
    struct ints shape;
};

static struct op op_image; /* a copy that changes the shape: op_table_all.pointwise, renamed */

static int append_copy(struct plan *p, const char *name, int line, int in,
                       const struct shape *shape) {
    int s = plan_step_new(p, &op_image, NULL, name, line);
    plan_in(p, s, in);
    int out = plan_value_new(p, plan_text(p, "%s.copy", name), shape, DTYPE_F32, ROLE_ACTIVATION);
    plan_out(p, s, out);
    return out;
}

static void image_grad(struct plan *p, int i) {
    struct step s = p->steps[i];
    struct shape shape = p->values[s.in[0]].shape;
    plan_grad_give(p, s.in[0], append_copy(p, s.name, s.line, plan_grad_of(p, s.out[0]), &shape));
}

static int image_build(struct plan *p, const struct layer *layer, int in) {
    const struct ints *axes = &((const struct image_attr *)layer->attr)->shape;
    struct shape shape = {.rank = 1 + axes->count, .dim = {p->values[in].shape.dim[0]}};
    memcpy(shape.dim + 1, axes->at, (size_t)axes->count * sizeof *axes->at);
    ck_assert_int_eq(shape_features(&shape), shape_features(&p->values[in].shape));
    return append_copy(p, layer->name, layer->line, in, &shape);
}

static const struct attr image_attrs[] = {
    {.name = "shape", .type = ATTR_INTS, .offset = offsetof(struct image_attr, shape), .min = 1},
    {0}};

static const struct layer_type image_layer = {
    .schema = {.name = "image", .size = sizeof(struct image_attr), .attrs = image_attrs},
    .build = image_build};

const struct op_table *op_fork_table(void) {
    static struct layer_type fork_layer;
    static const struct layer_type *layers[LAYERS];
    static struct op_table table;
    if (table.layers) return &table;
    fork_layer = *dropout_layer();
    fork_layer.schema.name = "fork";
    fork_layer.build = fork_build;
    op_image = *op_table_all.pointwise;
    op_image.name = "image";
    op_image.grad = image_grad;
    int n = 0;
    for (; op_table_all.layers[n]; n++) {
        ck_assert_int_lt(n, LAYERS - 3);
        layers[n] = op_table_all.layers[n];
    }
    layers[n++] = &image_layer;
    layers[n] = &fork_layer;
    table = op_table_all;
    table.layers = layers;
    return &table;
}
