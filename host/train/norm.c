#include "train/norm.h"
#include "recipe/recipe.h"
#include <math.h>

/* Sums of bytes and of their squares: below 2^64 for more than 2^48 pixels. */
static void add_up(const uint8_t *images, size_t pixels, size_t channels, size_t channel,
                   const uint32_t *rows, size_t count, uint64_t *sum, uint64_t *squares) {
    *sum = *squares = 0;
    for (size_t r = 0; r < count; r++) {
        const uint8_t *image = images + rows[r] * pixels;
        for (size_t i = channel; i < pixels; i += channels) {
            *sum += image[i];
            *squares += (uint64_t)image[i] * image[i];
        }
    }
}

void norm_measure(int normalize, const uint8_t *images, size_t pixels, int channels,
                  const uint32_t *rows, size_t count, float *norm) {
    size_t c = (size_t)channels;
    for (size_t k = 0; k < c; k++) {
        norm[k] = (float)(1.0 / 255);
        norm[c + k] = 0;
        if (normalize != NORMALIZE_STANDARD) continue;
        uint64_t sum, squares;
        add_up(images, pixels, c, k, rows, count, &sum, &squares);
        double n = (double)count * (double)(pixels / c);
        double mean = (double)sum / n / 255;
        double variance = (double)squares / n / (255.0 * 255.0) - mean * mean;
        double deviation = variance > 1e-12 ? sqrt(variance) : 1; /* below rounding: constant */
        norm[k] = (float)(1 / (255 * deviation));
        norm[c + k] = (float)(-mean / deviation);
    }
}
