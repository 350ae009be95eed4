#include "recipe/reader.h"

#include "recipe/utf8.h"
#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
    struct arena *arena;
    struct faults *faults;
    const struct place *fixed; /* where everything stands that comes from a setting, or NULL */
    yaml_parser_t parser;
    bool stopped; /* nothing sensible can follow */
};

static struct place place_of(const struct reader *r, yaml_mark_t mark) {
    if (r->fixed) return *r->fixed;
    return (struct place){(int)mark.line + 1, (int)mark.column + 1, 0};
}

static struct node *out_of_memory(struct reader *r) {
    r->faults->memory = true;
    r->stopped = true;
    return NULL;
}

/* libyaml names the fault well. Something left open is noticed far behind its beginning: name that
 * too. */
static void report_syntax(struct reader *r) {
    const yaml_parser_t *p = &r->parser;
    r->stopped = true;
    if (p->error == YAML_MEMORY_ERROR) {
        r->faults->memory = true;
        return;
    }
    char begun[48] = "";
    if (p->context && !r->fixed && p->context_mark.line < p->problem_mark.line)
        snprintf(begun, sizeof begun, " begun on line %zu", p->context_mark.line + 1);
    faults_add(r->faults, place_of(r, p->problem_mark), "not valid YAML: %s%s%s%s",
               p->problem ? p->problem : "unreadable", p->context ? " " : "",
               p->context ? p->context : "", begun);
}

static bool next_event(struct reader *r, yaml_event_t *event) {
    if (r->stopped) return false;
    if (yaml_parser_parse(&r->parser, event)) return true;
    report_syntax(r);
    return false;
}

static void refuse(struct reader *r, const yaml_event_t *e, const char *what) {
    faults_add(r->faults, place_of(r, e->start_mark), "%s are not part of the recipe format", what);
}

static void refuse_decorations(struct reader *r, const yaml_event_t *e, const void *anchor,
                               const void *tag) {
    if (anchor) refuse(r, e, "anchors (&name)");
    if (tag) refuse(r, e, "tags (!name)");
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *e) {
    refuse_decorations(r, e, e->data.scalar.anchor, e->data.scalar.tag);
    struct place place = place_of(r, e->start_mark);
    const char *value = (const char *)e->data.scalar.value;
    yaml_scalar_style_t style = e->data.scalar.style;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
        refuse(r, e, "text blocks (| and >)");
        return node_new(r->arena, NODE_BAD, place);
    }
    if (memchr(value, 0, e->data.scalar.length)) { /* "\0" in double quotes */
        faults_add(r->faults, place, "a text may not contain a NUL character");
        return node_new(r->arena, NODE_BAD, place);
    }
    struct node *n = node_scalar(r->arena, place, value);
    if (n) n->quoted = style != YAML_PLAIN_SCALAR_STYLE;
    return n;
}

static struct node *read_value(struct reader *r, const yaml_event_t *e, int depth);

static struct node *read_list(struct reader *r, const yaml_event_t *start, int depth) {
    refuse_decorations(r, start, start->data.sequence_start.anchor, start->data.sequence_start.tag);
    struct node *list = node_new(r->arena, NODE_LIST, place_of(r, start->start_mark));
    if (!list) return out_of_memory(r);
    yaml_event_t e;
    while (next_event(r, &e)) {
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        struct node *value = end ? NULL : read_value(r, &e, depth);
        yaml_event_delete(&e);
        if (end) return list;
        if (!value) return NULL;
        if (!node_append(r->arena, list, NULL, value)) return out_of_memory(r);
    }
    return NULL;
}

/* A fault in the key is reported; the pair is kept where it can still be checked. */
static bool accept_key(struct reader *r, const struct node *mapping, const struct node *key) {
    if (key->kind == NODE_BAD) return false;
    if (key->kind != NODE_SCALAR) {
        faults_add(r->faults, key->place, "a key must be a word, got %s", node_describe(key).at);
        return false;
    }
    int first = node_index(mapping, key->value);
    if (first < 0) return true;
    const struct place *place = &mapping->entries[first].key->place;
    if (place->setting)
        faults_add(r->faults, key->place, "key '%s' is given twice", faults_quote(key->value).at);
    else
        faults_add(r->faults, key->place, "key '%s' is given twice, first on line %d",
                   faults_quote(key->value).at, place->line);
    return false;
}

static struct node *read_mapping(struct reader *r, const yaml_event_t *start, int depth) {
    refuse_decorations(r, start, start->data.mapping_start.anchor, start->data.mapping_start.tag);
    struct node *mapping = node_new(r->arena, NODE_MAPPING, place_of(r, start->start_mark));
    if (!mapping) return out_of_memory(r);
    struct node *key = NULL;
    yaml_event_t e;
    while (next_event(r, &e)) {
        bool end = e.type == YAML_MAPPING_END_EVENT;
        struct node *node = end ? NULL : read_value(r, &e, depth);
        yaml_event_delete(&e);
        if (end) return mapping;
        if (!node) return NULL;
        if (!key) {
            key = node;
            continue;
        }
        if (mapping->count == READER_KEYS) {
            faults_add(r->faults, key->place, "a mapping may have at most %d keys", READER_KEYS);
            r->stopped = true;
            return NULL;
        }
        if (accept_key(r, mapping, key) && !node_append(r->arena, mapping, key, node))
            return out_of_memory(r);
        key = NULL;
    }
    return NULL;
}

/* The node that begins with `e`. `depth` is the number of lists and mappings around it. */
static struct node *read_value(struct reader *r, const yaml_event_t *e, int depth) {
    bool nests = e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
    if (nests && depth == READER_DEPTH) {
        faults_add(r->faults, place_of(r, e->start_mark), "nested deeper than %d levels",
                   READER_DEPTH);
        r->stopped = true;
        return NULL;
    }
    struct node *n = NULL;
    if (e->type == YAML_SEQUENCE_START_EVENT) return read_list(r, e, depth + 1);
    if (e->type == YAML_MAPPING_START_EVENT) return read_mapping(r, e, depth + 1);
    if (e->type == YAML_SCALAR_EVENT) {
        n = read_scalar(r, e);
    } else { /* the only other event that stands for a value */
        refuse(r, e, "aliases (*name)");
        n = node_new(r->arena, NODE_BAD, place_of(r, e->start_mark));
    }
    return n ? n : out_of_memory(r);
}

/* Reads the events around the one document. */
static struct node *read_stream(struct reader *r) {
    struct node *root = NULL;
    int documents = 0;
    yaml_event_t e;
    while (next_event(r, &e)) {
        yaml_event_type_t type = e.type;
        if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
            faults_add(r->faults, place_of(r, e.start_mark),
                       "a recipe is one document, not several");
            r->stopped = true;
        } else if (type == YAML_DOCUMENT_START_EVENT) {
            bool tags = e.data.document_start.tag_directives.start !=
                        e.data.document_start.tag_directives.end;
            if (e.data.document_start.version_directive || tags)
                refuse(r, &e, "directives (%YAML, %TAG)");
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_END_EVENT &&
                   type != YAML_STREAM_END_EVENT) {
            root = read_value(r, &e, 0);
        }
        yaml_event_delete(&e);
        if (type == YAML_STREAM_END_EVENT) break;
    }
    return r->stopped ? NULL : root;
}

struct node *reader_tree(struct arena *a, struct faults *faults, const char *text, size_t size,
                         const struct place *at) {
    struct place start = at ? *at : (struct place){1, 1, 0};
    if (size > READER_BYTES) {
        faults_add(faults, start, "a recipe may have at most %d bytes, got %zu", READER_BYTES,
                   size);
        return NULL;
    }
    if (!utf8_check(faults, text, size, at)) return NULL;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3;

    struct reader r = {.arena = a, .faults = faults, .fixed = at};
    if (!yaml_parser_initialize(&r.parser)) return out_of_memory(&r);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    struct node *root = read_stream(&r);
    if (!root && !r.stopped) faults_add(faults, start, "nothing but blanks and comments");
    yaml_parser_delete(&r.parser);
    return root;
}
