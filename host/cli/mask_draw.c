/* Masks as a picture: tiles of elements, kept light and dropped dark. */
#include "base/io.h"
#include "cli/mask_private.h"
#include "lab/png.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST = 8192,      /* pixels across or down: 64 MiB of them     */
    COMFORT = 1024,   /* a picture that stays below is scaled up   */
    SCALE_MOST = 16,  /* but an element no further                 */
    ROW_MOST = 2048,  /* elements in a row, where samples are rows */
    SIDE_BY_SIDE = 4, /* channels in a row; more form a square     */
    GAP = 1,          /* between tiles                             */
    APART = 4,        /* between samples of several tiles          */
    DARK = 28,
    BETWEEN = 128,
    LIGHT = 240
};

/* ---- where things are ---- */

static uint64_t rows_of(const struct mask_cells *c) {
    return (c->count + c->columns - 1) / c->columns;
}

static uint64_t width_of(const struct mask_cells *c) {
    return c->columns * (c->width + c->gap) - c->gap;
}

static uint64_t height_of(const struct mask_cells *c) {
    return rows_of(c) * (c->height + c->gap) - c->gap;
}

/* The fewest columns that make it as wide as it is high. */
static void make_square(struct mask_cells *c) {
    for (c->columns = 1; c->columns < c->count && c->columns <= MOST; c->columns++)
        if (width_of(c) >= height_of(c)) return;
}

/* What an element-wise mask is: a row for each sample, without gaps; a square where a row would be
 * too long. Everything else has tiles of its axes. */
static void lay_out(struct mask_picture *p, const struct mask_question *q, uint64_t scale) {
    const int *axis = q->shape.at;
    const struct range *samples = &q->arguments->samples;
    bool rows = !q->kind->axes && q->elements > 1 && q->elements <= ROW_MOST;
    uint64_t channels = q->kind->axes == 3 ? (uint64_t)axis[2] : 1;
    uint64_t pixels = q->elements / channels;
    p->scale = scale;
    p->row = rows ? q->elements : q->kind->axes ? (uint64_t)axis[1] : 0;
    if (!p->row) p->row = (uint64_t)ceil(sqrt((double)pixels));
    p->tiles = (struct mask_cells){.count = channels,
                                   .columns = channels,
                                   .width = p->row * scale,
                                   .height = (pixels + p->row - 1) / p->row * scale,
                                   .gap = GAP};
    if (channels > SIDE_BY_SIDE) make_square(&p->tiles);
    p->samples = (struct mask_cells){.count = samples->last - samples->first,
                                     .columns = 1,
                                     .width = width_of(&p->tiles),
                                     .height = height_of(&p->tiles),
                                     .gap = rows           ? 0
                                            : channels > 1 ? APART
                                                           : GAP};
    if (!rows) make_square(&p->samples);
    p->width = width_of(&p->samples);
    p->height = height_of(&p->samples);
}

enum err mask_picture_plan(struct mask_picture *p, const struct mask_question *q) {
    uint64_t scale = SCALE_MOST;
    *p = (struct mask_picture){.pixels = NULL};
    do lay_out(p, q, scale);
    while ((p->width > COMFORT || p->height > COMFORT) && --scale);
    if (p->width <= MOST && p->height <= MOST) return OK;
    return err_set(ERR_USAGE,
                   "mask: a picture of %llu samples of %llu x %llu pixels is larger than %d x %d: "
                   "ask for fewer samples or elements",
                   (unsigned long long)p->samples.count, (unsigned long long)p->samples.width,
                   (unsigned long long)p->samples.height, MOST, MOST);
}

enum err mask_picture_open(struct mask_picture *p) {
    p->pixels = malloc((size_t)(p->width * p->height));
    if (!p->pixels) return err_memory("a picture of masks");
    memset(p->pixels, BETWEEN, (size_t)(p->width * p->height));
    return OK;
}

void mask_picture_close(struct mask_picture *p) {
    free(p->pixels);
    p->pixels = NULL;
}

/* ---- drawing ---- */

/* A factor of 1 is the middle of the greys, 0 and less black, 2 and more white. */
static uint8_t grey_of(const struct mask_block *b, size_t at) {
    if (b->kept) return b->kept[at] ? LIGHT : DARK;
    return (uint8_t)lround(127.5 * fmin(2, fmax(0, (double)b->factors[at])));
}

static uint8_t *corner(const struct mask_picture *p, const struct mask_cells *c, uint64_t i) {
    uint64_t x = i % c->columns * (c->width + c->gap), y = i / c->columns * (c->height + c->gap);
    return p->pixels + y * p->width + x;
}

static void draw_element(const struct mask_picture *p, uint8_t *sample, uint64_t e, uint8_t grey) {
    uint64_t pixel = e / p->tiles.count;
    uint8_t *to = sample + (corner(p, &p->tiles, e % p->tiles.count) - p->pixels);
    to += pixel / p->row * p->scale * p->width + pixel % p->row * p->scale;
    for (uint64_t y = 0; y < p->scale; y++) memset(to + y * p->width, grey, (size_t)p->scale);
}

void mask_picture_add(struct mask_picture *p, const struct mask_block *b) {
    for (size_t s = 0; s < b->samples; s++) {
        uint8_t *sample = corner(p, &p->samples, p->drawn++);
        for (size_t e = 0; e < b->elements; e++)
            draw_element(p, sample, e, grey_of(b, s * b->elements + e));
    }
}

enum err mask_picture_write(const struct mask_picture *p, const char *path) {
    void *file;
    size_t size;
    TRY(png_encode(p->pixels, (int)p->width, (int)p->height, 1, &file, &size));
    enum err rc = io_write_atomic(path, file, size);
    free(file);
    if (rc) return rc;
    printf("%s  %llu x %llu pixels, samples %llu, tiles of each %llu, scale %llu\n", path,
           (unsigned long long)p->width, (unsigned long long)p->height,
           (unsigned long long)p->samples.count, (unsigned long long)p->tiles.count,
           (unsigned long long)p->scale);
    return OK;
}
