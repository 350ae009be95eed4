/* Pictures for pages. */
#ifndef DROPCL_LAB_PNG_H
#define DROPCL_LAB_PNG_H

#include "base/err.h"
#include <stdint.h>

/* "data:image/png;base64,..." of bytes[height][width][channels], channels 1 (grey) or 3 (red,
 * green, blue); the caller frees. ERR_SYSTEM. */
enum err png_uri(const uint8_t *bytes, int width, int height, int channels, char **out);

#endif
