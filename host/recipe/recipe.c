#include "recipe/recipe.h"

#include "base/io.h"
#include "base/text.h"
#include "recipe/check.h"
#include "recipe/emit.h"
#include "recipe/layers.h"
#include "recipe/reader.h"
#include "recipe/root.h"
#include "recipe/setting.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err recipe_setting(const char *text, struct setting *s) {
    *s = (struct setting){0};
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return err_set(ERR_USAGE, "--set needs KEY=VALUE, got '%s'", faults_quote(text).at);
    char *copy = strdup(text);
    if (!copy) return err_memory("a setting");
    copy[equals - text] = 0;
    *s = (struct setting){copy, copy + (equals - text) + 1};
    return OK;
}

static struct document *new_document(const char *file, const char *text, size_t size) {
    struct arena *a = arena_new();
    struct document *d = a ? arena_alloc(a, sizeof *d) : NULL;
    /* Not arena_strndup: a text that must be refused may hold NUL bytes. */
    char *source = d ? arena_alloc(a, size + 1) : NULL;
    char *name = source ? arena_strdup(a, file) : NULL;
    if (!name) {
        arena_free(a);
        return NULL;
    }
    if (size) memcpy(source, text, size);
    d->recipe.arena = a;
    d->recipe.file = name;
    d->recipe.text = d->source = source;
    d->source_size = size;
    for (size_t i = 0; i < size; i++) d->recipe.lines += source[i] == '\n';
    d->recipe.lines += size && source[size - 1] != '\n';
    return d;
}

/* A recipe for another version of the format is refused by name, and not judged by our tables. */
static bool is_other_version(struct faults *faults, const struct node *root) {
    const struct node *n = node_get(root, "dropcl");
    int64_t version;
    if (!n || n->kind != NODE_SCALAR || !text_integer(n->value, &version)) return false;
    if (version == ROOT_VERSION) return false;
    faults_add(faults, n->place,
               "recipe format 'dropcl: %s' is not known; this program reads 'dropcl: %d'",
               faults_quote(n->value).at, ROOT_VERSION);
    return true;
}

static const struct node *train_node(const struct node *root, const char *key) {
    return node_get(node_get(root, "train"), key);
}

/* Which datasets there are is known above this layer only. */
static void check_dataset(struct faults *faults, const struct node *root, const char *name,
                          const char *const *known) {
    const struct node *n = train_node(root, "dataset");
    if (!n || !name || !known) return; /* absent or no name: reported already */
    for (int i = 0; known[i]; i++)
        if (strcmp(known[i], name) == 0) return;
    faults_add(faults, n->place, "train.dataset: unknown dataset '%s'%s", faults_quote(name).at,
               check_hint(name, known).at);
}

/* What no single attribute can say. */
static void check_together(struct faults *faults, const struct node *root, const struct recipe *r) {
    const struct train_section *t = &r->train;
    const struct node *micro = train_node(root, "micro_batch");
    if (micro && t->micro_batch && t->batch % t->micro_batch)
        faults_add(faults, micro->place,
                   "train.micro_batch must divide train.batch, which is %d, got %d", t->batch,
                   t->micro_batch);
    const struct node *input = node_get(node_get(root, "model"), "input");
    int count = r->model.input.count;
    if (input && count > 3)
        faults_add(faults, input->place,
                   "model.input must be [height, width, channels], [time, channels] or [features], "
                   "got %d numbers",
                   count);
}

/* Cropping, flipping and cutting need a picture, and one that is larger than what is cut. */
static void check_augment(struct faults *faults, const struct node *root, const struct recipe *r) {
    const struct node *n = train_node(root, "augment");
    const struct augment_section *a = &r->train.augment;
    const struct ints *input = &r->model.input;
    if (!n || !(a->crop || a->flip || a->cutout)) return;
    if (input->count != 3) {
        if (input->count)
            faults_add(faults, n->place,
                       "train.augment needs pictures: a model.input of [height, width, channels]");
        return;
    }
    int side = input->at[0] < input->at[1] ? input->at[0] : input->at[1];
    const struct {
        const char *key;
        int value;
    } sizes[] = {{"crop", a->crop}, {"cutout", a->cutout}};
    for (int i = 0; i < 2; i++)
        if (sizes[i].value > side)
            faults_add(faults, node_get(n, sizes[i].key)->place,
                       "augment.%s may be at most %d, the shorter side of the pictures, got %d",
                       sizes[i].key, side, sizes[i].value);
}

static void check_document(struct document *d, struct faults *faults, const struct node *root,
                           const struct vocabulary *vocabulary) {
    if (is_other_version(faults, root)) return;
    struct recipe *r = &d->recipe;
    struct check c = {.arena = r->arena, .faults = faults, .vocabulary = vocabulary};
    if (layers_begin(&c)) {
        faults->memory = true;
        return;
    }
    struct table table = {root_schema.attrs, d};
    check_tables(&c, &root_schema, &table, 1, root, root->place);
    layers_end(&c);
    check_together(faults, root, r);
    check_augment(faults, root, r);
    check_dataset(faults, root, r->train.dataset, vocabulary->datasets);
    r->stochastic_layers = c.stochastic;
}

static enum err write_text(struct recipe *r, const struct node *root) {
    struct text out = {0};
    emit_recipe(root, &out);
    if (!out.failed && out.size > READER_BYTES) {
        text_free(&out);
        return err_set(ERR_RECIPE,
                       "%s: error: with the settings applied the recipe is larger than %d bytes",
                       r->file, READER_BYTES);
    }
    char *text;
    TRY(text_take(&out, &text));
    r->text = arena_strdup(r->arena, text);
    free(text);
    return r->text ? OK : err_memory(r->file);
}

static enum err fill(struct document *d, struct faults *faults,
                     const struct vocabulary *vocabulary) {
    struct recipe *r = &d->recipe;
    struct node *root = reader_tree(r->arena, faults, d->source, d->source_size, NULL);
    if (!root) return faults_report(faults);
    for (int i = 1; i <= faults->settings_count; i++) TRY(setting_apply(r->arena, faults, i, root));
    check_document(d, faults, root, vocabulary);
    TRY(faults_report(faults));
    if (vocabulary->complete) TRY(vocabulary->complete(r));
    return faults->settings_count ? write_text(r, root) : OK;
}

enum err recipe_parse(const char *file, const char *text, size_t size,
                      const struct vocabulary *vocabulary, const struct setting *settings,
                      int count, struct recipe **out) {
    *out = NULL;
    struct document *d = new_document(file, text, size);
    if (!d) return err_memory(file);
    struct faults faults = {.file = d->recipe.file,
                            .text = d->source,
                            .size = size,
                            .settings = settings,
                            .settings_count = count};
    enum err rc = fill(d, &faults, vocabulary);
    if (rc)
        recipe_free(&d->recipe);
    else
        *out = &d->recipe;
    return rc;
}

enum err recipe_read(const char *path, const struct vocabulary *vocabulary,
                     const struct setting *settings, int count, struct recipe **out) {
    *out = NULL;
    char *text;
    size_t size;
    enum err rc = io_read(path, READER_BYTES, &text, &size);
    /* Too large is a fault of the recipe, like any other. */
    if (rc == ERR_DATA)
        return err_set(ERR_RECIPE, "%s:1:1: error: a recipe may have at most %d bytes", path,
                       READER_BYTES);
    TRY(rc);
    rc = recipe_parse(path, text, size, vocabulary, settings, count, out);
    free(text);
    return rc;
}

void recipe_free(struct recipe *r) {
    if (r) arena_free(r->arena);
}

enum err recipe_fault(const struct recipe *r, int line, int column, const char *format, ...) {
    const struct document *d = (const struct document *)r;
    struct faults faults = {.file = r->file, .text = d->source, .size = d->source_size};
    char sentence[FAULT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    faults_add(&faults, (struct place){line, column, 0}, "%s", sentence);
    return faults_report(&faults);
}
