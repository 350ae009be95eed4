/* A residual block: y = activation(body(x) + shortcut(x)); without a shortcut, body(x) + x.
 * He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", equations 1 and 2. All
 * three values have one shape.
 *
 * The sum is an ordinary `add` step and x an ordinary value with two readers, so gradients and
 * fusion need nothing new: the last step of the later branch absorbs sum and activation. */
#include "ops/internal.h"
#include "ops/table.h"

struct residual_attr {
    struct layers body, shortcut;
    int activation;
};

static const struct attr residual_attrs[] = {
    {.name = "body",
     .type = ATTR_LAYERS,
     .offset = offsetof(struct residual_attr, body),
     .doc = "the layers whose output is added to"},
    {.name = "shortcut",
     .type = ATTR_LAYERS,
     .offset = offsetof(struct residual_attr, shortcut),
     .fallback = "",
     .doc = "the layers from the input to what is added; without it the input itself"},
    {.name = "activation",
     .type = ATTR_ENUM,
     .offset = offsetof(struct residual_attr, activation),
     .names = activation_names,
     .fallback = "linear",
     .doc = "applied to the sum"},
    {0}};

static int residual_build(struct plan *p, const struct layer *layer, int in) {
    const struct residual_attr *attr = layer->attr;
    /* Body first: numbers of masks and of initial values follow the text. */
    int body = plan_layers(p, &attr->body, in);
    int shortcut = plan_layers(p, &attr->shortcut, in);
    if (p->failed) return in;
    const struct shape *b = &p->values[body].shape, *s = &p->values[shortcut].shape;
    if (!shape_equal(b, s)) {
        char left[64], right[64];
        plan_fault(p, layer->line, layer->column,
                   "the body of %s gives %s, %s %s: they cannot be added", layer->name,
                   shape_text(b, left), attr->shortcut.count ? "its shortcut" : "its input is",
                   shape_text(s, right));
        return in;
    }
    /* The later branch comes first: its producer can take the sum over, the other one is ready. */
    bool branch = attr->shortcut.count && shortcut != in;
    int first = branch ? shortcut : body, second = branch ? body : shortcut;
    int sum = plan_point(p, &op_add, NULL, layer->name, layer->line, -1, first, second);
    return activation_build(p, attr->activation, layer, sum);
}

extern const struct layer_type layer_residual;
const struct layer_type layer_residual = {
    .schema = {.name = "residual",
               .doc = "adds what its body makes of the input to the input, or to a shortcut",
               .size = sizeof(struct residual_attr),
               .attrs = residual_attrs},
    .build = residual_build,
};
