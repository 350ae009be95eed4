#include "lab/page.h"
#include "base/text.h"
#include "lab/png.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const verdict_words[] = {"held", "failed", "open"};

json_t *page_string(const char *text) {
    json_t *string = text ? json_string(text) : json_null();
    if (string) return string;
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    string = copy ? json_string(copy) : NULL;
    free(copy);
    return string;
}

static json_t *format_string(const char *format, va_list list) {
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    json_t *string = text ? page_string(text) : NULL;
    free(text);
    return string;
}

void page_set(struct page *p, json_t *block, const char *field, json_t *value) {
    if (json_object_set_new(block, field, value)) p->failed = true;
}

/* Appends; returns what was appended, borrowed. */
static json_t *append(struct page *p, json_t *list, json_t *value) {
    if (json_array_append_new(list, value)) p->failed = true;
    return value;
}

/* A new list as a field of a block, borrowed. */
static json_t *list_field(struct page *p, json_t *block, const char *field) {
    page_set(p, block, field, json_array());
    return json_object_get(block, field);
}

void page_open(struct page *p, const char *title, const char *subtitle) {
    *p = (struct page){.root = json_object()};
    page_set(p, p->root, "title", page_string(title));
    page_set(p, p->root, "subtitle", page_string(subtitle));
    page_set(p, p->root, "footer",
             page_string("Written by dropcl " DROPCL_VERSION ". This file is complete in itself."));
    list_field(p, p->root, "sections");
}

void page_close(struct page *p) {
    json_decref(p->root);
    *p = (struct page){0};
}

void page_section(struct page *p, const char *id, const char *title) {
    json_t *section = append(p, json_object_get(p->root, "sections"), json_object());
    if (id) page_set(p, section, "id", page_string(id));
    page_set(p, section, "title", page_string(title));
    p->blocks = list_field(p, section, "blocks");
}

json_t *page_block(struct page *p, const char *kind) {
    json_t *block = append(p, p->blocks, json_object());
    page_set(p, block, "kind", json_string(kind));
    return block;
}

void page_heading(struct page *p, const char *text) {
    page_set(p, page_block(p, "heading"), "text", page_string(text));
}

static void add_text(struct page *p, const char *style, const char *format, va_list list) {
    json_t *block = page_block(p, "text");
    page_set(p, block, "text", format_string(format, list));
    if (style) page_set(p, block, "style", json_string(style));
}

void page_text(struct page *p, const char *format, ...) {
    va_list list;
    va_start(list, format);
    add_text(p, NULL, format, list);
    va_end(list);
}

void page_note(struct page *p, const char *format, ...) {
    va_list list;
    va_start(list, format);
    add_text(p, "note", format, list);
    va_end(list);
}

/* ---- tables ---- */

static void add_names(struct page *p, json_t *list, const char *const *names) {
    for (; names && *names; names++) append(p, list, page_string(*names));
}

json_t *page_table(struct page *p, const char *caption, const char *const *columns) {
    json_t *block = page_block(p, "table");
    if (caption) page_set(p, block, "caption", page_string(caption));
    add_names(p, list_field(p, block, "columns"), columns);
    list_field(p, block, "rows");
    return block;
}

json_t *page_row(struct page *p, json_t *table) {
    return append(p, json_object_get(table, "rows"), json_array());
}

void page_cell(struct page *p, json_t *row, const char *format, ...) {
    va_list list;
    va_start(list, format);
    append(p, row, format_string(format, list));
    va_end(list);
}

void page_cell_stats(struct page *p, json_t *row, struct stats s, int digits, const char *unit) {
    if (!s.count)
        page_cell(p, row, "\u2013");
    else if (isfinite(s.spread))
        page_cell(p, row, "%.*f \u00b1 %.*f%s", digits, s.mean, digits, s.spread, unit);
    else
        page_cell(p, row, "%.*f%s", digits, s.mean, unit);
}

void page_mark(struct page *p, json_t *table, int row) {
    page_set(p, table, "marked", json_integer(row));
}

/* ---- charts ---- */

json_t *page_chart(struct page *p, const struct chart *c) {
    static const char *const types[] = {"line", "scatter", "bar"};
    json_t *block = page_block(p, "chart");
    page_set(p, block, "type", json_string(types[c->type]));
    page_set(p, block, "title", page_string(c->title));
    page_set(p, block, "x", page_string(c->x));
    page_set(p, block, "y", page_string(c->y));
    if (c->caption) page_set(p, block, "caption", page_string(c->caption));
    page_set(p, block, "logx", json_boolean(c->logx));
    page_set(p, block, "logy", json_boolean(c->logy));
    if (c->labels) add_names(p, list_field(p, block, "labels"), c->labels);
    list_field(p, block, "series");
    return block;
}

json_t *page_series(struct page *p, json_t *chart, const char *name) {
    json_t *series = append(p, json_object_get(chart, "series"), json_object());
    page_set(p, series, "name", page_string(name));
    list_field(p, series, "points");
    return series;
}

json_t *page_level(struct page *p, json_t *chart, const char *name) {
    json_t *series = page_series(p, chart, name);
    page_set(p, series, "dashed", json_true());
    return series;
}

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

void page_point(struct page *p, json_t *series, double x, double y, double spread) {
    json_t *point = append(p, json_object_get(series, "points"), json_array());
    append(p, point, number(x));
    append(p, point, number(y));
    if (isfinite(spread)) append(p, point, number(spread));
}

/* ---- matrices, pictures, claims ---- */

void page_matrix(struct page *p, const char *caption, const char *const *names, const int *values,
                 int n) {
    json_t *block = page_block(p, "matrix");
    page_set(p, block, "caption", page_string(caption));
    json_t *labels = list_field(p, block, "names"), *rows = list_field(p, block, "values");
    for (int r = 0; r < n; r++) {
        append(p, labels, page_string(names[r]));
        json_t *row = append(p, rows, json_array());
        for (int c = 0; c < n; c++) append(p, row, json_integer(values[r * n + c]));
    }
}

json_t *page_pictures(struct page *p, const char *title, const char *caption, int size) {
    json_t *block = page_block(p, "pictures");
    if (title) page_set(p, block, "title", page_string(title));
    if (caption) page_set(p, block, "caption", page_string(caption));
    page_set(p, block, "size", json_integer(size));
    list_field(p, block, "items");
    return block;
}

void page_picture(struct page *p, json_t *pictures, const uint8_t *bytes, int width, int height,
                  int channels, const char *format, ...) {
    char *uri = NULL;
    json_t *item = append(p, json_object_get(pictures, "items"), json_object());
    if (png_uri(bytes, width, height, channels, &uri)) p->failed = true;
    page_set(p, item, "src", json_string(uri ? uri : ""));
    free(uri);
    va_list list;
    va_start(list, format);
    page_set(p, item, "text", format_string(format, list));
    va_end(list);
}

void page_claim(struct page *p, const char *claim, const char *measured, const char *result,
                const char *seeds, enum verdict verdict) {
    json_t *block = page_block(p, "claim");
    page_set(p, block, "claim", page_string(claim));
    page_set(p, block, "measured", page_string(measured));
    page_set(p, block, "result", page_string(result));
    page_set(p, block, "seeds", page_string(seeds));
    page_set(p, block, "verdict", json_string(verdict_words[verdict]));
}
