/* Pictures of the user's: every kind of PNG that carries the same pixels gives the same bytes, and
 * what cannot be read without guessing is refused. */
#include "data/picture.h"
#include "harness/data_files.h"
#include "harness/suite.h"
#include <check.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEIGHT = 3, WIDTH = 5, PIXELS = HEIGHT * WIDTH };

static uint8_t grey_at(int i) {
    return (uint8_t)(i * 17);
}

/* How a PNG stores pixels of 8 bits. */
struct kind {
    const char *name;
    int colour, interlace, channels;
};
static const struct kind kinds[] = {
    {"grey", PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, 1},
    {"interlaced grey", PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_ADAM7, 1},
    {"grey with alpha", PNG_COLOR_TYPE_GRAY_ALPHA, PNG_INTERLACE_NONE, 2},
    {"colours", PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, 3},
    {"interlaced colours with alpha", PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_ADAM7, 4},
    {"a palette", PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE, 1},
};

static void set_palette(png_structp png, png_infop info) {
    png_color palette[PIXELS];
    for (int i = 0; i < PIXELS; i++) palette[i] = (png_color){grey_at(i), grey_at(i), grey_at(i)};
    png_set_PLTE(png, info, palette, PIXELS);
}

/* Pixel i is grey_at(i), opaque but for pixel `clear` (-1: all). */
static const char *write_png(const struct kind *k, int clear) {
    const char *path = files_path("picture.png");
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t bytes[4 * PIXELS], *rows[HEIGHT];
    int has_alpha = k->channels % 2 == 0;
    ck_assert(file && png && info);
    for (int i = 0; i < PIXELS; i++)
        for (int c = 0; c < k->channels; c++) {
            uint8_t v = k->colour == PNG_COLOR_TYPE_PALETTE ? (uint8_t)i : grey_at(i);
            if (has_alpha && c == k->channels - 1) v = i == clear ? 254 : 255;
            bytes[i * k->channels + c] = v;
        }
    for (int y = 0; y < HEIGHT; y++) rows[y] = bytes + y * WIDTH * k->channels;
    png_init_io(png, file);
    png_set_IHDR(png, info, WIDTH, HEIGHT, 8, k->colour, k->interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (k->colour == PNG_COLOR_TYPE_PALETTE) set_palette(png, info);
    png_set_rows(png, info, rows);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static void refused(enum err rc, const char *part, const struct pictures *p) {
    ck_assert_int_eq(rc, ERR_DATA);
    ck_assert_msg(strstr(err_message(), part), "\"%s\" does not hold \"%s\"", err_message(), part);
    ck_assert_ptr_null(p->data);
    ck_assert_uint_eq(p->rows, 0);
}

START_TEST(every_kind_gives_the_same_pixels) {
    const char *path = write_png(&kinds[_i], -1);
    for (int channels = 1; channels <= 3; channels += 2) {
        struct pictures p;
        ck_assert_msg(!picture_read(path, HEIGHT, WIDTH, channels, &p), "%s", err_message());
        ck_assert_uint_eq(p.rows, 1);
        for (int i = 0; i < PIXELS * channels; i++)
            ck_assert_msg(p.data[i] == grey_at(i / channels), "%s, %d channels: %d is %d",
                          kinds[_i].name, channels, i, p.data[i]);
        free(p.data);
    }
}
END_TEST

START_TEST(one_pixel_that_is_not_opaque_is_named) {
    struct pictures p;
    for (int k = 2; k <= 4; k += 2)
        refused(picture_read(write_png(&kinds[k], 7), HEIGHT, WIDTH, 1, &p),
                "pixel (1, 2) is transparent", &p);
}
END_TEST

START_TEST(other_sizes_and_channels_are_refused) {
    struct pictures p;
    const char *path = write_png(&kinds[0], -1);
    refused(picture_read(path, WIDTH, HEIGHT, 1, &p), "3 high and 5 wide, the model reads 5 by 3",
            &p);
    refused(picture_read(path, HEIGHT, WIDTH, 2, &p), "1 or 3 channels, the model reads 2", &p);
}
END_TEST

/* Cut anywhere before the pixels are complete, a file is bad, and nothing is left behind. */
START_TEST(a_file_cut_short_is_refused) {
    char bytes[2048];
    FILE *file = fopen(write_png(&kinds[3], -1), "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    ck_assert(size > 60 && size < sizeof bytes);
    for (size_t cut = 0; cut < size - 20; cut++) {
        struct pictures p;
        const char *path = files_path("cut.png");
        file = fopen(path, "wb");
        ck_assert(file && fwrite(bytes, 1, cut, file) == cut && !fclose(file));
        refused(picture_read(path, HEIGHT, WIDTH, 3, &p), "cut.png: is", &p);
    }
}
END_TEST

START_TEST(grey_is_the_brightness_of_a_colour) {
    static const struct {
        uint8_t rgb[3], grey;
    } colours[] = {
        {{255, 0, 0}, 76}, {{0, 255, 0}, 150}, {{0, 0, 255}, 29}, {{255, 255, 255}, 255}};
    for (int i = 0; i < 4; i++) {
        png_image image = {
            .version = PNG_IMAGE_VERSION, .width = 1, .height = 1, .format = PNG_FORMAT_RGB};
        struct pictures p;
        const char *path = files_path("colour.png");
        ck_assert(png_image_write_to_file(&image, path, 0, colours[i].rgb, 0, NULL));
        ck_assert_int_eq(picture_read(path, 1, 1, 1, &p), OK);
        ck_assert_uint_eq(p.data[0], colours[i].grey);
        free(p.data);
    }
}
END_TEST

START_TEST(a_missing_file_is_missing) {
    struct pictures p;
    ck_assert_int_eq(picture_read(files_path("none.png"), 1, 1, 1, &p), ERR_MISSING);
    ck_assert_ptr_null(p.data);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("picture");
    TCase *tests = tcase_create("picture");
    tcase_add_checked_fixture(tests, files_make_folder, files_remove_folder);
    tcase_add_loop_test(tests, every_kind_gives_the_same_pixels, 0, sizeof kinds / sizeof *kinds);
    tcase_add_test(tests, one_pixel_that_is_not_opaque_is_named);
    tcase_add_test(tests, other_sizes_and_channels_are_refused);
    tcase_add_test(tests, a_file_cut_short_is_refused);
    tcase_add_test(tests, grey_is_the_brightness_of_a_colour);
    tcase_add_test(tests, a_missing_file_is_missing);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
