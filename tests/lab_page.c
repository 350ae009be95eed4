#include "base/io.h"
#include "harness/suite.h"
#include "lab/page.h"
#include "lab/png.h"
#include <check.h>
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names that would end the element they stand in, or the string, were they not escaped. */
static const char nasty[] = "</script><script>alert('\"&\\')</script><!-- \xc3\xa9 \n";

static char *write_page(const struct page *p) {
    char path[] = "/tmp/dropcl-page-XXXXXX", *text = NULL;
    size_t size;
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_int_eq(page_write(p, path), OK);
    ck_assert_int_eq(io_read(path, 16 << 20, &text, &size), OK);
    ck_assert_uint_eq(strlen(text), size);
    unlink(path);
    return text;
}

/* The data block of a page as a browser sees it: up to the next end of a script element. */
static json_t *data_of(const char *html) {
    static const char start[] = "<script type=\"application/json\" id=\"data\">";
    const char *at = strstr(html, start);
    ck_assert_ptr_nonnull(at);
    at += strlen(start);
    const char *end = strstr(at, "</script>");
    ck_assert_ptr_nonnull(end);
    json_t *data = json_loadb(at, (size_t)(end - at), 0, NULL);
    ck_assert_ptr_nonnull(data);
    return data;
}

static int count_of(const char *text, const char *piece) {
    int n = 0;
    while ((text = strstr(text, piece))) n++, text++;
    return n;
}

START_TEST(no_text_can_become_markup) {
    struct page p;
    page_open(&p, nasty, nasty);
    page_section(&p, "s", nasty);
    page_text(&p, "%s", nasty);
    const char *const columns[] = {nasty, NULL};
    json_t *table = page_table(&p, nasty, columns);
    page_cell(&p, page_row(&p, table), "%s", nasty);
    char *html = write_page(&p);
    /* the three elements of every page, and nothing that the text would have opened */
    ck_assert_int_eq(count_of(html, "<script"), 3);
    ck_assert_int_eq(count_of(html, "</script>"), 3);
    ck_assert_ptr_null(strstr(html, "alert('\"&"));
    ck_assert_ptr_nonnull(strstr(html, "<title>&lt;/script&gt;&lt;script&gt;alert('&quot;&amp;"));
    json_t *data = data_of(html), *section = json_array_get(json_object_get(data, "sections"), 0);
    json_t *blocks = json_object_get(section, "blocks");
    ck_assert_str_eq(json_string_value(json_object_get(data, "title")), nasty);
    ck_assert_str_eq(json_string_value(json_object_get(section, "title")), nasty);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(blocks, 0), "text")), nasty);
    json_t *rows = json_object_get(json_array_get(blocks, 1), "rows");
    ck_assert_str_eq(json_string_value(json_array_get(json_array_get(rows, 0), 0)), nasty);
    json_decref(data);
    free(html);
    page_close(&p);
}
END_TEST

START_TEST(text_that_is_no_utf8_is_replaced) {
    struct page p;
    page_open(&p, "a\xff\xfe z", NULL);
    page_section(&p, NULL, "x");
    page_text(&p, "%s", "\xc3");
    ck_assert(!p.failed);
    char *html = write_page(&p);
    json_t *data = data_of(html);
    ck_assert_str_eq(json_string_value(json_object_get(data, "title")), "a?? z");
    ck_assert(json_is_null(json_object_get(data, "subtitle")));
    json_decref(data);
    free(html);
    page_close(&p);
}
END_TEST

START_TEST(points_that_are_not_finite_are_null) {
    struct page p;
    page_open(&p, "t", "s");
    page_section(&p, NULL, "x");
    json_t *chart = page_chart(&p, &(struct chart){.title = "c", .x = "x", .y = "y"});
    json_t *series = page_series(&p, chart, "line");
    page_point(&p, series, 1, NAN, NAN);
    page_point(&p, series, 2, 0.5, 0.25);
    char *text = json_dumps(json_object_get(series, "points"), JSON_COMPACT);
    ck_assert_str_eq(text, "[[1.0,null],[2.0,0.5,0.25]]");
    free(text);
    page_close(&p);
}
END_TEST

START_TEST(a_page_loads_nothing_from_elsewhere) {
    struct page p;
    page_open(&p, "t", "s");
    char *html = write_page(&p);
    static const char *const loaders[] = {"src=\"http", "href=\"http",      "@import",
                                          "url(http",   "sourceMappingURL", "<script src"};
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++)
        ck_assert_msg(!strstr(html, loaders[i]), "the page has %s", loaders[i]);
    /* what the licence of Chart.js asks for */
    ck_assert_ptr_nonnull(strstr(html, "Copyright (c) 2014-2022 Chart.js Contributors"));
    ck_assert_ptr_nonnull(strstr(html, "shall be included in all copies"));
    ck_assert_ptr_nonnull(strstr(html, "https://www.chartjs.org"));
    free(html);
    page_close(&p);
}
END_TEST

START_TEST(a_page_without_memory_is_not_written) {
    struct page p;
    page_open(&p, "t", "s");
    p.failed = true; /* as after a failed allocation */
    ck_assert_int_eq(page_write(&p, "/tmp/dropcl-never-written"), ERR_SYSTEM);
    ck_assert(!io_exists("/tmp/dropcl-never-written"));
    page_close(&p);
}
END_TEST

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return (int)(strchr(digits, c) - digits);
}

static size_t from_base64(const char *text, uint8_t *out) {
    size_t n = 0;
    for (; *text; text += 4) {
        int pads = (text[2] == '=') + (text[3] == '=');
        int word = digit(text[0]) << 18 | digit(text[1]) << 12 |
                   (pads < 2 ? digit(text[2]) << 6 : 0) | (pads < 1 ? digit(text[3]) : 0);
        for (int k = 0; k < 3 - pads; k++) out[n++] = (uint8_t)(word >> (16 - 8 * k));
    }
    return n;
}

START_TEST(pictures_come_back_from_their_uri) {
    for (int channels = 1; channels <= 3; channels += 2)
        for (int width = 1; width <= 9; width += 4) { /* files of all lengths modulo 3 */
            uint8_t bytes[9 * 5 * 3], back[9 * 5 * 3], *file = malloc(4096);
            char *uri = NULL;
            for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(37 * i + 11);
            ck_assert_int_eq(png_uri(bytes, width, 5, channels, &uri), OK);
            ck_assert_int_eq(strncmp(uri, "data:image/png;base64,", 22), 0);
            png_image image = {.version = PNG_IMAGE_VERSION};
            size_t size = from_base64(uri + 22, file);
            ck_assert(png_image_begin_read_from_memory(&image, file, size));
            ck_assert_uint_eq(image.width, (unsigned)width);
            image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
            ck_assert(png_image_finish_read(&image, NULL, back, 0, NULL));
            ck_assert_int_eq(memcmp(back, bytes, (size_t)(width * 5 * channels)), 0);
            free(uri);
            free(file);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_page");
    TCase *all = tcase_create("all");
    tcase_add_test(all, no_text_can_become_markup);
    tcase_add_test(all, text_that_is_no_utf8_is_replaced);
    tcase_add_test(all, points_that_are_not_finite_are_null);
    tcase_add_test(all, a_page_loads_nothing_from_elsewhere);
    tcase_add_test(all, a_page_without_memory_is_not_written);
    tcase_add_test(all, pictures_come_back_from_their_uri);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
