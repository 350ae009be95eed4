/* What to drop in a convolutional network: single elements of its maps, whole maps (Tompson,
 * Goroshin, Jain, LeCun, Bregler 2015) or blocks of them (Ghiasi, Lin, Le 2018). */
#include "lab/maps.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATES = 4, PICTURES = 128 /* whose maps are looked at */, LAYERS = 512 /* bytes of text */ };
static const char maps_value[] = "conv2.relu";

/* A weight of a convolution gets the gradients of a whole map: at the usual rate most filters are
 * dead before they learn, and which ones is up to the seed. Small batches make many steps of few
 * rows. */
static const char *const settings[] = {"train.batch=32", "train.optimizer.sgd.lr=0.01", NULL};

/* Everything at each rate; `none` drops nothing. */
struct variants {
    double rate[RATES];
    int rates, drawn; /* drawn: the one whose masks are shown */
    int pictures;     /* whose maps are looked at             */
    struct guess guess[VARIANTS][RATES];
    struct outcome none, at[VARIANTS][RATES];
    int best[VARIANTS]; /* index of a rate, by the rows held out */
};

/* drop: a line of YAML, "" for none; its maps have half the side of the pictures. */
static void write_layers(const char *drop, char layers[LAYERS]) {
    snprintf(layers, LAYERS,
             "    - conv: {name: conv1, filters: 16, kernel: 3, pad: same, activation: relu}\n"
             "    - maxpool: {size: 2}\n"
             "    - conv: {name: conv2, filters: 32, kernel: 3, pad: same, activation: relu}\n"
             "%s"
             "    - maxpool: {size: 2}\n",
             drop);
}

/* ---- the maps ---- */

static enum err read_maps(struct lab *lab, const struct trial *t, struct maps *maps) {
    struct model *m = NULL;
    char layers[LAYERS];
    write_layers("", layers);
    TRY(lab_trial_model(lab, layers, t, &m));
    enum err rc = maps_read(maps, lab, m, maps_value, PICTURES);
    model_free(m);
    return rc;
}

static enum err look_at_masks(struct lab *lab, const struct maps *maps, struct variants *v,
                              json_t *pictures) {
    for (enum variant k = 0; k < VARIANTS; k++)
        for (int i = 0; i < v->rates; i++) {
            uint8_t *kept;
            TRY(maps_mask(maps, lab->options->device, k, v->rate[i], &kept));
            enum err rc = maps_guess(maps, kept, &v->guess[k][i]);
            if (i == v->drawn) maps_draw(maps, &lab->page, pictures, kept, variant_layers[k].type);
            free(kept);
            TRY(rc);
        }
    return OK;
}

static json_t *add_pictures(struct lab *lab, const struct maps *maps, double rate) {
    char caption[400];
    const struct dataset *d = lab->data;
    snprintf(caption, sizeof caption,
             "The %d strongest of the %d maps that the second convolution makes of the first test "
             "picture, trained without dropping; each from 0 (black) to its largest element "
             "(white). Red: dropped at rate %g, by the masks of the first sample of the first "
             "step of training with seed 1.",
             maps->channels < MAPS_DRAWN ? maps->channels : MAPS_DRAWN, maps->channels, rate);
    json_t *list = page_pictures(&lab->page, "What is dropped", caption, 150);
    page_picture(&lab->page, list, d->test.images, d->width, d->height, d->channels,
                 "the input: %s", d->class_names[d->test.labels[0]]);
    maps_draw(maps, &lab->page, list, NULL, "nothing dropped");
    return list;
}

static enum err look_at_maps(struct lab *lab, const struct trial *t, struct variants *v) {
    struct maps maps = {.rows = 0};
    enum err rc = read_maps(lab, t, &maps);
    v->pictures = maps.rows;
    if (!rc) rc = look_at_masks(lab, &maps, v, add_pictures(lab, &maps, v->rate[v->drawn]));
    maps_free(&maps);
    return rc;
}

/* ---- the errors ---- */

static enum err try_variant(struct lab *lab, const char *drop, const struct trial *t,
                            struct outcome *out) {
    char layers[LAYERS];
    write_layers(drop, layers);
    return lab_try(lab, layers, t, out);
}

static enum err measure(struct lab *lab, const struct trial *t, struct variants *v) {
    TRY(try_variant(lab, "", t, &v->none));
    for (enum variant k = 0; k < VARIANTS; k++)
        for (int i = 0; i < v->rates; i++) {
            char drop[96];
            snprintf(drop, sizeof drop, "    - %s: {rate: %g%s}\n", variant_layers[k].type,
                     v->rate[i], variant_layers[k].more);
            TRY(try_variant(lab, drop, t, &v->at[k][i]));
            if (v->at[k][i].held.over.mean < v->at[k][v->best[k]].held.over.mean) v->best[k] = i;
        }
    return OK;
}

static void add_charts(struct page *p, const struct variants *v) {
    static const char *const labels[] = {"dropout", "dropout2d", "dropblock", NULL};
    json_t *guess = page_chart(
        p, &(struct chart){.type = CHART_BAR,
                           .title = "What the neighbours still tell",
                           .x = "layer",
                           .y = "variance explained, %",
                           .caption = "Of dropped elements, by the mean of the kept ones among "
                                      "their 8 neighbours: a line fitted in each channel. Without "
                                      "a kept neighbour nothing is explained.",
                           .labels = labels});
    for (int i = 0; i < v->rates; i++) {
        char name[32];
        snprintf(name, sizeof name, "rate %g", v->rate[i]);
        json_t *series = page_series(p, guess, name);
        for (int k = 0; k < VARIANTS; k++)
            page_point(p, series, k, 100 * v->guess[k][i].explained, (double)NAN);
    }
    json_t *errors = page_chart(
        p, &(struct chart){.title = "Errors on rows held out",
                           .x = "rate",
                           .y = "validation error, %",
                           .caption = "Mean and standard deviation over the seeds; the lines start "
                                      "at the network without dropping."});
    for (int k = 0; k < VARIANTS; k++) {
        json_t *series = page_series(p, errors, labels[k]);
        page_point(p, series, 0, v->none.held.over.mean, v->none.held.over.spread);
        for (int i = 0; i < v->rates; i++)
            page_point(p, series, v->rate[i], v->at[k][i].held.over.mean,
                       v->at[k][i].held.over.spread);
    }
}

static json_t *add_row(struct page *p, json_t *table, const char *name, const struct outcome *o) {
    json_t *row = page_row(p, table);
    page_cell(p, row, "%s", name);
    page_cell_stats(p, row, o->held.over, 2, " %");
    page_cell_stats(p, row, o->test.over, 2, " %");
    page_cell(p, row, "%.2f %%", o->train.over.mean);
    return row;
}

static void add_table(struct page *p, const struct variants *v) {
    static const char *const columns[] = {
        "layer, rate", "validation error", "test error", "training error",
        "dropped",     "neighbours kept",  "explained",  NULL};
    json_t *table = page_table(p,
                               "Marked: the lowest validation error. Training errors are those "
                               "while dropping.",
                               columns),
           *none = add_row(p, table, "none", &v->none);
    double least = v->none.held.over.mean;
    for (int empty = 0; empty < 3; empty++) page_cell(p, none, "\u2013");
    page_mark(p, table, 0);
    for (int k = 0; k < VARIANTS; k++)
        for (int i = 0; i < v->rates; i++) {
            char name[48];
            const struct guess *g = &v->guess[k][i];
            snprintf(name, sizeof name, "%s %g", variant_layers[k].type, v->rate[i]);
            json_t *row = add_row(p, table, name, &v->at[k][i]);
            page_cell(p, row, "%.1f %%", 100 * g->dropped);
            page_cell(p, row, "%.0f %%", 100 * g->neighbours);
            page_cell(p, row, "%.1f %%", 100 * g->explained);
            if (v->at[k][i].held.over.mean >= least) continue;
            least = v->at[k][i].held.over.mean;
            page_mark(p, table, 1 + k * v->rates + i);
        }
}

/* ---- the verdict ---- */

static const struct errors *chosen(const struct variants *v, enum variant k) {
    return &v->at[k][v->best[k]].test;
}

static void judge(struct finding *f, const struct variants *v) {
    const struct errors *single = chosen(v, VARIANT_DROPOUT), *map = chosen(v, VARIANT_DROPOUT2D),
                        *block = chosen(v, VARIANT_DROPBLOCK);
    struct gain maps = lab_gain(single, map), blocks = lab_gain(single, block);
    bool worse = lab_gain(map, single).clear && lab_gain(block, single).clear;
    f->verdict = maps.clear || blocks.clear ? VERDICT_HELD : worse ? VERDICT_FAILED : VERDICT_OPEN;
    snprintf(f->result, sizeof f->result,
             "Test error at the rate of the lowest validation error: none %.2f %%, dropout %.2f %% "
             "(%g), dropout2d %.2f %% (%g), dropblock %.2f %% (%g). Less than dropout, seeds "
             "paired: dropout2d %.2f (standard error %.2f), dropblock %.2f (%.2f). Of the variance "
             "of what dropout drops at %g, kept neighbours explain %.0f %%; for dropblock %.0f %%.",
             v->none.test.over.mean, single->over.mean, v->rate[v->best[VARIANT_DROPOUT]],
             map->over.mean, v->rate[v->best[VARIANT_DROPOUT2D]], block->over.mean,
             v->rate[v->best[VARIANT_DROPBLOCK]], maps.mean, maps.error, blocks.mean, blocks.error,
             v->rate[v->drawn], 100 * v->guess[VARIANT_DROPOUT][v->drawn].explained,
             100 * v->guess[VARIANT_DROPBLOCK][v->drawn].explained);
}

enum err lab_variants(struct lab *lab, struct finding *f) {
    struct trial t = {.rows = lab_rows(lab, 1000, 2000),
                      .validation = 5000,
                      .seeds = lab_choose(lab, 3, 5),
                      .settings = settings};
    struct variants *v = calloc(1, sizeof *v);
    if (!v) return err_memory("the variants of dropout");
    *v = lab->options->full
             ? (struct variants){.rate = {0.1, 0.2, 0.3, 0.5}, .rates = 4, .drawn = 2}
             : (struct variants){.rate = {0.1, 0.3}, .rates = 2, .drawn = 1};
    t.epochs = lab_epochs_on(lab, lab_trial_rows(lab, &t), 30);
    enum err rc = look_at_maps(lab, &t, v);
    if (!rc) rc = measure(lab, &t, v);
    if (!rc) {
        add_charts(&lab->page, v);
        add_table(&lab->page, v);
        judge(f, v);
        snprintf(f->measured, sizeof f->measured,
                 "convolutions of 16 and 32 filters, dropping behind the second, on %d training "
                 "rows, %d epochs; rates chosen by %d rows held out, then compared by their test "
                 "errors. Masks on the maps of %d test pictures",
                 t.rows, t.epochs, t.validation, v->pictures);
        snprintf(f->seeds, sizeof f->seeds, "1 to %d", t.seeds);
    }
    free(v);
    return rc;
}
