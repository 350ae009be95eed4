#include "lab/report.h"
#include "lab/curves.h"
#include "lab/mistakes.h"
#include <stdio.h>

enum { MODELS_SHOWN = 8 };

static void tell(const struct report_options *o, const char *text) {
    if (o->message) o->message(text, o->user);
}

static void add_model(struct page *p, const struct record *r, int number,
                      const struct report_options *o) {
    char title[160], id[32];
    snprintf(title, sizeof title, "Mistakes of %s", r->name);
    snprintf(id, sizeof id, "model-%d", number);
    page_section(p, id, title);
    if (!mistakes_add(p, o->device, r->model, o->data)) return;
    page_note(p, "The model could not be run here: %s", err_message());
    tell(o, err_message());
}

static void add_recipes(struct page *p, const struct record *runs, int count) {
    page_section(p, "recipes", count > 1 ? "Recipes" : "Recipe");
    for (int i = 0; i < count; i++) {
        json_t *block = page_block(p, "code");
        page_set(p, block, "title", page_string(runs[i].name));
        page_set(p, block, "text", page_string(runs[i].recipe));
    }
}

static enum err fill(struct page *p, const struct record *runs, int count,
                     const struct report_options *o) {
    page_section(p, "figures", "Figures");
    curves_table(p, runs, count);
    page_section(p, "curves", "Curves");
    curves_charts(p, runs, count);
    if (count > 1) {
        page_section(p, "differences", "What is different");
        TRY(curves_differences(p, runs, count));
    }
    int shown = 0;
    for (int i = 0; i < count && o->device; i++)
        if (runs[i].model && shown < MODELS_SHOWN) add_model(p, &runs[i], shown++, o);
    add_recipes(p, runs, count);
    return OK;
}

enum err report_write(const struct record *runs, int count, const struct report_options *o,
                      const char *path) {
    struct page page;
    char title[160], subtitle[80];
    snprintf(title, sizeof title, count == 1 ? "%s" : "%s and others", runs[0].name);
    snprintf(subtitle, sizeof subtitle, "Report on %d training run%s", count,
             count == 1 ? "" : "s");
    page_open(&page, title, subtitle);
    enum err rc = fill(&page, runs, count, o);
    if (!rc) rc = page_write(&page, path);
    page_close(&page);
    return rc;
}
