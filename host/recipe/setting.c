#include "recipe/setting.h"

#include "base/text.h"
#include "recipe/reader.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHY_BYTES = 160 };

struct walk {
    struct arena *arena;
    struct faults *faults;
    const struct node *value;
    int number;
    const char *parts[READER_DEPTH];
    int count;
    char why[WHY_BYTES]; /* the first reason for which the path went no further */
    bool memory;
};

static struct place place_at(const struct walk *w, const struct node *n) {
    return (struct place){n->place.line, n->place.column, w->number};
}

/* Keeps the first reason, begun with the part of the path that leads to the place. */
__attribute__((format(printf, 3, 4))) static int no_match(struct walk *w, int part,
                                                          const char *format, ...) {
    if (w->why[0]) return 0;
    struct quote where = faults_quote(part ? w->parts[part - 1] : "the recipe");
    int used = snprintf(w->why, sizeof w->why, "%s ", where.at);
    va_list args;
    va_start(args, format);
    vsnprintf(w->why + used, sizeof w->why - (size_t)used, format, args);
    va_end(args);
    return 0;
}

static int out_of_memory(struct walk *w) {
    w->memory = true;
    return 0;
}

/* Each step returns the number of places that the rest of the path, from `part` on, has matched. */
static int step(struct walk *w, struct node *n, int part);

static int replace(struct walk *w, struct node *n) {
    struct node *copy = node_copy(w->arena, w->value, place_at(w, n));
    if (!copy) return out_of_memory(w);
    *n = *copy;
    return 1;
}

/* Turns `word` into {word: {}}, or nothing into {}, so that attributes can be set. */
static bool open_word(struct walk *w, struct node *n) {
    struct node opened = {.kind = NODE_MAPPING, .place = n->place};
    if (!node_is_null(n)) {
        struct node *key = node_scalar(w->arena, n->place, n->value);
        struct node *body = node_new(w->arena, NODE_MAPPING, n->place);
        if (!key || !body || !node_append(w->arena, &opened, key, body)) return false;
    }
    *n = opened;
    return true;
}

static int insert(struct walk *w, struct node *mapping, int part) {
    struct place place = place_at(w, mapping);
    struct node *key = node_scalar(w->arena, place, w->parts[part]);
    struct node *value = node_new(w->arena, NODE_MAPPING, place);
    if (!key || !value || !node_append(w->arena, mapping, key, value)) return out_of_memory(w);
    return step(w, value, part + 1);
}

static int step_all(struct walk *w, struct node *n, int part) {
    int matched = 0;
    if (n->kind != NODE_LIST && n->kind != NODE_MAPPING)
        return no_match(w, part, "is a single value: * finds nothing in it");
    for (int i = 0; i < n->count; i++) matched += step(w, n->entries[i].value, part + 1);
    return matched ? matched : no_match(w, part, "has nothing that fits the rest of the path");
}

static int step_list(struct walk *w, struct node *list, int part) {
    uint64_t index;
    struct quote word = faults_quote(w->parts[part]);
    if (!text_unsigned(w->parts[part], &index))
        return no_match(w, part, "is a list: give an index from 0, or *, instead of '%s'", word.at);
    if (index >= (uint64_t)list->count)
        return no_match(w, part, "has no element %s: it has %d, counted from 0", word.at,
                        list->count);
    return step(w, list->entries[index].value, part + 1);
}

static bool is_wildcard(const char *part) {
    return strcmp(part, "*") == 0;
}

static int step_mapping(struct walk *w, struct node *mapping, int part) {
    int at = node_index(mapping, w->parts[part]);
    if (at >= 0) return step(w, mapping->entries[at].value, part + 1);
    /* Directly behind a wildcard a name selects among what is there; elsewhere it may be new. */
    if (part && is_wildcard(w->parts[part - 1])) return 0;
    return insert(w, mapping, part);
}

static int step(struct walk *w, struct node *n, int part) {
    if (n->kind == NODE_BAD) return 1; /* reported already */
    if (part == w->count) return replace(w, n);
    if (is_wildcard(w->parts[part])) return step_all(w, n, part);
    if (n->kind == NODE_LIST) return step_list(w, n, part);
    bool selecting = part && is_wildcard(w->parts[part - 1]);
    bool opens = node_is_word(n, w->parts[part]) || (node_is_null(n) && !selecting);
    if (n->kind == NODE_SCALAR && opens && !open_word(w, n)) return out_of_memory(w);
    if (n->kind == NODE_MAPPING) return step_mapping(w, n, part);
    return selecting ? 0 : no_match(w, part, "is a single value and has no keys");
}

/* Splits KEY at its dots; false when a part is empty or there are too many. */
static bool split(struct walk *w, char *key) {
    while (key) {
        char *dot = strchr(key, '.');
        if (dot) *dot = 0;
        if (!*key || w->count == READER_DEPTH) return false;
        w->parts[w->count++] = key;
        key = dot ? dot + 1 : NULL;
    }
    return w->count > 0;
}

enum err setting_apply(struct arena *a, struct faults *faults, int number, struct node *root) {
    const struct setting *s = &faults->settings[number - 1];
    struct place place = {0, 0, number};
    struct walk w = {.arena = a, .faults = faults, .number = number};
    struct quote value = faults_quote(s->value);

    char *key = arena_strdup(a, s->key);
    if (!key) return err_memory("a setting");
    if (!split(&w, key))
        return err_set(ERR_USAGE,
                       "--set %.120s=%s: error: a key is 1 to %d names, indices or * with dots "
                       "between them",
                       s->key, value.at, READER_DEPTH);
    w.value = reader_tree(a, faults, s->value, strlen(s->value), &place);
    if (!w.value) return OK; /* a fault, reported with the others */
    int matched = step(&w, root, 0);
    if (w.memory) return err_memory("a setting");
    if (!matched)
        return err_set(ERR_USAGE, "--set %.120s=%s: error: matches nothing: %s", s->key, value.at,
                       w.why[0] ? w.why : "no element fits");
    if (node_depth(root) > READER_DEPTH)
        faults_add(faults, place, "nested deeper than %d levels", READER_DEPTH);
    return OK;
}
