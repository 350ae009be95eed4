/* The file of a page: markup, data, scripts. */
#include "base/io.h"
#include "base/text.h"
#include "lab/assets.h"
#include "lab/page.h"
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 7 };

static void add(struct text *t, const char *piece) {
    text_add_bytes(t, piece, strlen(piece));
}

static void add_asset(struct text *t, const char *name) {
    for (const struct asset *a = assets; a->name; a++)
        if (!strcmp(a->name, name)) add(t, a->text);
}

static void add_escaped(struct text *t, const char *text) {
    for (; text && *text; text++) {
        switch (*text) {
        case '<': add(t, "&lt;"); break;
        case '>': add(t, "&gt;"); break;
        case '&': add(t, "&amp;"); break;
        case '"': add(t, "&quot;"); break;
        default: text_add_bytes(t, text, 1);
        }
    }
}

/* In JSON a '<' stands inside of strings only. Written as an escape, nothing in the data can end
 * the script element or open a comment in it. */
static void add_data(struct text *t, const json_t *root) {
    char *json = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    if (!json) {
        t->failed = true;
        return;
    }
    for (const char *at = json; *at;) {
        size_t plain = strcspn(at, "<");
        text_add_bytes(t, at, plain);
        at += plain;
        if (*at) add(t, "\\u003c"), at++;
    }
    free(json);
}

enum err page_write(const struct page *p, const char *path) {
    struct text t = {.failed = p->failed};
    add(&t, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    add_escaped(&t, json_string_value(json_object_get(p->root, "title")));
    add(&t, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n");
    add_asset(&t, "page.css");
    add(&t, "</style>\n</head>\n<body>\n<main id=\"page\"></main>\n"
            "<noscript>This page draws itself by JavaScript; nothing is loaded from elsewhere."
            "</noscript>\n<script type=\"application/json\" id=\"data\">");
    add_data(&t, p->root);
    add(&t, "</script>\n<script>\n");
    add_asset(&t, "chart-licence.txt");
    add_asset(&t, "chart.min.js");
    add(&t, "</script>\n<script>\n");
    add_asset(&t, "page.js");
    add(&t, "</script>\n</body>\n</html>\n");
    enum err rc = t.failed ? err_memory("a page") : io_write_atomic(path, t.data, t.size);
    text_free(&t);
    return rc;
}
