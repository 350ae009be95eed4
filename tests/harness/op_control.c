/* CONTROL rows from the randomness contract (docs/masks.md) and kernels/control_words.h, written
 * apart from what training uses, so that two different readings of the contract cannot go
 * unnoticed. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <string.h>

struct op_layer_control op_control_layer(double rate) {
    const double all = 0x1p32;
    double exact = rate * all, below = floor(exact), rest = exact - below;
    bool up = rest > 0.5 || (rest == 0.5 && fmod(below, 2) == 1); /* half to even */
    double threshold = up ? below + 1 : below;
    if (threshold == 0) return (struct op_layer_control){0, 0, 1};
    return (struct op_layer_control){.limit = (uint32_t)(threshold - 1),
                                     .active = 1,
                                     .scale =
                                         threshold == all ? 0 : (float)(all / (all - threshold))};
}

static double rate_of(const struct layer *layer) {
    for (const struct attr *a = layer->schema->attrs; a && a->name; a++)
        if (!strcmp(a->name, "rate"))
            return *(const double *)((const char *)layer->attr + a->offset);
    return 0;
}

static void put_float(uint32_t *word, float f) {
    memcpy(word, &f, sizeof f);
}

static void fill_row(const struct op_world *w, uint32_t step, uint32_t *row) {
    const struct train_section *train = &w->recipe->train;
    int valid = w->row->valid ? w->row->valid : w->plan->options.batch;
    row[CONTROL_SEED_LOW] = (uint32_t)train->seed;
    row[CONTROL_SEED_HIGH] = (uint32_t)(train->seed >> 32);
    row[CONTROL_STEP] = step;
    row[CONTROL_EPOCH] = 5 + step; /* anything */
    row[CONTROL_FIRST] = step * (uint32_t)w->plan->options.batch;
    row[CONTROL_VALID] = (uint32_t)valid;
    put_float(&row[CONTROL_MEAN], (float)(1.0 / valid));
    put_float(&row[CONTROL_AVERAGE], 0.3f);
    const struct optimizer_type *optimizer = (const struct optimizer_type *)train->optimizer.schema;
    float words[CONTROL_LAYERS - CONTROL_OPTIMIZER] = {0};
    optimizer->control(train->optimizer.attr, optimizer->rate(train->optimizer.attr), step, words);
    memcpy(row + CONTROL_OPTIMIZER, words, sizeof words);
    for (int i = 0; i < w->recipe->stochastic_layers; i++) {
        struct op_layer_control c = op_control_layer(rate_of(w->plan->draws[i].layer));
        uint32_t *words_of_layer = row + CONTROL_LAYERS + CONTROL_LAYER * i;
        words_of_layer[LAYER_LIMIT] = c.limit;
        words_of_layer[LAYER_ACTIVE] = c.active;
        put_float(&words_of_layer[LAYER_SCALE], c.scale);
    }
}

void op_control_fill(const struct op_world *w, uint32_t *rows) {
    for (int r = 0; r < w->plan->options.control_rows; r++)
        fill_row(w, (uint32_t)r, rows + r * control_row_words(w->plan));
}
