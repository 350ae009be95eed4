/* Pictures turned about their centre. */
#ifndef DROPCL_LAB_ROTATE_H
#define DROPCL_LAB_ROTATE_H

#include <stdint.h>

/* in, out: [height][width][channels], not the same. Counter-clockwise, interpolated between the
 * four nearest pixels; outside of the picture everything is 0. A multiple of 90 degrees moves the
 * pixels of a square one without changing any. */
void rotate_picture(const uint8_t *in, uint8_t *out, int height, int width, int channels,
                    double degrees);

#endif
