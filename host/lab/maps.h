/* Feature maps of a few pictures, and what the variants of dropout leave of them: drawn, and
 * measured. */
#ifndef DROPCL_LAB_MAPS_H
#define DROPCL_LAB_MAPS_H

#include "lab/lab_private.h"

/* Layers that drop on maps: their type, and attributes beside the rate. */
enum variant { VARIANT_DROPOUT, VARIANT_DROPOUT2D, VARIANT_DROPBLOCK, VARIANTS };
extern const struct variant_layer { const char *type, *more; } variant_layers[VARIANTS];

struct maps {
    int rows, height, width, channels;
    float *at; /* [rows][height][width][channels], owned */
};

/* A value of the network in evaluation, for the first `rows` test pictures. ERR_RECIPE when it is
 * not there or has no maps. The caller frees with maps_free, also on failure. */
enum err maps_read(struct maps *, struct lab *, const struct model *, const char *value, int rows);
void maps_free(struct maps *);

/* The masks that the first step of training with seed 1 lays over a batch of such maps when this
 * layer is the first that drops: kept[rows][height][width][channels]. The caller frees. */
enum err maps_mask(const struct maps *, struct device *, enum variant, double rate, uint8_t **kept);

struct guess {
    double dropped;    /* share of all elements                                            */
    double neighbours; /* of the up to 8 neighbours of a dropped element: the share kept   */
    double explained;  /* of the variance of dropped elements, by their kept neighbours    */
};

/* How well dropped elements can be guessed from what is left around them. In each channel a
 * straight line, fitted by least squares, goes from the mean of the kept ones among the 8
 * neighbours to the element; an element without kept neighbours is guessed to be the mean of such
 * elements. explained: 1 - squares left / squares about the mean, over all channels; NaN where maps
 * are constant or nothing is dropped. */
enum err maps_guess(const struct maps *, const uint8_t *kept, struct guess *);

/* The strongest maps of the first picture in one picture; kept: its mask, NULL for the maps as they
 * are. */
void maps_draw(const struct maps *, struct page *, json_t *pictures, const uint8_t *kept,
               const char *text);

/* How many maps are drawn at most. */
enum { MAPS_SIDE = 3, MAPS_DRAWN = MAPS_SIDE * MAPS_SIDE };

#endif
