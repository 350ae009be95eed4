#include "recipe/emit.h"

#include <string.h>

enum { LINE = 96, INDENT = 2 };

static void emit_scalar(const struct node *n, struct text *out) {
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-";
    if (node_is_null(n)) {
        text_add(out, "{}"); /* a key without a value means an empty mapping */
    } else if (!n->quoted && strspn(n->value, plain) == strlen(n->value)) {
        text_add(out, "%s", n->value);
    } else {
        text_add(out, "'");
        for (const char *c = n->value; *c; c++) {
            if (*c == '\'') text_add(out, "'"); /* a quote inside is written twice */
            text_add_bytes(out, c, 1);
        }
        text_add(out, "'");
    }
}

static void emit_flow(const struct node *n, struct text *out) {
    if (n->kind == NODE_SCALAR) {
        emit_scalar(n, out);
        return;
    }
    bool list = n->kind == NODE_LIST;
    text_add(out, list ? "[" : "{");
    for (int i = 0; i < n->count; i++) {
        if (i) text_add(out, ", ");
        if (!list) {
            emit_scalar(n->entries[i].key, out);
            text_add(out, ": ");
        }
        emit_flow(n->entries[i].value, out);
    }
    text_add(out, list ? "]" : "}");
}

/* Lists of mappings (layers) read better as blocks, however short. */
static bool holds_layers(const struct node *n) {
    for (int i = 0; i < n->count; i++) {
        const struct node *value = n->entries[i].value;
        if (n->kind == NODE_LIST && value->kind == NODE_MAPPING) return true;
        if (holds_layers(value)) return true;
    }
    return false;
}

static bool fits(const struct node *n, int used) {
    struct text line = {0};
    emit_flow(n, &line);
    bool yes = !line.failed && line.size + (size_t)used <= LINE;
    text_free(&line);
    return yes;
}

static void emit_block(const struct node *n, int indent, bool in_line, struct text *out);

static void emit_value(const struct node *value, int indent, int used, struct text *out) {
    bool block = value->count && (indent == 0 ? value->kind == NODE_MAPPING
                                              : holds_layers(value) || !fits(value, used));
    if (block) {
        text_add(out, "\n");
        emit_block(value, indent + INDENT, false, out);
    } else {
        text_add(out, " ");
        emit_flow(value, out);
        text_add(out, "\n");
    }
}

/* `in_line`: the first line continues one that is already indented ("- "). */
static void emit_block(const struct node *n, int indent, bool in_line, struct text *out) {
    for (int i = 0; i < n->count; i++) {
        const struct entry *e = &n->entries[i];
        if (i || !in_line) text_add(out, "%*s", indent, "");
        if (e->key) {
            emit_scalar(e->key, out);
            text_add(out, ":");
            emit_value(e->value, indent, indent + (int)strlen(e->key->value) + 2, out);
        } else if (e->value->kind == NODE_MAPPING && e->value->count) {
            text_add(out, "- ");
            emit_block(e->value, indent + INDENT, true, out);
        } else {
            text_add(out, "- ");
            emit_flow(e->value, out);
            text_add(out, "\n");
        }
    }
}

void emit_recipe(const struct node *root, struct text *out) {
    emit_block(root, 0, false, out);
}
