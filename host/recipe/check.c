#include "recipe/check.h"

#include "base/text.h"
#include "recipe/layers.h"
#include "recipe/reader.h"
#include "recipe/value.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MOST_WORDS = 256 }; /* attributes of one thing, or things of one kind */

void *check_alloc(struct check *c, size_t size) {
    void *memory = arena_alloc(c->arena, size);
    if (!memory) c->faults->memory = true;
    return memory;
}

struct label check_label(const struct slot *s) {
    struct label l;
    bool root = !*s->owner->name;
    snprintf(l.at, sizeof l.at, "%s%s%s", s->owner->name, root ? "" : ".", s->attr->name);
    return l;
}

struct hint check_hint(const char *word, const char *const *known) {
    struct hint h = {""};
    const char *near = text_suggest(word, known);
    if (near) {
        snprintf(h.at, sizeof h.at, "; did you mean '%s'?", near);
        return h;
    }
    size_t used = 0;
    for (int i = 0; known[i] && used + 48 < sizeof h.at; i++)
        used += (size_t)snprintf(h.at + used, sizeof h.at - used, "%s%.32s",
                                 i ? ", " : " (known: ", known[i]);
    if (used) memcpy(h.at + used, ")", 2);
    return h;
}

/* The words of several tables as one NULL-terminated list. */
static void list_words(const struct table *tables, int count, const char *words[MOST_WORDS + 1]) {
    int n = 0;
    for (int t = 0; t < count; t++)
        for (const struct attr *a = tables[t].attrs; a && a->name; a++) {
            assert(n < MOST_WORDS);
            words[n++] = a->name;
        }
    words[n] = NULL;
}

static bool is_listed(const char *word, const char *const *words) {
    for (; *words; words++)
        if (strcmp(word, *words) == 0) return true;
    return false;
}

/* In {rate: 0,5} YAML sees rate: 0 and a key 5 without a value. True when entry `i` is such a key.
 */
static bool is_decimal_comma(const struct node *mapping, int i) {
    if (i < 1 || i >= mapping->count) return false;
    const struct entry *e = &mapping->entries[i], *before = e - 1;
    double number;
    return node_is_null(e->value) && e->key->value[0] &&
           strspn(e->key->value, "0123456789") == strlen(e->key->value) &&
           before->value->kind == NODE_SCALAR && text_real(before->value->value, &number) &&
           !strchr(before->value->value, '.');
}

/* An unknown key that is one slip away from an absent one is reported once, as unknown. */
static bool is_misspelled(const struct node *mapping, const char *name, const char *const *words) {
    for (int i = 0; i < mapping->count; i++) {
        const char *key = mapping->entries[i].key->value;
        const char *near = is_listed(key, words) ? NULL : text_suggest(key, words);
        if (near && strcmp(near, name) == 0) return true;
    }
    return false;
}

static void report_unknown(struct check *c, const struct schema *owner, const struct node *key,
                           const char *const *words) {
    const char *who = *owner->name ? owner->name : "a recipe";
    struct quote quote = faults_quote(key->value);
    if (words[0])
        faults_add(c->faults, key->place, "%s has no key '%s'%s", who, quote.at,
                   check_hint(key->value, words).at);
    else
        faults_add(c->faults, key->place, "%s takes no attributes, got '%s'", who, quote.at);
}

/* A default is checked as if the recipe had spelled it. */
static void use_fallback(struct check *c, const struct slot *absent) {
    const char *text = absent->attr->fallback;
    struct slot s = *absent;
    if (text[0] == '[' || text[0] == '{')
        s.node = reader_tree(c->arena, c->faults, text, strlen(text), &s.place);
    else
        s.node = node_scalar(c->arena, s.place, text);
    if (s.node)
        check_slot(c, &s);
    else
        c->faults->memory = true; /* nothing else can be wrong with a default: it is ours */
}

static void check_attr(struct check *c, const struct slot *slot, const struct node *mapping,
                       const char *const *words) {
    struct slot s = *slot;
    int at = node_index(mapping, s.attr->name);
    if (at >= 0 && is_decimal_comma(mapping, at + 1)) {
        const struct node *value = mapping->entries[at].value;
        const char *tail = mapping->entries[at + 1].key->value;
        struct quote whole = faults_quote(value->value), rest = faults_quote(tail);
        faults_add(c->faults, value->place,
                   "%s: a decimal comma does not make a number: write %s.%s, not %s,%s",
                   check_label(&s).at, whole.at, rest.at, whole.at, rest.at);
    } else if (at >= 0) {
        s.node = mapping->entries[at].value;
        s.place = mapping->entries[at].key->place;
        check_slot(c, &s);
    } else if (s.attr->fallback) {
        if (s.attr->fallback[0]) use_fallback(c, &s);
    } else if (!is_misspelled(mapping, s.attr->name, words)) {
        faults_add(c->faults, s.place, "%s needs '%s'", *s.owner->name ? s.owner->name : "a recipe",
                   s.attr->name);
    }
}

void check_tables(struct check *c, const struct schema *owner, const struct table *tables,
                  int count, const struct node *node, struct place place) {
    static const struct node empty = {.kind = NODE_MAPPING};
    if (!node || node_is_null(node)) node = &empty;
    if (node->kind == NODE_BAD) return;
    if (node->kind != NODE_MAPPING) {
        faults_add(c->faults, node->place, "%s must be a mapping of attributes, got %s",
                   *owner->name ? owner->name : "a recipe", node_describe(node).at);
        return;
    }
    if (node->place.setting) place = node->place; /* what is absent, the setting left out */
    const char *words[MOST_WORDS + 1];
    list_words(tables, count, words);
    for (int t = 0; t < count; t++)
        for (const struct attr *a = tables[t].attrs; a && a->name; a++) {
            struct slot s = {owner, a, NULL, (char *)tables[t].out + a->offset, place};
            check_attr(c, &s, node, words);
        }
    for (int i = 0; i < node->count; i++) {
        const struct node *key = node->entries[i].key;
        bool known = is_listed(key->value, words);
        if (!known && !is_decimal_comma(node, i)) report_unknown(c, owner, key, words);
    }
}

/* Mostly attributes that are indented no deeper than the word they belong to. */
static void report_several(struct check *c, const char *what, const struct node *mapping) {
    const struct node *first = mapping->entries[0].key, *second = mapping->entries[1].key;
    faults_add(c->faults, second->place, "one %s expected, got %d keys, '%s' and '%s'%s%s", what,
               mapping->count, faults_quote(first->value).at, faults_quote(second->value).at,
               second->place.setting ? "" : "; attributes are indented deeper than their ",
               second->place.setting ? "" : what);
}

const struct schema *check_pick(struct check *c, const char *what, const struct schema *const *list,
                                const struct node *node, const struct node **body,
                                struct place *place) {
    const struct node *word = node;
    *body = NULL;
    *place = node->place;
    if (node->kind == NODE_BAD) return NULL;
    if (node->kind == NODE_MAPPING && node->count > 1) {
        report_several(c, what, node);
        return NULL;
    }
    if (node->kind == NODE_MAPPING && node->count == 1) {
        word = node->entries[0].key;
        *body = node->entries[0].value;
        *place = word->place;
    }
    if (word->kind != NODE_SCALAR || node_is_null(word)) {
        faults_add(c->faults, node->place,
                   "one %s expected, a word or a mapping with one key, got %s", what,
                   node_describe(node).at);
        return NULL;
    }
    const char *words[MOST_WORDS + 1];
    int n = 0;
    for (; list && list[n]; n++) {
        assert(n < MOST_WORDS);
        if (strcmp(word->value, list[n]->name) == 0) return list[n];
        words[n] = list[n]->name;
    }
    words[n] = NULL;
    faults_add(c->faults, word->place, "unknown %s '%s'%s", what, faults_quote(word->value).at,
               check_hint(word->value, words).at);
    return NULL;
}

static void check_choice(struct check *c, const struct slot *s) {
    static const char *const kinds[CHOICE_KINDS] = {
        [CHOICE_LOSS] = "loss",
        [CHOICE_OPTIMIZER] = "optimizer",
        [CHOICE_SCHEDULE] = "schedule",
        [CHOICE_RATE_SCHEDULE] = "rate schedule",
    };
    enum choice_kind kind = s->attr->kind;
    struct choice *out = s->out;
    const struct node *body;
    struct place place;
    const struct schema *schema =
        check_pick(c, kinds[kind], c->vocabulary->choices[kind], s->node, &body, &place);
    if (!schema) return;
    void *attr = check_alloc(c, schema->size);
    if (!attr) return;
    *out = (struct choice){schema, attr, place.line, place.column};
    check_tables(c, schema, &(struct table){schema->attrs, attr}, 1, body, place);
}

static void check_section(struct check *c, const struct slot *s) {
    const struct schema *section = s->attr->section;
    check_tables(c, section, &(struct table){section->attrs, s->out}, 1, s->node, s->place);
}

void check_slot(struct check *c, const struct slot *s) {
    static void (*const checks[])(struct check *, const struct slot *) = {
        [ATTR_INT] = value_int,         [ATTR_SEED] = value_seed,     [ATTR_REAL] = value_real,
        [ATTR_BOOL] = value_bool,       [ATTR_ENUM] = value_enum,     [ATTR_NAME] = value_name,
        [ATTR_INTS] = value_ints,       [ATTR_CHOICE] = check_choice, [ATTR_LAYERS] = layers_list,
        [ATTR_SECTION] = check_section,
    };
    if (s->node->kind == NODE_BAD) return; /* reported by the reader */
    checks[s->attr->type](c, s);
}
