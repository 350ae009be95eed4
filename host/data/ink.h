/* Drawing on one 28x28 picture, in integers: the same bytes from every compiler and machine.
 * Positions are in 1/INK_PIXEL of a pixel from the upper left corner, y downwards. */
#ifndef DROPCL_DATA_INK_H
#define DROPCL_DATA_INK_H

#include <stdint.h>

enum { INK_SIDE = 28, INK_PIXELS = INK_SIDE * INK_SIDE, INK_PIXEL = 256 };

struct ink_point {
    int x, y;
};

/* Draws a segment with round ends; `radius` is half its thickness, `strength` (0 .. 255) what a
 * fully covered pixel becomes unless it is darker already. Parts outside the picture are left out.
 */
void ink_segment(uint8_t picture[INK_PIXELS], struct ink_point a, struct ink_point b, int radius,
                 int strength);

/* One pass of the binomial filter 1 2 1 in both directions; the border is continued outwards. */
void ink_blur(uint8_t picture[INK_PIXELS]);

#endif
