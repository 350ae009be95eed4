/* A page: one HTML file that needs nothing else, built block by block and written at the end.
 *
 * The blocks are JSON, drawn by page.js, which travels in the file with Chart.js and page.css. No
 * text needs care: the data block has no '<' and page.js sets text, not markup. Functions that add
 * something remember that memory ran out (`failed`), and page_write reports it, so that adding
 * needs no checks. Pointers to json_t that they return are borrowed from the page. */
#ifndef DROPCL_LAB_PAGE_H
#define DROPCL_LAB_PAGE_H

#include "base/err.h"
#include "lab/stats.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page {
    json_t *root, *blocks; /* blocks: of the section that is open */
    bool failed;
};

void page_open(struct page *, const char *title, const char *subtitle);
void page_close(struct page *);

/* Everything below goes into the section opened last. id: for links, NULL: none. */
void page_section(struct page *, const char *id, const char *title);
void page_heading(struct page *, const char *text);
void page_text(struct page *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something the reader must not overlook. */
void page_note(struct page *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A table; columns: NULL-terminated. Rows get as many cells. marked: the row to stand out. */
json_t *page_table(struct page *, const char *caption, const char *const *columns);
json_t *page_row(struct page *, json_t *table);
void page_cell(struct page *, json_t *row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Mean and standard deviation; the mean alone where there is no deviation, a dash where there is
 * neither. unit: behind them, "" for none. */
void page_cell_stats(struct page *, json_t *row, struct stats, int digits, const char *unit);
void page_mark(struct page *, json_t *table, int row);

enum chart_type { CHART_LINE, CHART_SCATTER, CHART_BAR };
struct chart {
    enum chart_type type;
    const char *title, *x, *y, *caption; /* caption may be NULL                   */
    bool logx, logy;
    const char *const *labels; /* CHART_BAR: of the positions 0, 1, ..., NULL-terminated */
};
json_t *page_chart(struct page *, const struct chart *);
json_t *page_series(struct page *, json_t *chart, const char *name);
/* A line without marks: a limit, a level to compare with. */
json_t *page_level(struct page *, json_t *chart, const char *name);
/* A point that is not finite leaves a gap; spread: half the length of its error bar, NaN: none. */
void page_point(struct page *, json_t *series, double x, double y, double spread);

/* Counts of what (rows) was taken for what (columns): values[n][n]. */
void page_matrix(struct page *, const char *caption, const char *const *names, const int *values,
                 int n);

/* Pictures in a grid; size: least width of one in pixels of the screen. */
json_t *page_pictures(struct page *, const char *title, const char *caption, int size);
/* bytes[height][width][channels], 1 (grey) or 3 channels. */
void page_picture(struct page *, json_t *pictures, const uint8_t *bytes, int width, int height,
                  int channels, const char *format, ...) __attribute__((format(printf, 7, 8)));

enum verdict { VERDICT_HELD, VERDICT_FAILED, VERDICT_OPEN };
extern const char *const verdict_words[]; /* "held", "failed", "open" */
void page_claim(struct page *, const char *claim, const char *measured, const char *result,
                const char *seeds, enum verdict);

/* What page_* makes of a text: JSON cannot carry bytes that are no UTF-8, they become '?'. */
json_t *page_string(const char *text);

/* Sets a field of a block; takes `value` over. */
void page_set(struct page *, json_t *block, const char *field, json_t *value);
/* A new block of this kind in the open section. */
json_t *page_block(struct page *, const char *kind);

/* Replaces the file. ERR_CREATE, ERR_IO, ERR_SYSTEM. */
enum err page_write(const struct page *, const char *path);

#endif
