#include "lab/maps.h"
#include "train/mask.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct variant_layer variant_layers[VARIANTS] = {
    [VARIANT_DROPOUT] = {"dropout", ""},
    [VARIANT_DROPOUT2D] = {"dropout2d", ""},
    [VARIANT_DROPBLOCK] = {"dropblock", ", size: 3, gamma: exact"},
};

static size_t elements_of(const struct maps *m) {
    return (size_t)m->height * (size_t)m->width * (size_t)m->channels;
}

enum err maps_read(struct maps *m, struct lab *lab, const struct model *model, const char *value,
                   int rows) {
    struct probe p;
    int features;
    *m = (struct maps){.rows = 0};
    TRY(probe_open(&p, lab, model, PLAN_EVAL, rows));
    enum err rc = probe_run(&p, 0);
    if (!rc) rc = probe_read(&p, value, &m->at, &features);
    if (!rc) {
        const struct shape *s = &p.runner.plan->values[probe_find(&p, value)].shape;
        if (s->rank == 4)
            m->rows = p.rows, m->height = s->dim[1], m->width = s->dim[2], m->channels = s->dim[3];
        else
            rc = err_set(ERR_RECIPE, "%s is no feature map", value);
    }
    probe_close(&p);
    return rc;
}

void maps_free(struct maps *m) {
    free(m->at);
    m->at = NULL;
}

enum err maps_mask(const struct maps *m, struct device *device, enum variant variant, double rate,
                   uint8_t **kept) {
    struct mask_maker maker;
    const struct mask_layer layer = {.type = variant_layers[variant].type,
                                     .more = variant_layers[variant].more,
                                     .shape = {3, {m->height, m->width, m->channels}},
                                     .rate = rate,
                                     .number = 0,
                                     .seed = 1};
    *kept = malloc((size_t)m->rows * elements_of(m));
    if (!*kept) return err_memory("masks");
    enum err rc = mask_open(&maker, device, &layer, m->rows);
    if (!rc) {
        rc = mask_make(&maker, 0, 0, *kept);
        mask_close(&maker);
    }
    if (rc) {
        free(*kept);
        *kept = NULL;
    }
    return rc;
}

/* ---- guessing what has been dropped ---- */

/* Of pairs: x is what the neighbours say, y the element. */
struct sums {
    double n, x, y, xx, xy, yy;
};

static void add_pair(struct sums *s, double x, double y) {
    s->n += 1, s->x += x, s->y += y;
    s->xx += x * x, s->xy += x * y, s->yy += y * y;
}

static double squares_about_mean(const struct sums *s) {
    return s->n > 0 ? s->yy - s->y * s->y / s->n : 0;
}

static double squares_about_line(const struct sums *s) {
    double xx = s->n > 0 ? s->xx - s->x * s->x / s->n : 0;
    double xy = s->n > 0 ? s->xy - s->x * s->y / s->n : 0;
    return squares_about_mean(s) - (xx > 0 ? xy * xy / xx : 0);
}

/* Around one element: how many neighbours its map has, how many of them are kept, and their sum. */
struct around {
    int all, kept;
    double sum;
};

static struct around look_around(const struct maps *m, const uint8_t *kept, size_t sample, int y,
                                 int x, int c) {
    struct around a = {0, 0, 0};
    for (int row = y - 1; row <= y + 1; row++)
        for (int column = x - 1; column <= x + 1; column++) {
            bool inside = row >= 0 && row < m->height && column >= 0 && column < m->width;
            if (!inside || (row == y && column == x)) continue;
            size_t i = sample + (size_t)((row * m->width + column) * m->channels + c);
            a.all++;
            if (kept[i]) a.kept++, a.sum += (double)m->at[i];
        }
    return a;
}

/* Of one channel: dropped elements with and without kept neighbours. */
struct channel {
    struct sums with, without;
};

static void take_sample(const struct maps *m, const uint8_t *kept, int row, struct channel *all,
                        struct around *total) {
    size_t sample = (size_t)row * elements_of(m), i = sample;
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++)
            for (int c = 0; c < m->channels; c++, i++) {
                if (kept[i]) continue;
                struct around a = look_around(m, kept, sample, y, x, c);
                if (a.kept)
                    add_pair(&all[c].with, a.sum / a.kept, (double)m->at[i]);
                else
                    add_pair(&all[c].without, 0, (double)m->at[i]);
                total->all += a.all, total->kept += a.kept;
            }
}

enum err maps_guess(const struct maps *m, const uint8_t *kept, struct guess *out) {
    struct channel *all = calloc((size_t)m->channels, sizeof *all);
    struct around total = {0, 0, 0};
    double dropped = 0, squares = 0, left = 0;
    if (!all) return err_memory("sums over maps");
    for (int row = 0; row < m->rows; row++) take_sample(m, kept, row, all, &total);
    for (int c = 0; c < m->channels; c++) {
        const struct sums *a = &all[c].with, *b = &all[c].without;
        struct sums both = {.n = a->n + b->n, .y = a->y + b->y, .yy = a->yy + b->yy};
        dropped += both.n;
        squares += squares_about_mean(&both);
        left += squares_about_line(a) + squares_about_line(b);
    }
    free(all);
    out->dropped = dropped / ((double)m->rows * (double)elements_of(m));
    out->neighbours = total.all ? (double)total.kept / total.all : (double)NAN;
    out->explained = squares > 0 ? 1 - left / squares : (double)NAN;
    return OK;
}

/* ---- drawing ---- */

enum { RGB = 3 };
static const uint8_t dropped_color[RGB] = {0xe0, 0x56, 0x3c}, gap_color[RGB] = {0x8b, 0x95, 0xa5};

/* Of the first picture: the channels with the largest sums. Returns how many. */
static int strongest(const struct maps *m, int *channels) {
    int n = 0;
    while (n < MAPS_DRAWN && n < m->channels) {
        int best = -1;
        double most = -1;
        for (int c = 0; c < m->channels; c++) {
            double sum = 0;
            bool taken = false;
            for (int i = 0; i < n; i++) taken = taken || channels[i] == c;
            for (size_t i = (size_t)c; i < elements_of(m); i += (size_t)m->channels)
                sum += fabs((double)m->at[i]);
            if (!taken && sum > most) most = sum, best = c;
        }
        if (best < 0) break; /* none is a number */
        channels[n++] = best;
    }
    return n;
}

/* From 0, black, to the largest of the map, white. */
static void draw_one(const struct maps *m, const uint8_t *kept, int c, uint8_t *to, int width) {
    float most = 0;
    for (size_t i = (size_t)c; i < elements_of(m); i += (size_t)m->channels)
        if (m->at[i] > most) most = m->at[i];
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++) {
            size_t i = (size_t)((y * m->width + x) * m->channels + c);
            uint8_t *pixel = to + (y * width + x) * RGB;
            float shade = most > 0 && m->at[i] > 0 ? m->at[i] / most : 0;
            memset(pixel, (int)(255 * shade + 0.5f), RGB);
            if (kept && !kept[i]) memcpy(pixel, dropped_color, RGB);
        }
}

void maps_draw(const struct maps *m, struct page *p, json_t *pictures, const uint8_t *kept,
               const char *text) {
    int channels[MAPS_DRAWN], count = strongest(m, channels);
    int width = MAPS_SIDE * (m->width + 1) - 1, height = MAPS_SIDE * (m->height + 1) - 1;
    uint8_t *sheet = malloc((size_t)width * (size_t)height * RGB);
    if (!sheet) {
        p->failed = true;
        return;
    }
    for (int i = 0; i < width * height; i++) memcpy(sheet + i * RGB, gap_color, RGB);
    for (int i = 0; i < count; i++) {
        int y = i / MAPS_SIDE * (m->height + 1), x = i % MAPS_SIDE * (m->width + 1);
        draw_one(m, kept, channels[i], sheet + (y * width + x) * RGB, width);
    }
    page_picture(p, pictures, sheet, width, height, RGB, "%s", text);
    free(sheet);
}
