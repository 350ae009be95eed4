#include "lab/keys.h"
#include "base/text.h"
#include "recipe/reader.h"
#include <string.h>

static bool add(struct keys *k, const char *path, const char *value) {
    struct key *grown = arena_grow(k->arena, k->at, (size_t)k->count, &k->capacity, sizeof *grown);
    if (!grown || !path || !value) return false;
    k->at = grown;
    k->at[k->count++] = (struct key){path, value};
    return true;
}

static bool is_plain_list(const struct node *n) {
    if (n->kind != NODE_LIST) return false;
    for (int i = 0; i < n->count; i++)
        if (n->entries[i].value->kind != NODE_SCALAR) return false;
    return true;
}

static const char *list_text(struct arena *arena, const struct node *n) {
    struct text t = {0};
    text_add(&t, "[");
    for (int i = 0; i < n->count; i++)
        text_add(&t, "%s%s", i ? ", " : "", n->entries[i].value->value);
    text_add(&t, "]");
    const char *copy = t.failed ? NULL : arena_strdup(arena, t.data);
    text_free(&t);
    return copy;
}

/* False when out of memory. */
static bool walk(struct keys *k, const char *path, const struct node *n) {
    if (n->kind == NODE_SCALAR) return add(k, path, n->value);
    if (is_plain_list(n)) return add(k, path, list_text(k->arena, n));
    if (n->count == 0) return add(k, path, "{}");
    for (int i = 0; i < n->count; i++) {
        const struct entry *e = &n->entries[i];
        const char *dot = *path ? "." : "";
        const char *inner = e->key ? arena_printf(k->arena, "%s%s%s", path, dot, e->key->value)
                                   : arena_printf(k->arena, "%s%s%d", path, dot, i);
        if (!inner || !walk(k, inner, e->value)) return false;
    }
    return true;
}

enum err keys_read(const char *text, struct keys *out) {
    *out = (struct keys){.arena = arena_new()};
    if (!out->arena) return err_memory("the keys of a recipe");
    size_t size = strlen(text);
    struct faults faults = {.file = "recipe.yaml", .text = text, .size = size};
    struct node *root = reader_tree(out->arena, &faults, text, size, NULL);
    enum err rc = OK;
    if (!root || faults.total)
        rc = faults.memory ? err_memory("the keys of a recipe")
                           : err_set(ERR_DATA, "recipe.yaml is no recipe: %s",
                                     faults.kept ? faults.at[0].sentence : "it cannot be read");
    else if (!walk(out, "", root))
        rc = err_memory("the keys of a recipe");
    if (rc) keys_free(out);
    return rc;
}

void keys_free(struct keys *k) {
    arena_free(k->arena);
    *k = (struct keys){0};
}

const char *keys_find(const struct keys *k, const char *path) {
    for (int i = 0; i < k->count; i++)
        if (!strcmp(k->at[i].path, path)) return k->at[i].value;
    return NULL;
}
