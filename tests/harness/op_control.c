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
    if (threshold == 0) return (struct op_layer_control){.scale = 1};
    return (struct op_layer_control){.limit = (uint32_t)(threshold - 1),
                                     .active = 1,
                                     .scale =
                                         threshold == all ? 0 : (float)(all / (all - threshold))};
}

static const void *attr_of(const struct layer *layer, const char *name) {
    for (const struct attr *a = layer->schema->attrs; a && a->name; a++)
        if (!strcmp(a->name, name)) return (const char *)layer->attr + a->offset;
    return NULL;
}

/* ---- DropBlock: blocks counted one by one, the mean taken pixel by pixel ---- */

static int covering(int at, int length, int block) {
    int n = 0;
    for (int corner = 0; corner + block <= length; corner++)
        n += corner <= at && at < corner + block;
    return n;
}

static double kept_of(const int *axes, const int *block, double gamma) {
    double sum = 0;
    for (int i = 0; i < axes[0]; i++)
        for (int j = 0; j < axes[1]; j++)
            sum += pow(1 - gamma, covering(i, axes[0], block[0]) * covering(j, axes[1], block[1]));
    return sum / (axes[0] * axes[1]);
}

/* Newton's method from below: the dropped fraction is concave in gamma, so it never goes beyond. */
static double gamma_of(const int *axes, const int *block, double rate) {
    double gamma = 0;
    for (int turn = 0; turn < 200 && gamma < 1; turn++) {
        double h = 1e-7 * (1 - gamma), kept = kept_of(axes, block, gamma);
        double slope = (kept - kept_of(axes, block, gamma + h)) / h;
        double step = (rate - (1 - kept)) / slope;
        if (step <= 0) break;
        gamma += step;
    }
    return gamma < 1 ? gamma : 1;
}

static struct op_layer_control control_of_blocks(const struct draw *draw, double rate, int size) {
    const int *axes = draw->shape.dim + 1;
    int block[2] = {size < axes[0] ? size : axes[0], size < axes[1] ? size : axes[1]};
    double corners = (double)(axes[0] - block[0] + 1) * (axes[1] - block[1] + 1);
    bool paper = *(const int *)attr_of(draw->layer, "gamma") != 0;
    double gamma = paper ? rate / (block[0] * block[1]) * axes[0] * axes[1] / corners
                         : gamma_of(axes, block, rate);
    struct op_layer_control c = op_control_layer(gamma);
    if (!c.active) return c;
    double kept = kept_of(axes, block, ((double)c.limit + 1) * 0x1p-32);
    c.scale = kept > 0 ? (float)(1 / kept) : 0;
    return c;
}

/* ---- DropPath: the number of a layer among those of its type, by the text ---- */

static void count_paths(const struct layers *layers, const struct layer *wanted, int *number,
                        int *all) {
    for (int i = 0; i < layers->count; i++) {
        const struct layer *l = &layers->at[i];
        const void *body = attr_of(l, "body"), *shortcut = attr_of(l, "shortcut");
        *all += !strcmp(l->schema->name, "droppath");
        if (l == wanted) *number = *all;
        if (body) count_paths(body, wanted, number, all);
        if (shortcut) count_paths(shortcut, wanted, number, all);
    }
}

static double rate_of(const struct recipe *recipe, const struct layer *layer) {
    double rate = *(const double *)attr_of(layer, "rate");
    const int *depth = attr_of(layer, "depth");
    int number = 0, all = 0;
    if (!depth || !*depth) return rate;
    count_paths(&recipe->model.layers, layer, &number, &all);
    return rate * number / all;
}

/* With P(dropped) = p, values alpha' and x of mean 0 and variance 1 have the mean p alpha' and the
 * variance (1 - p) + p (1 - p) alpha'^2; y = a x + b undoes both. */
static struct op_layer_control control_of_alpha(double rate) {
    const double alpha = -1.6732632423543772848 * 1.0507009873554804934;
    struct op_layer_control c = op_control_layer(rate);
    if (!c.active || c.scale == 0) return c;
    double p = ((double)c.limit + 1) * 0x1p-32, a = 1 / sqrt((1 - p) + p * (1 - p) * alpha * alpha);
    c.scale = (float)a;
    c.extra = (float)(-a * p * alpha);
    return c;
}

/* ---- DropConnect: 256 values of an 8-bit number ---- */

static struct op_layer_control control_of_bytes(double rate) {
    double t8 = floor(rate * 256 + 0.5);
    if (t8 - rate * 256 == 0.5 && fmod(t8, 2) == 1) t8--; /* half to even */
    if (t8 == 0) return (struct op_layer_control){.scale = 1};
    double scale = t8 < 256 ? 256 / (256 - t8) : 0;
    return (struct op_layer_control){.limit = (uint32_t)t8 - 1,
                                     .active = 1,
                                     .scale = (float)scale,
                                     .extra = t8 < 256 ? (float)(scale - 1) : 0};
}

static struct op_layer_control control_of(const struct recipe *recipe, const struct draw *draw) {
    double rate = rate_of(recipe, draw->layer);
    if (!strcmp(draw->layer->schema->name,
                "gaussian_dropout")) /* sigma in the place of the scale */
        return (struct op_layer_control){.active = rate > 0,
                                         .scale = (float)sqrt(rate / (1 - rate))};
    if (!strcmp(draw->layer->schema->name, "alpha_dropout")) return control_of_alpha(rate);
    if (!strcmp(draw->layer->schema->name, "dropconnect")) return control_of_bytes(rate);
    const int *size = attr_of(draw->layer, "size");
    return size && rate > 0 && rate < 1 ? control_of_blocks(draw, rate, *size)
                                        : op_control_layer(rate);
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
    row[CONTROL_EPOCH] = 5 + step;                          /* anything */
    row[CONTROL_INTERVAL] = step / 2 * 2 + (step % 2 == 0); /* two passes each */
    row[CONTROL_FIRST] = step * (uint32_t)w->plan->options.batch;
    row[CONTROL_VALID] = (uint32_t)valid;
    put_float(&row[CONTROL_MEAN], (float)(1.0 / valid));
    put_float(&row[CONTROL_AVERAGE], 0.3f);
    const struct optimizer_type *optimizer = (const struct optimizer_type *)train->optimizer.schema;
    float words[CONTROL_LAYERS - CONTROL_OPTIMIZER] = {0};
    optimizer->control(train->optimizer.attr, optimizer->rate(train->optimizer.attr), step, words);
    memcpy(row + CONTROL_OPTIMIZER, words, sizeof words);
    for (int i = 0; i < w->recipe->stochastic_layers; i++) {
        struct op_layer_control c = control_of(w->recipe, &w->plan->draws[i]);
        uint32_t *words_of_layer = row + CONTROL_LAYERS + CONTROL_LAYER * i;
        words_of_layer[LAYER_LIMIT] = c.limit;
        words_of_layer[LAYER_ACTIVE] = c.active;
        put_float(&words_of_layer[LAYER_SCALE], c.scale);
        put_float(&words_of_layer[LAYER_EXTRA], c.extra);
    }
}

void op_control_fill(const struct op_world *w, uint32_t *rows) {
    for (int r = 0; r < w->plan->options.control_rows; r++)
        fill_row(w, (uint32_t)r, rows + r * control_row_words(w->plan));
}
