#include "train/control.h"
#include "train/passes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct collection {
    struct control *control;
    const struct plan *plan;
};

/* What is drawn is the plan's; the layer is the recipe's own, which lives as long as we do. */
static void collect(const struct layer *layer, void *user) {
    const struct collection *c = user;
    if (layer->draw < 0) return;
    struct control_draw *d = &c->control->draw[layer->draw];
    *d = (struct control_draw){.draw = c->plan->draws[layer->draw], .rate = NAN};
    d->draw.layer = layer;
}

enum err control_init(struct control *c, const struct recipe *recipe, const struct plan *plan) {
    *c = (struct control){.recipe = recipe, .draws = recipe->stochastic_layers};
    c->words = CONTROL_LAYERS + CONTROL_LAYER * c->draws;
    c->draw = calloc((size_t)c->draws + 1, sizeof *c->draw);
    if (!c->draw) return err_memory("the drop rates");
    recipe_walk(&recipe->model.layers, collect, &(struct collection){c, plan});
    return OK;
}

void control_free(struct control *c) {
    free(c->draw);
    c->draw = NULL;
}

static void put_float(uint32_t *word, float f) {
    memcpy(word, &f, sizeof f);
}

/* at: NULL for the rates that schedules end at. */
static void fill_draw(struct control_draw *d, const struct schedule_point *at, uint32_t *words) {
    const struct draw_attr *attr = draw_attr_of(d->draw.layer);
    double rate = at ? schedule_drop_rate(&attr->schedule, attr->rate, at) : attr->rate;
    if (rate != d->rate) {
        d->rate = rate;
        d->decision = draw_decide(&d->draw, rate);
    }
    words[LAYER_LIMIT] = d->decision.limit;
    words[LAYER_ACTIVE] = d->decision.active;
    put_float(&words[LAYER_SCALE], d->decision.scale);
    put_float(&words[LAYER_EXTRA], d->decision.extra);
}

/* What training and evaluation rows share. */
static void fill_row(struct control *c, const struct schedule_point *at, uint32_t step,
                     size_t first, size_t valid, uint32_t *row) {
    uint64_t seed = c->recipe->train.seed;
    memset(row, 0, (size_t)c->words * sizeof *row);
    row[CONTROL_SEED_LOW] = (uint32_t)seed;
    row[CONTROL_SEED_HIGH] = (uint32_t)(seed >> 32);
    row[CONTROL_STEP] = step;
    row[CONTROL_FIRST] = (uint32_t)first;
    row[CONTROL_VALID] = (uint32_t)valid;
    for (int i = 0; i < c->draws; i++)
        fill_draw(&c->draw[i], at, row + CONTROL_LAYERS + CONTROL_LAYER * i);
}

/* 1 - decay of step t, where decay = min(ema, (1 + t) / (10 + t)): the first models, which know
 * little, soon count little. */
static float average_rate(double ema, int64_t t) {
    return (float)(1 - fmin(ema, (1 + (double)t) / (10 + (double)t)));
}

void control_train(struct control *c, const struct optimizer_type *optimizer,
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
            fill_row(c, &at, (uint32_t)at.step, first, (size_t)micro, rows);
            rows[CONTROL_SAMPLE] = (uint32_t)(m * micro);
            rows[CONTROL_EPOCH] = e->epoch;
            put_float(&rows[CONTROL_MEAN], (float)(1.0 / e->batch));
            put_float(&rows[CONTROL_AVERAGE], average_rate(train->ema, at.step));
            memcpy(rows + CONTROL_OPTIMIZER, words, sizeof words);
        }
    }
}

void control_evaluate(struct control *c, size_t rows_total, int batch, uint32_t *rows) {
    for (size_t first = 0; first < rows_total; first += (size_t)batch, rows += c->words) {
        size_t left = rows_total - first;
        size_t valid = left < (size_t)batch ? left : (size_t)batch;
        fill_row(c, NULL, 0, first, valid, rows);
        rows[CONTROL_SAMPLE] = (uint32_t)first;
        put_float(&rows[CONTROL_MEAN], (float)(1.0 / (double)rows_total));
    }
}

void control_passes(struct control *c, const struct control_passes *p, uint32_t *rows) {
    for (uint32_t i = 0; i < p->count; i++, rows += c->words) {
        uint32_t k = p->pass + i;
        fill_row(c, NULL, k, p->first, p->valid, rows);
        rows[CONTROL_SAMPLE] = p->sample;
        rows[CONTROL_AUX] = p->split << 14; /* the two top bits of 16 */
        if (!p->end) continue;
        int interval = passes_interval(p->end, (int)k);
        rows[CONTROL_INTERVAL] = (uint32_t)(2 * interval + passes_opens(p->end, (int)k));
    }
}
