/* Pictures of the user's, as datasets have them: uint8, channels last. PNG files, one picture each,
 * and IDX files of grey ones, plain or gzip, with any number. */
#ifndef DROPCL_DATA_PICTURE_H
#define DROPCL_DATA_PICTURE_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct pictures {
    uint8_t *data; /* [rows][height][width][channels]; the caller frees */
    size_t rows;
};

/* Reads a file whose pictures must have this height, width and number of channels, 1 or 3; nothing
 * is scaled. Colours of a PNG become grey by (299 R + 587 G + 114 B) / 1000, rounded to nearest
 * (ITU-R BT.601); grey becomes three equal channels; 16 bits become 8. ERR_MISSING; ERR_DATA for
 * damaged files, other sizes, and pictures that are not opaque, whose background is not known;
 * ERR_SYSTEM. */
enum err picture_read(const char *path, int height, int width, int channels, struct pictures *out);

#endif
