#include "lab/rotate.h"
#include <math.h>
#include <stdbool.h>

struct picture {
    const uint8_t *bytes;
    int height, width, channels;
};

static double pixel(const struct picture *p, int y, int x, int channel) {
    bool inside = y >= 0 && y < p->height && x >= 0 && x < p->width;
    return inside ? p->bytes[(y * p->width + x) * p->channels + channel] : 0;
}

/* Between the centres of four pixels, linear in each direction. */
static uint8_t interpolate(const struct picture *p, double y, double x, int channel) {
    int top = (int)floor(y), left = (int)floor(x);
    double down = y - top, right = x - left;
    double above =
        (1 - right) * pixel(p, top, left, channel) + right * pixel(p, top, left + 1, channel);
    double below = (1 - right) * pixel(p, top + 1, left, channel) +
                   right * pixel(p, top + 1, left + 1, channel);
    return (uint8_t)lround((1 - down) * above + down * below);
}

/* Each pixel asks where it comes from, so that none is left out. */
void rotate_picture(const uint8_t *in, uint8_t *out, int height, int width, int channels,
                    double degrees) {
    const struct picture p = {in, height, width, channels};
    double angle = degrees * (3.14159265358979323846 / 180), c = cos(angle), s = sin(angle);
    double middle_y = (height - 1) / 2.0, middle_x = (width - 1) / 2.0;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++) {
            double y = row - middle_y, x = column - middle_x; /* y points down */
            double from_y = middle_y + c * y + s * x, from_x = middle_x + c * x - s * y;
            for (int channel = 0; channel < channels; channel++)
                *out++ = interpolate(&p, from_y, from_x, channel);
        }
}
