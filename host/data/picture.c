#include "data/picture.h"
#include "base/io.h"
#include "data/idx.h"
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 28, SIGNATURE = 8 };

struct size {
    int height, width, channels;
};

static enum err check_size(const char *path, const struct size *want, uint32_t height,
                           uint32_t width) {
    if (height == (uint32_t)want->height && width == (uint32_t)want->width) return OK;
    return err_set(ERR_DATA, "%s: the picture is %u high and %u wide, the model reads %d by %d",
                   path, height, width, want->height, want->width);
}

/* ---- PNG ---- */

static enum err damaged(const char *path, const png_image *image) {
    return err_set(ERR_DATA, "%s: is no good PNG file: %s", path, image->message);
}

static uint8_t grey_of(const uint8_t *c) {
    return (uint8_t)((299u * c[0] + 587u * c[1] + 114u * c[2] + 500u) / 1000u);
}

/* rgba[pixels][4] to the channels that are wanted. */
static enum err reduce(const char *path, const struct size *want, const uint8_t *rgba,
                       uint8_t *to) {
    size_t pixels = (size_t)want->height * (size_t)want->width;
    for (size_t i = 0; i < pixels; i++, rgba += 4, to += want->channels) {
        if (rgba[3] != 255)
            return err_set(
                ERR_DATA, "%s: pixel (%zu, %zu) is transparent, and what is behind it is not known",
                path, i / (size_t)want->width, i % (size_t)want->width);
        if (want->channels == 1)
            *to = grey_of(rgba);
        else
            memcpy(to, rgba, 3);
    }
    return OK;
}

/* libpng says what is wrong in `image` and, in this interface, neither prints nor jumps. */
static enum err decode(const char *path, const struct size *want, png_image *image,
                       struct pictures *out) {
    TRY(check_size(path, want, image->height, image->width));
    size_t pixels = (size_t)want->height * (size_t)want->width;
    uint8_t *rgba = malloc(4 * pixels);
    out->data = malloc(pixels * (size_t)want->channels);
    enum err rc = rgba && out->data ? OK : err_memory("a picture");
    image->format = PNG_FORMAT_RGBA;
    image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB; /* and not linear light, its other guess */
    if (!rc && !png_image_finish_read(image, NULL, rgba, 0, NULL)) rc = damaged(path, image);
    if (!rc) rc = reduce(path, want, rgba, out->data);
    free(rgba);
    out->rows = 1;
    return rc;
}

static enum err read_png(const char *path, const struct size *want, const char *bytes, size_t size,
                         struct pictures *out) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, bytes, size)) return damaged(path, &image);
    enum err rc = decode(path, want, &image, out);
    png_image_free(&image);
    return rc;
}

/* ---- IDX ---- */

static enum err read_idx(const char *path, const struct size *want, const char *bytes, size_t size,
                         struct pictures *out) {
    struct idx x;
    bool gzip = (uint8_t)bytes[0] == 0x1f && (uint8_t)bytes[1] == 0x8b;
    if (size < 4 || (!gzip && (bytes[0] || bytes[1])))
        return err_set(ERR_DATA, "%s: is neither a PNG file nor an IDX file", path);
    if (want->channels != 1)
        return err_set(ERR_DATA,
                       "%s: is no PNG file, and IDX files hold grey pictures; the model "
                       "reads %d channels",
                       path, want->channels);
    TRY(idx_read(path, IDX_DIMENSIONS, &x));
    *out = (struct pictures){x.data, x.dim[0]};
    return check_size(path, want, x.dim[1], x.dim[2]);
}

enum err picture_read(const char *path, int height, int width, int channels, struct pictures *out) {
    const struct size want = {height, width, channels};
    char *bytes = NULL;
    size_t size;
    *out = (struct pictures){NULL, 0};
    if (channels != 1 && channels != 3)
        return err_set(ERR_DATA, "%s: pictures have 1 or 3 channels, the model reads %d", path,
                       channels);
    TRY(io_read(path, FILE_LIMIT, &bytes, &size));
    bool png = size >= SIGNATURE && !png_sig_cmp((png_const_bytep)bytes, 0, SIGNATURE);
    enum err rc =
        png ? read_png(path, &want, bytes, size, out) : read_idx(path, &want, bytes, size, out);
    free(bytes);
    if (!rc) return OK;
    free(out->data);
    *out = (struct pictures){NULL, 0};
    return rc;
}
