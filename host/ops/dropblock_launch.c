/* The ways to launch DropBlock: `direct`, where every element asks the corners that reach it, and
 * `tiled`, which draws each corner once and keeps its bits in the memory of a work-item (CPU
 * devices) or of a group (GPUs). Tiled is the default wherever those bits fit. */
#include "ops/dropblock.h"
#include <stdio.h>
#include <string.h>

/* Words of bits that a work-item or a group keeps: wanted, so that they stay in the first-level
 * cache (and several groups on a GPU's core), and allowed. */
enum { CPU_WANTED = 4096, CPU_ALLOWED = 65536, GPU_WANTED = 4096, GPU_ALLOWED = 7680 };
enum { GPU_GROUP = 256, DIRECT_PARTS = 64 };

struct tiling {
    bool fits;
    int slice, band; /* channels and rows at a time */
    int parts;       /* of a sample                 */
};

static int words_of(int bits) {
    return (bits + 31) / 32;
}

static int cpu_words(const struct dropblock_grid *g, int slice) {
    return g->block_h * (words_of(g->width * slice) + 1);
}

static int gpu_words(const struct dropblock_grid *g, int slice, int band) {
    return (band + g->block_h - 1) * (words_of(g->width * slice) + words_of(g->grid_w * slice));
}

/* Slices start at vectors of 16, so only channels that divide that way are cut. */
static struct tiling cpu_tiling(const struct dropblock_grid *g, int samples) {
    struct tiling t = {.slice = g->channels, .band = g->height};
    while (t.slice % 32 == 0 &&
           (cpu_words(g, t.slice) > CPU_WANTED || samples * (g->channels / t.slice) < 16))
        t.slice /= 2;
    t.parts = g->channels / t.slice;
    t.fits = cpu_words(g, t.slice) <= CPU_ALLOWED;
    return t;
}

/* Bands cost the rows of corners above them again, slices below 16 channels cost whole lines of
 * memory. A band starts at a vector of 4. */
static struct tiling gpu_tiling(const struct dropblock_grid *g) {
    struct tiling t = {.slice = g->channels, .band = g->height};
    while (t.slice % 32 == 0 && gpu_words(g, t.slice, t.band) > GPU_WANTED) t.slice /= 2;
    int step = g->width * t.slice % 4 ? 4 : 1;
    while (t.band > step && gpu_words(g, t.slice, t.band) > GPU_WANTED)
        t.band = (t.band / 2 + step - 1) / step * step;
    t.parts = g->channels / t.slice * (int)divide_up((size_t)g->height, (size_t)t.band);
    t.fits = gpu_words(g, t.slice, t.band) <= GPU_ALLOWED;
    return t;
}

static struct tiling tiling_of(const struct plan *p, const struct step *s,
                               const struct caps *caps) {
    const struct dropblock_grid g = dropblock_grid_of(&p->draws[s->draw]);
    return caps->cpu_family ? cpu_tiling(&g, p->values[s->out[0]].shape.dim[0]) : gpu_tiling(&g);
}

static void key_of(const struct plan *p, const struct step *s, char *key) {
    const struct dropblock_attr *attr = s->attr;
    const int *axes = p->values[s->out[0]].shape.dim;
    snprintf(key, TUNE_KEY, "dropblock_%dx%dx%dx%d_%d_%d_%d", axes[0], axes[1], axes[2], axes[3],
             attr->size, attr->normalize, s->nstages);
}

int dropblock_ways(const struct plan *p, const struct step *s, const struct caps *caps,
                   struct step_ways *out) {
    key_of(p, s, out->key);
    out->name[0] = "direct";
    out->name[1] = "tiled";
    return out->count = tiling_of(p, s, caps).fits ? 2 : 1;
}

static struct launch *start(const struct plan *p, const struct step *s, const struct tiling *t,
                            struct launch_list *list, bool counting) {
    const struct dropblock_attr *attr = s->attr;
    const struct dropblock_grid g = dropblock_grid_of(&p->draws[s->draw]);
    bool by_sample = attr->normalize == NORMALIZE_SAMPLE;
    uint32_t words[STAGE_WORDS];
    struct step bare = *s;
    if (counting) bare.nstages = 0;
    draws_words(p, attr, s->draw, words);
    struct launch *l = launch_new(list, "dropblock", "dropblock");
    launch_define(l, "-DHEIGHT=%d -DWIDTH=%d -DCHANNELS=%d", g.height, g.width, g.channels);
    launch_define(l, "-DBLOCK_H=%d -DBLOCK_W=%d", g.block_h, g.block_w);
    launch_define(l, "-DSAMPLES=%d", p->values[s->out[0]].shape.dim[0]);
    launch_define(l, "-DLAYER_AT=%u -DCOUNTER3=%uu", words[0], words[1]);
    launch_define(l, "-DTILED=%d -DSLICE=%d -DBAND=%d -DPARTS=%d", t->fits, t->slice, t->band,
                  t->parts);
    launch_define(l, "-DBY_SAMPLE=%d -DCOUNTING=%d", by_sample, counting);
    if (!counting) launch_value(l, s->in[0]);
    if (!counting) launch_value(l, s->out[0]);
    if (by_sample) launch_scratch(l);
    stages_launch(p, &bare, l);
    return l;
}

static void size_of(struct launch *l, const struct plan *p, const struct step *s,
                    const struct caps *caps, const struct tiling *t, bool counting) {
    const struct shape *shape = &p->values[s->out[0]].shape;
    size_t samples = (size_t)shape->dim[0], parts = (size_t)t->parts;
    size_t vectors = divide_up((size_t)shape_features(shape), lanes(caps));
    if (!t->fits && counting)
        launch_size(l, 2, (size_t[]){parts, samples}, (size_t[]){1, 1});
    else if (!t->fits)
        launch_size(l, 2, (size_t[]){vectors, samples}, (size_t[]){caps->cpu_family ? 1 : 64, 1});
    else if (caps->cpu_family)
        launch_size(l, 1, (size_t[]){cpu_groups(samples * parts)}, (size_t[]){1});
    else
        launch_size(l, 2, (size_t[]){parts * GPU_GROUP, samples}, (size_t[]){GPU_GROUP, 1});
}

void dropblock_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                      struct launch_list *list) {
    const struct dropblock_attr *attr = s->attr;
    struct tiling t = tiling_of(p, s, caps);
    char key[TUNE_KEY];
    key_of(p, s, key);
    const char *way = caps->tuning ? tuning_find(caps->tuning, key) : NULL;
    if (way && !strcmp(way, "direct")) t.fits = false;
    if (!t.fits) t.parts = DIRECT_PARTS;
    for (int counting = attr->normalize == NORMALIZE_SAMPLE; counting >= 0; counting--)
        size_of(start(p, s, &t, list, counting), p, s, caps, &t, counting);
    if (attr->normalize == NORMALIZE_SAMPLE)
        list->scratch =
            (size_t)p->values[s->out[0]].shape.dim[0] * (size_t)t.parts * sizeof(uint32_t);
}
