#include "lab/png.h"
#include "base/text.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

static void add_base64(struct text *t, const uint8_t *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t word = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)bytes[i + 2] : 0);
        char out[4] = {digits[word >> 18], digits[word >> 12 & 63], digits[word >> 6 & 63],
                       digits[word & 63]};
        if (left < 3) out[3] = '=';
        if (left < 2) out[2] = '=';
        text_add_bytes(t, out, sizeof out);
    }
}

/* libpng's simplified interface: the size first, then the bytes. */
static enum err encode(const uint8_t *bytes, png_image *image, void **out, size_t *size) {
    png_alloc_size_t needed = 0;
    *out = NULL;
    if (png_image_write_to_memory(image, NULL, &needed, 0, bytes, 0, NULL))
        *out = malloc(needed ? needed : 1);
    if (!*out || !png_image_write_to_memory(image, *out, &needed, 0, bytes, 0, NULL)) {
        free(*out);
        *out = NULL;
        return err_set(ERR_SYSTEM, "a picture of %u x %u cannot be encoded: %s", image->width,
                       image->height, image->message);
    }
    *size = needed;
    return OK;
}

enum err png_encode(const uint8_t *bytes, int width, int height, int channels, void **out,
                    size_t *size) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    enum err rc = encode(bytes, &image, out, size);
    png_image_free(&image);
    return rc;
}

enum err png_uri(const uint8_t *bytes, int width, int height, int channels, char **out) {
    void *file;
    size_t size = 0;
    struct text t = {0};
    *out = NULL;
    TRY(png_encode(bytes, width, height, channels, &file, &size));
    text_add(&t, "data:image/png;base64,");
    add_base64(&t, file, size);
    free(file);
    return text_take(&t, out);
}
