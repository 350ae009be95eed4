#include "recipe/layers.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 4096 }; /* the layer field of the mask contract has 12 bits */

struct common {
    const char *name, *from;
    int id; /* -1: by order */
    bool share;
};

/* What is remembered of each layer until layers_end. */
struct layer_seen {
    struct layer *layer;
    struct place place; /* of the name, where one is given, or of the type */
    struct place from;  /* of the value of `from` */
    bool explicit_id, share;
};

const struct attr layers_common[] = {
    {.name = "name",
     .type = ATTR_NAME,
     .offset = offsetof(struct common, name),
     .fallback = "",
     .doc = "the layer's name in messages, plans and model files, unique in the recipe; "
            "without it the type and its ordinal from 1: dense1"},
    {.name = "from",
     .type = ATTR_NAME,
     .offset = offsetof(struct common, from),
     .fallback = "",
     .doc = "the name of an earlier layer to read, instead of the one above"},
    {0}};

const struct attr layers_drawing[] = {
    {.name = "id",
     .type = ATTR_INT,
     .offset = offsetof(struct common, id),
     .min = 0,
     .max = NUMBERS - 1,
     .fallback = "",
     .doc = "the layer's number in the mask contract; without it its ordinal from 0 among the "
            "layers that draw random numbers"},
    {.name = "share",
     .type = ATTR_BOOL,
     .offset = offsetof(struct common, share),
     .fallback = "false",
     .doc = "true: may have the same number, and so the same random numbers, as another layer that "
            "says so too"},
    {0}};

enum err layers_begin(struct check *c) {
    size_t types = 1;
    while (c->vocabulary->layers && c->vocabulary->layers[types - 1]) types++;
    c->types = arena_alloc(c->arena, types * sizeof *c->types);
    return c->types ? OK : err_memory("the counters of layers");
}

/* The ordinal of this layer among those of its type, from 1. */
static int count_type(struct check *c, const struct schema *schema) {
    int i = 0;
    while (c->vocabulary->layers[i] != schema) i++;
    return ++c->types[i];
}

static struct layer_seen *remember(struct check *c, struct layer *layer) {
    struct layer_seen *grown =
        arena_grow(c->arena, c->seen, c->seen_count, &c->seen_capacity, sizeof *grown);
    if (!grown) {
        c->faults->memory = true;
        return NULL;
    }
    c->seen = grown;
    grown[c->seen_count] = (struct layer_seen){.layer = layer};
    return &grown[c->seen_count++];
}

/* An explicit number does not change the ordinals of the others: it still counts. */
static int number_layer(struct check *c, const struct schema *schema, struct place place) {
    if (!schema->stochastic) return -1;
    if (c->stochastic == NUMBERS)
        faults_add(c->faults, place, "more than %d layers that draw random numbers", NUMBERS);
    return c->stochastic++;
}

static void check_layer(struct check *c, const struct node *node, struct layer *out) {
    const struct node *body;
    struct place place;
    const struct schema *schema =
        check_pick(c, "layer", c->vocabulary->layers, node, &body, &place);
    if (!schema) return;
    void *attr = check_alloc(c, schema->size);
    struct layer_seen *seen = remember(c, out);
    if (!attr || !seen) return;
    size_t index = (size_t)(seen - c->seen); /* layers inside this one may move the array */

    /* Counted before the layers inside: the order of the text. */
    int ordinal = count_type(c, schema);
    int draw = number_layer(c, schema, place), number = draw;
    struct common common = {.id = -1};
    struct table tables[] = {
        {schema->attrs, attr}, {layers_common, &common}, {layers_drawing, &common}};
    check_tables(c, schema, tables, schema->stochastic ? 3 : 2, body, place);

    const char *name = common.name;
    if (!name) name = arena_printf(c->arena, "%s%d", schema->name, ordinal);
    if (!name) c->faults->memory = true;
    if (common.id >= 0) number = common.id;
    *out = (struct layer){schema, attr, name, common.from, number, draw, place.line, place.column};
    seen = &c->seen[index];
    const struct node *named = common.name ? node_get(body, "name") : NULL;
    seen->place = named ? named->place : place;
    if (common.from) seen->from = node_get(body, "from")->place;
    seen->explicit_id = common.id >= 0;
    seen->share = common.share;
}

void layers_list(struct check *c, const struct slot *s) {
    const struct node *list = s->node;
    bool needed = !s->attr->fallback;
    if (list->kind != NODE_LIST && !(node_is_null(list) && needed)) {
        faults_add(c->faults, list->place, "%s must be a list of layers, got %s", check_label(s).at,
                   node_describe(list).at);
        return;
    }
    if (!list->count) {
        if (needed)
            faults_add(c->faults, list->place, "%s needs at least one layer", check_label(s).at);
        return;
    }
    struct layer *at = check_alloc(c, (size_t)list->count * sizeof *at);
    if (!at) return;
    for (int i = 0; i < list->count; i++) check_layer(c, list->entries[i].value, &at[i]);
    *(struct layers *)s->out = (struct layers){list->count, at};
}

static int by_name(const void *left, const void *right) {
    const struct layer_seen *a = *(const struct layer_seen *const *)left;
    const struct layer_seen *b = *(const struct layer_seen *const *)right;
    int order = strcmp(a->layer->name, b->layer->name);
    return order ? order : (a > b) - (a < b); /* both lie in one array, in the order of the text */
}

static void report_twice(struct check *c, const struct layer_seen *first,
                         const struct layer_seen *second, const char *what, const char *extra) {
    if (first->place.setting)
        faults_add(c->faults, second->place, "%s is already used by another layer%s", what, extra);
    else
        faults_add(c->faults, second->place, "%s is already used on line %d%s", what,
                   first->place.line, extra);
}

/* `from` names a layer that stands further up: of those with its name, the first tells. */
static void check_from(struct check *c, const struct layer_seen *s,
                       const struct layer_seen *const *sorted, size_t count) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(sorted[middle]->layer->name, s->layer->from) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < count && strcmp(sorted[low]->layer->name, s->layer->from) == 0;
    if (!found || sorted[low] >= s)
        faults_add(c->faults, s->from, "no layer above is named '%s'",
                   faults_quote(s->layer->from).at);
}

static void check_names(struct check *c) {
    const struct layer_seen **sorted = check_alloc(c, (c->seen_count + 1) * sizeof(void *));
    if (!sorted) return;
    size_t count = 0;
    for (size_t i = 0; i < c->seen_count; i++)
        if (c->seen[i].layer->name) sorted[count++] = &c->seen[i]; /* NULL: memory ran out */
    qsort(sorted, count, sizeof(void *), by_name);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i]->layer->from) check_from(c, sorted[i], sorted, count);
        if (!i || strcmp(sorted[i - 1]->layer->name, sorted[i]->layer->name)) continue;
        char what[160];
        snprintf(what, sizeof what, "layer name '%.120s'", sorted[i]->layer->name);
        report_twice(c, sorted[i - 1], sorted[i], what, "");
    }
}

/* Ordinals are distinct, so two equal numbers mean that at least one was given by `id`. */
static void check_numbers(struct check *c) {
    const struct layer_seen **users = check_alloc(c, NUMBERS * sizeof(void *));
    if (!users) return;
    for (size_t i = 0; i < c->seen_count; i++) {
        const struct layer_seen *s = &c->seen[i];
        int number = s->layer->stochastic;
        if (number < 0 || number >= NUMBERS) continue;
        const struct layer_seen *first = users[number];
        if (!first) {
            users[number] = s;
        } else if (!first->share || !s->share) {
            char what[80];
            snprintf(what, sizeof what, "stochastic layer number %d", number);
            report_twice(c, first, s, what, ": choose another id, or say share: true on both");
        }
    }
}

void layers_end(struct check *c) {
    check_names(c);
    /* A layer that could not be checked has no number, and all ordinals after it would be a guess.
     */
    if (!c->faults->total) check_numbers(c);
}
