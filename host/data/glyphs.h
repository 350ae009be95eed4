/* The shapes of the digits 0 to 9 as hand-written strokes, several ways of writing each. */
#ifndef DROPCL_DATA_GLYPHS_H
#define DROPCL_DATA_GLYPHS_H

#include <stdint.h>

enum { GLYPH_POINTS = 12, GLYPH_STROKES = 3, GLYPH_BOX = 100 };

struct stroke {
    uint8_t closed; /* the curve returns to its first point */
    uint8_t npoints;
    uint8_t points[GLYPH_POINTS]
                  [2]; /* x, y in 0 .. GLYPH_BOX, y downwards; a spline goes through */
};

struct glyph {
    uint8_t digit, nstrokes;
    struct stroke strokes[GLYPH_STROKES];
};

/* How many ways of writing `digit` (0 to 9) there are, and the n-th of them. */
int glyphs_count(int digit);
const struct glyph *glyphs_get(int digit, int n);

#endif
