#include "train/control.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct control_rate control_rate(double rate) {
    const double all = 4294967296.0; /* 2^32 */
    /* nearbyint rounds half to even in the default rounding mode, which nothing here changes */
    double t = nearbyint(rate * all);
    struct control_rate r = {.threshold = (uint64_t)t};
    r.active = r.threshold > 0;
    r.limit = r.active ? (uint32_t)(r.threshold - 1) : 0;
    r.scale = t < all ? (float)(all / (all - t)) : 0;
    return r;
}

/* Layer types have nothing in common but their tables, so the rate is found by name. */
static double layer_rate(const struct layer *layer) {
    for (const struct attr *a = layer->schema->attrs; a && a->name; a++)
        if (a->type == ATTR_REAL && !strcmp(a->name, "rate")) {
            double rate;
            memcpy(&rate, (const char *)layer->attr + a->offset, sizeof rate);
            return rate;
        }
    return 0;
}

static void collect_rates(struct control *c, const struct layers *layers) {
    for (int i = 0; i < layers->count; i++) {
        const struct layer *layer = &layers->at[i];
        if (layer->stochastic >= 0 && layer->stochastic < c->layers)
            c->rate[layer->stochastic] = layer_rate(layer);
        for (const struct attr *a = layer->schema->attrs; a && a->name; a++)
            if (a->type == ATTR_LAYERS)
                collect_rates(c, (const struct layers *)(const void *)((const char *)layer->attr +
                                                                       a->offset));
    }
}

enum err control_init(struct control *c, const struct recipe *recipe) {
    *c = (struct control){.recipe = recipe, .layers = recipe->stochastic_layers};
    c->words = CONTROL_LAYERS + CONTROL_LAYER * c->layers;
    c->rate = calloc((size_t)c->layers + 1, sizeof *c->rate);
    if (!c->rate) return err_memory("the drop rates");
    collect_rates(c, &recipe->model.layers);
    return OK;
}

void control_free(struct control *c) {
    free(c->rate);
    c->rate = NULL;
}

static void put_float(uint32_t *word, float f) {
    memcpy(word, &f, sizeof f);
}

/* What training and evaluation rows share. */
static void fill_row(const struct control *c, uint32_t step, size_t first, size_t valid,
                     uint32_t *row) {
    uint64_t seed = c->recipe->train.seed;
    memset(row, 0, (size_t)c->words * sizeof *row);
    row[CONTROL_SEED_LOW] = (uint32_t)seed;
    row[CONTROL_SEED_HIGH] = (uint32_t)(seed >> 32);
    row[CONTROL_STEP] = step;
    row[CONTROL_FIRST] = (uint32_t)first;
    row[CONTROL_VALID] = (uint32_t)valid;
    for (int i = 0; i < c->layers; i++) {
        struct control_rate r = control_rate(c->rate[i]);
        uint32_t *words = row + CONTROL_LAYERS + CONTROL_LAYER * i;
        words[LAYER_LIMIT] = r.limit;
        words[LAYER_ACTIVE] = r.active;
        put_float(&words[LAYER_SCALE], r.scale);
    }
}

void control_train(const struct control *c, const struct optimizer_type *optimizer,
                   const struct control_epoch *e, uint32_t *rows) {
    const struct train_section *train = &c->recipe->train;
    int micro = e->batch / e->micro_batches;
    for (int64_t s = 0; s < e->steps; s++) {
        struct schedule_point at = {e->first_step + s, e->run_steps, e->per_epoch};
        double lr = schedule_rate(&train->schedule, optimizer->rate(train->optimizer.attr), &at);
        float words[CONTROL_LAYERS - CONTROL_OPTIMIZER] = {0};
        optimizer->control(train->optimizer.attr, lr, (uint64_t)at.step, words);
        for (int m = 0; m < e->micro_batches; m++, rows += c->words) {
            size_t first = (size_t)s * (size_t)e->batch + (size_t)(m * micro);
            fill_row(c, (uint32_t)at.step, first, (size_t)micro, rows);
            rows[CONTROL_SAMPLE] = (uint32_t)(m * micro);
            put_float(&rows[CONTROL_MEAN], (float)(1.0 / e->batch));
            memcpy(rows + CONTROL_OPTIMIZER, words, sizeof words);
        }
    }
}

void control_evaluate(const struct control *c, size_t rows_total, int batch, uint32_t pass,
                      uint32_t split, uint32_t *rows) {
    for (size_t first = 0; first < rows_total; first += (size_t)batch, rows += c->words) {
        size_t left = rows_total - first;
        size_t valid = left < (size_t)batch ? left : (size_t)batch;
        fill_row(c, pass, first, valid, rows);
        rows[CONTROL_SAMPLE] = (uint32_t)first;
        rows[CONTROL_AUX] = split << 14; /* the two top bits of 16 */
        put_float(&rows[CONTROL_MEAN], (float)(1.0 / (double)rows_total));
    }
}
