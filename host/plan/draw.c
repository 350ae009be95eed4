#include "plan/draw.h"
#include "base/text.h"
#include "plan/op.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct decision decision_of(double probability) {
    const double all = 4294967296.0; /* 2^32 */
    /* nearbyint rounds half to even in the default rounding mode, which nothing here changes */
    double t = nearbyint(probability * all);
    struct decision d = {.threshold = (uint64_t)t};
    d.active = d.threshold > 0;
    d.limit = d.active ? (uint32_t)(d.threshold - 1) : 0;
    d.scale = t < all ? (float)(all / (all - t)) : 0;
    return d;
}

static const struct draw_type *type_of(const struct layer *layer) {
    return &((const struct layer_type *)(const void *)layer->schema)->draw;
}

struct decision draw_decide(const struct draw *draw, double rate) {
    const struct draw_type *type = type_of(draw->layer);
    return type->decide ? type->decide(draw, rate) : decision_of(rate);
}

const struct draw_attr *draw_attr_of(const struct layer *layer) {
    return layer->attr;
}

bool draw_never(const struct layer *layer) {
    const struct draw_attr *attr = draw_attr_of(layer);
    return attr->rate == 0 && !attr->schedule.schema;
}

/* "linear: from 0, over 0.8", from the schedule's own table. */
static void print_schedule(const struct choice *schedule, struct text *out) {
    const char *mark = ": ";
    text_add(out, " by %s", schedule->schema->name);
    for (const struct attr *a = schedule->schema->attrs; a && a->name; a++) {
        double value;
        if (a->type != ATTR_REAL) continue;
        memcpy(&value, (const char *)schedule->attr + a->offset, sizeof value);
        text_add(out, "%s%s %g", mark, a->name, value);
        mark = ", ";
    }
}

void draw_print(const struct plan *p, struct text *out) {
    for (int i = 0; i < p->recipe->stochastic_layers; i++) {
        const struct draw *draw = &p->draws[i];
        if (!draw->mask_bytes) continue;
        const struct layer *layer = draw->layer;
        const struct draw_attr *attr = draw_attr_of(layer);
        bool noise = type_of(layer)->noise;
        text_add(out, "draws: layer %d, %s of line %d: ", layer->stochastic, layer->name,
                 layer->line);
        if (noise)
            text_add(out, "%s at rate %g", layer->schema->name, attr->rate);
        else
            text_add(out, "%s drops %g, keeps %g", layer->schema->name, attr->rate, 1 - attr->rate);
        if (attr->schedule.schema) print_schedule(&attr->schedule, out);
        if (type_of(layer)->describe) {
            text_add(out, "; ");
            type_of(layer)->describe(draw, out);
        }
        text_add(out, "; %s of %zu bytes not stored\n", noise ? "noise" : "mask", draw->mask_bytes);
    }
}
