#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "lab/assets.h"
#include "lab/lab_private.h"
#include "train/evaluate.h"
#include "train/setup.h"
#include "train/train.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- training ---- */

void lab_set(struct lab_settings *s, const char *format, ...) {
    if (s->count == LAB_SETTINGS) return;
    va_list list;
    va_start(list, format);
    vsnprintf(s->at[s->count++], LAB_SETTING, format, list);
    va_end(list);
}

int lab_choose(const struct lab *lab, int quick, int full) {
    return lab->options->full ? full : quick;
}

static enum err read_recipe(const char *file, const char *text, const struct lab_settings *s,
                            struct recipe **out) {
    struct setting settings[LAB_SETTINGS];
    int read = 0, count = s ? s->count : 0;
    enum err rc = OK;
    for (; !rc && read < count; read++) rc = recipe_setting(s->at[read], &settings[read]);
    if (!rc) rc = recipe_parse(file, text, strlen(text), model_vocabulary(), settings, read, out);
    for (int i = 0; i < read; i++) free((void *)(uintptr_t)settings[i].key);
    return rc;
}

static int on_step(const dropcl_event *e, void *user) {
    const struct lab *lab = user;
    if (e && e->kind == DROPCL_EPOCH && lab->on_epoch) lab->on_epoch(lab->watcher, e);
    return lab->options->stop ? lab->options->stop(lab->options->user) : 0;
}

static int on_tuning(void *user) {
    return on_step(NULL, user);
}

enum err lab_train(struct lab *lab, const char *text, const struct lab_settings *s,
                   struct model **out, dropcl_event *last) {
    struct recipe *recipe = NULL;
    *out = NULL;
    TRY(read_recipe("lab", text, s, &recipe));
    const dropcl_options o = {.callback = on_step,
                              .user = lab,
                              .stop = on_tuning,
                              .score_every = INT32_MAX}; /* at the end only */
    enum err rc =
        train_run_on(lab->options->device, recipe, dataset_share(lab->data), &o, out, last);
    recipe_free(recipe);
    if (rc) {
        model_free(*out);
        *out = NULL;
    }
    return rc;
}

int lab_rows(const struct lab *lab, int quick, int full) {
    int rows = lab_choose(lab, quick, full), limit = lab->base->train.limit;
    return limit && (!rows || limit < rows) ? limit : rows;
}

int lab_epochs(const struct lab *lab, int quick, int full) {
    int epochs = lab_choose(lab, quick, full), most = lab->base->train.epochs;
    return most < epochs ? most : epochs;
}

int lab_epochs_on(const struct lab *lab, int rows, int epochs) {
    const struct train_section *t = &lab->base->train;
    double all = t->limit ? t->limit : lab->data->train.rows, most = all * t->epochs / rows;
    return epochs <= most ? epochs : most < 1 ? 1 : (int)most;
}

enum err lab_model(struct lab *lab, const struct model **out) {
    struct lab_settings s = {.count = 0};
    lab_set(&s, "train.limit=%d", lab_rows(lab, 20000, 0));
    lab_set(&s, "train.epochs=%d", lab_epochs(lab, 8, INT32_MAX));
    enum err rc = lab->model ? OK : lab_train(lab, lab->subject_text, &s, &lab->model, NULL);
    *out = lab->model;
    return rc;
}

enum err lab_network(const struct lab *lab, const char *layers, char **out) {
    const struct dataset *d = lab->data;
    /* at 0.05 the units of a dense layer on all of a colour picture are dead before they learn */
    double lr = d->height * d->width * d->channels > 1024 ? 0.01 : 0.05;
    struct text t = {0};
    text_add(&t, "dropcl: 1\nmodel:\n  name: lab\n  input: [%d, %d, %d]\n  layers:\n", d->height,
             d->width, d->channels);
    text_add(&t, "%s    - dense: {name: out, units: %d}\n", layers, d->classes);
    text_add(&t,
             "train:\n  dataset: %s\n  batch: 128\n  epochs: 10\n"
             "  optimizer: {sgd: {lr: %g, momentum: 0.9}}\n  schedule: {cosine: {}}\n",
             d->name, lr);
    return text_take(&t, out);
}

int lab_layers(const struct recipe *recipe, const char *type, const struct layer **layers,
               int most) {
    const struct layers *all = &recipe->model.layers;
    int n = 0;
    for (int i = 0; i < all->count && n < most; i++)
        if (!strcmp(all->at[i].schema->name, type)) layers[n++] = &all->at[i];
    return n;
}

const char lab_dense_dropout[] = "    - dense: {name: fc1, units: 256, activation: relu}\n"
                                 "    - dropout: {rate: 0.5}\n"
                                 "    - dense: {name: fc2, units: 128, activation: relu}\n"
                                 "    - dropout: {rate: 0.5}\n";

/* Activations that are dropped one by one, and two dense layers to look at what is between them. */
static enum err choose_subject(struct lab *lab) {
    const struct layer *layers[2];
    if (lab_layers(lab->base, "dropout", layers, 1) == 1 &&
        lab_layers(lab->base, "dense", layers, 2) == 2) {
        if (!(lab->subject_text = strdup(lab->text))) return err_memory("the recipe of the lab");
    } else {
        TRY(lab_network(lab, lab_dense_dropout, &lab->subject_text));
    }
    return read_recipe("lab", lab->subject_text, NULL, &lab->subject);
}

void lab_note_subject(struct lab *lab) {
    if (strcmp(lab->subject_text, lab->text) != 0)
        page_note(&lab->page,
                  "%s has no layer of type dropout between two dense layers: this is a network of "
                  "256 and 128 hidden units with dropout 0.5, on the same data.",
                  lab->base->model.name);
}

/* ---- running them ---- */

static bool wanted(const struct lab_options *o, const struct experiment *e) {
    for (int i = 0; i < o->only_count; i++)
        if (!strcmp(o->only[i], e->name)) return true;
    return !o->only_count;
}

static enum err check_names(const struct lab_options *o) {
    const char *names[32] = {NULL};
    struct text list = {0};
    int count = 0;
    for (const struct experiment *e = lab_experiments; e->name; e++) {
        text_add(&list, "%s%s", count ? ", " : "", e->name);
        names[count++] = e->name;
    }
    enum err rc = OK;
    for (int i = 0; i < o->only_count && !rc; i++) {
        bool known = false;
        for (int k = 0; k < count; k++) known = known || !strcmp(names[k], o->only[i]);
        const char *near = text_suggest(o->only[i], names);
        if (!known)
            rc = err_set(ERR_USAGE, "no experiment is called '%s'%s%s%s (there are %s)", o->only[i],
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                         list.data ? list.data : "");
    }
    text_free(&list);
    return rc;
}

static void fill_claim(struct page *p, json_t *claim, const struct experiment *e,
                       const struct finding *f) {
    page_set(p, claim, "claim", page_string(e->claim));
    page_set(p, claim, "measured", page_string(f->measured));
    page_set(p, claim, "result", page_string(f->result));
    page_set(p, claim, "seeds", page_string(f->seeds));
    page_set(p, claim, "verdict", json_string(verdict_words[f->verdict]));
}

/* A fault of one experiment leaves the others be, unless nothing can work any more. */
static bool ends_all(enum err rc) {
    return rc == ERR_INTERRUPTED || rc == ERR_SYSTEM || rc == ERR_DEVICE || rc == ERR_IO;
}

static enum err run_one(struct lab *lab, const struct experiment *e, struct lab_summary *sum) {
    const struct lab_options *o = lab->options;
    struct finding f = {.verdict = VERDICT_OPEN};
    double began = clock_seconds();
    if (o->report) o->report(e, NULL, 0, o->user);
    page_section(&lab->page, e->name, e->title);
    json_t *claim = page_block(&lab->page, "claim");
    enum err rc = e->run(lab, &f);
    if (ends_all(rc)) return rc;
    if (rc) {
        f.verdict = VERDICT_OPEN;
        snprintf(f.result, sizeof f.result, "%.390s", err_message());
    }
    fill_claim(&lab->page, claim, e, &f);
    sum->held += f.verdict == VERDICT_HELD;
    sum->failed += f.verdict == VERDICT_FAILED;
    sum->open += f.verdict == VERDICT_OPEN;
    if (o->report) o->report(e, &f, clock_seconds() - began, o->user);
    return OK;
}

/* The same blocks as in the page, for programs. */
static enum err write_numbers(const struct lab *lab, const char *folder) {
    struct text path = {0};
    text_add(&path, "%s/numbers.json", folder);
    char *json = json_dumps(lab->page.root, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    enum err rc = path.failed || !json ? err_memory("the numbers of the lab")
                                       : io_write_atomic(path.data, json, strlen(json));
    free(json);
    text_free(&path);
    return rc;
}

static enum err write_page(const struct lab *lab, const char *folder) {
    struct text path = {0};
    text_add(&path, "%s/report.html", folder);
    enum err rc =
        path.failed ? err_memory("the page of the lab") : page_write(&lab->page, path.data);
    text_free(&path);
    return rc;
}

/* ---- the world they run in ---- */

enum { RECIPE_BYTES = 1 << 20 };
static const char default_recipe[] = "mnist-mlp.yaml";

static char *copy_asset(const char *name) {
    for (const struct asset *a = assets; a->name; a++)
        if (!strcmp(a->name, name)) return strdup(a->text);
    return NULL;
}

/* The text that all trainings start from: on the built-in digits where the recipe's data is not
 * here, unless a folder was named. */
static enum err open_world(struct lab *lab, struct lab_summary *sum) {
    const struct lab_options *o = lab->options;
    struct lab_settings s = {.count = 0};
    struct recipe *first = NULL;
    const char *file = o->recipe ? o->recipe : default_recipe;
    size_t size;
    if (o->recipe)
        TRY(io_read(o->recipe, RECIPE_BYTES, &lab->text, &size));
    else if (!(lab->text = copy_asset(default_recipe)))
        return err_memory("the recipe of the lab");
    TRY(read_recipe(file, lab->text, NULL, &first));
    sum->synthetic = !o->data && !dataset_available(first->train.dataset, NULL);
    if (sum->synthetic) lab_set(&s, "train.dataset=synthetic");
    recipe_free(first);
    TRY(read_recipe(file, lab->text, &s, &lab->base));
    free(lab->text);
    if (!(lab->text = strdup(lab->base->text))) return err_memory("the recipe of the lab");
    snprintf(sum->dataset, sizeof sum->dataset, "%s", lab->base->train.dataset);
    TRY(setup_open_data(lab->base, o->data, &lab->data));
    return choose_subject(lab);
}

static void open_page(struct lab *lab, const struct lab_summary *sum) {
    char subtitle[160];
    snprintf(subtitle, sizeof subtitle, "%s on %s%s; %s", lab->base->model.name, sum->dataset,
             sum->synthetic ? ", the built-in digits: error rates are not those of MNIST" : "",
             lab->options->full ? "full" : "quick: few rows, few epochs");
    page_open(&lab->page, "Dropout in the laboratory", subtitle);
}

static void close_world(struct lab *lab) {
    page_close(&lab->page);
    model_free(lab->model);
    dataset_close(lab->data);
    recipe_free(lab->subject);
    recipe_free(lab->base);
    free(lab->subject_text);
    free(lab->text);
}

enum err lab_run(const struct lab_options *options, const char *folder, struct lab_summary *sum) {
    struct lab lab = {.options = options};
    *sum = (struct lab_summary){.held = 0};
    TRY(check_names(options));
    enum err rc = open_world(&lab, sum);
    if (!rc) rc = io_make_folder(folder);
    if (!rc) open_page(&lab, sum);
    for (const struct experiment *e = lab_experiments; e->name && !rc; e++)
        if (wanted(options, e)) rc = run_one(&lab, e, sum);
    if (!rc) rc = write_page(&lab, folder);
    if (!rc) rc = write_numbers(&lab, folder);
    close_world(&lab);
    return rc;
}
