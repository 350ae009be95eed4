#include "recipe/node.h"

#include <stdio.h>
#include <string.h>

struct node *node_new(struct arena *a, enum node_kind kind, struct place place) {
    struct node *n = arena_alloc(a, sizeof *n);
    if (!n) return NULL;
    n->kind = kind;
    n->place = place;
    return n;
}

struct node *node_scalar(struct arena *a, struct place place, const char *value) {
    struct node *n = node_new(a, NODE_SCALAR, place);
    if (n) n->value = arena_strdup(a, value);
    return n && n->value ? n : NULL;
}

struct node *node_copy(struct arena *a, const struct node *from, struct place place) {
    struct node *n = node_new(a, from->kind, place);
    if (!n) return NULL;
    n->quoted = from->quoted;
    n->value = from->value; /* never changed in place, so it can be shared */
    for (int i = 0; i < from->count; i++) {
        const struct entry *e = &from->entries[i];
        struct node *key = e->key ? node_copy(a, e->key, place) : NULL;
        struct node *value = node_copy(a, e->value, place);
        if ((e->key && !key) || !value || !node_append(a, n, key, value)) return NULL;
    }
    return n;
}

bool node_append(struct arena *a, struct node *to, struct node *key, struct node *value) {
    size_t count = (size_t)to->count;
    struct entry *grown = arena_grow(a, to->entries, count, &to->capacity, sizeof *to->entries);
    if (!grown) return false;
    to->entries = grown;
    to->entries[to->count++] = (struct entry){key, value};
    return true;
}

int node_index(const struct node *mapping, const char *key) {
    if (mapping->kind != NODE_MAPPING) return -1;
    for (int i = 0; i < mapping->count; i++)
        if (node_is_word(mapping->entries[i].key, key)) return i;
    return -1;
}

const struct node *node_get(const struct node *mapping, const char *key) {
    int at = mapping ? node_index(mapping, key) : -1;
    return at < 0 ? NULL : mapping->entries[at].value;
}

bool node_is_null(const struct node *n) {
    return n->kind == NODE_SCALAR && !n->quoted && !*n->value;
}

bool node_is_word(const struct node *n, const char *word) {
    return n->kind == NODE_SCALAR && strcmp(n->value, word) == 0;
}

int node_depth(const struct node *n) {
    if (n->kind != NODE_LIST && n->kind != NODE_MAPPING) return 0;
    int deepest = 0;
    for (int i = 0; i < n->count; i++) {
        int depth = node_depth(n->entries[i].value);
        if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
}

struct quote node_describe(const struct node *n) {
    if (n->kind == NODE_LIST)
        return n->count ? (struct quote){"a list"} : (struct quote){"an empty list"};
    if (n->kind == NODE_MAPPING)
        return n->count ? (struct quote){"a mapping"} : (struct quote){"an empty mapping"};
    if (n->kind == NODE_BAD || node_is_null(n)) return (struct quote){"nothing"};
    struct quote inner = faults_quote(n->value), out;
    inner.at[sizeof inner.at - 3] = 0; /* room for the quotes */
    snprintf(out.at, sizeof out.at, "'%.45s'", inner.at);
    return out;
}
