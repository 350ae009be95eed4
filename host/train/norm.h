/* Normalisation: what turns a pixel's byte into the network's input, x = fma(byte, scale, shift).
 */
#ifndef DROPCL_TRAIN_NORM_H
#define DROPCL_TRAIN_NORM_H

#include <stddef.h>
#include <stdint.h>

/* images: [..][pixels] bytes, channels last; rows: the `count` of them to measure. Fills norm[2 *
 * channels]: scale, then shift. NORMALIZE_UNIT: byte / 255. NORMALIZE_STANDARD: mean 0 and standard
 * deviation 1 over those rows, from exact integer sums; a channel that never changes is only
 * centred. */
void norm_measure(int normalize, const uint8_t *images, size_t pixels, int channels,
                  const uint32_t *rows, size_t count, float *norm);

#endif
