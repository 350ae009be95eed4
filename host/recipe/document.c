#include "base/text.h"
#include "recipe/layers.h"
#include "recipe/range.h"
#include "recipe/root.h"
#include <string.h>

/* A cell of a Markdown table must not contain the bar that ends it. */
static void add_cell(struct text *out, const char *words) {
    for (const char *c = words; *c; c++) {
        if (*c == '|') text_add(out, "\\");
        text_add_bytes(out, c, 1);
    }
}

static void add_words(struct text *out, const char *const *names) {
    for (int i = 0; names[i]; i++) text_add(out, "%s`%s`", i ? ", " : "", names[i]);
}

static void add_type(struct text *out, const struct attr *a) {
    static const char *const names[] = {
        [ATTR_INT] = "whole number",
        [ATTR_SEED] = "whole number from 0 to 2^64 - 1",
        [ATTR_REAL] = "number",
        [ATTR_BOOL] = "`true` or `false`",
        [ATTR_ENUM] = "",
        [ATTR_NAME] = "name",
        [ATTR_INTS] = "list of whole numbers",
        [ATTR_LAYERS] = "list of layers",
        [ATTR_SECTION] = "section",
    };
    static const char *const kinds[CHOICE_KINDS] = {
        [CHOICE_LOSS] = "a loss",
        [CHOICE_OPTIMIZER] = "an optimizer",
        [CHOICE_SCHEDULE] = "a schedule",
        [CHOICE_RATE_SCHEDULE] = "a rate schedule",
    };
    if (a->type == ATTR_CHOICE) {
        text_add(out, "%s", kinds[a->kind]);
        return;
    }
    if (a->names) add_words(out, a->names);
    text_add(out, "%s%s", a->names && a->type != ATTR_ENUM ? " or a " : "", names[a->type]);
    if (a->type == ATTR_INT || a->type == ATTR_REAL || a->type == ATTR_INTS) {
        struct range r = range_of(a);
        struct range_words words = range_words(&r);
        if (words.at[0]) text_add(out, "%s %s", a->type == ATTR_INTS ? ", each" : "", words.at);
    }
}

static void add_rows(struct text *out, const struct attr *attrs) {
    for (const struct attr *a = attrs; a && a->name; a++) {
        text_add(out, "| `%s` | ", a->name);
        add_type(out, a);
        if (!a->fallback)
            text_add(out, " | required | ");
        else if (!*a->fallback)
            text_add(out, " | | ");
        else
            text_add(out, " | `%s` | ", a->fallback);
        add_cell(out, a->doc ? a->doc : "");
        text_add(out, " |\n");
    }
}

static void add_table(struct text *out, const struct attr *attrs) {
    if (!attrs || !attrs->name) return;
    text_add(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    add_rows(out, attrs);
    text_add(out, "\n");
}

/* A section and the sections in it. */
static void add_section(struct text *out, const struct schema *s) {
    text_add(out, "### `%s`\n\n", s->name);
    add_table(out, s->attrs);
    for (const struct attr *a = s->attrs; a->name; a++)
        if (a->type == ATTR_SECTION) add_section(out, a->section);
}

static void add_schemas(struct text *out, const char *title, const struct schema *const *list) {
    if (!list || !*list) return;
    text_add(out, "### %s\n\n", title);
    for (; *list; list++) {
        const struct schema *s = *list;
        text_add(out, "#### `%s`\n\n", s->name);
        if (s->doc) text_add(out, "%s\n\n", s->doc);
        if (s->stochastic) text_add(out, "Draws random numbers: accepts `id` and `share`.\n\n");
        if (s->attrs && s->attrs->name)
            add_table(out, s->attrs);
        else
            text_add(out, "No attributes of its own.\n\n");
    }
}

void recipe_document(const struct vocabulary *v, struct text *out) {
    text_add(out, "### The recipe\n\n");
    add_table(out, root_schema.attrs);
    add_section(out, &root_model);
    add_section(out, &root_train);
    text_add(out, "### Keys of every layer\n\n");
    add_table(out, layers_common);
    text_add(out, "Layers that draw random numbers also accept:\n\n");
    add_table(out, layers_drawing);
    add_schemas(out, "Layers", v->layers);
    add_schemas(out, "Losses", v->choices[CHOICE_LOSS]);
    add_schemas(out, "Optimizers", v->choices[CHOICE_OPTIMIZER]);
    add_schemas(out, "Schedules of the learning rate", v->choices[CHOICE_SCHEDULE]);
    add_schemas(out, "Schedules of a rate", v->choices[CHOICE_RATE_SCHEDULE]);
}
