/* Pictures for pages and files. */
#ifndef DROPCL_LAB_PNG_H
#define DROPCL_LAB_PNG_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* A PNG file of bytes[height][width][channels], channels 1 (grey) or 3 (red, green, blue), in
 * malloc'ed memory. ERR_SYSTEM. */
enum err png_encode(const uint8_t *bytes, int width, int height, int channels, void **out,
                    size_t *size);

/* The same as "data:image/png;base64,..."; the caller frees. ERR_SYSTEM. */
enum err png_uri(const uint8_t *bytes, int width, int height, int channels, char **out);

#endif
