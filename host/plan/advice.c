#include "plan/advice.h"
#include "plan/draw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the tables ---- */

/* Where a layer stands: which weights the last ones before it are, and the next ones behind it. */
enum place { INPUT, HIDDEN, MAPS, RECURRENT, OUTPUT, ANYWHERE };

static const struct {
    const char *type;
    enum place place;
} weights[] = {
    {"dense", HIDDEN},  {"dropconnect", HIDDEN}, {"conv", MAPS},
    {"rnn", RECURRENT}, {"lstm", RECURRENT},     {"gru", RECURRENT},
};

/* The rates in use, both limits included, and the one to take when a recipe gives none; the first
 * row that fits a layer counts. */
static const struct usual {
    const char *types[4]; /* of layers */
    enum place behind, before;
    double low, high, rate;
    const char *where, *source;
} usual[] = {
#define PLAIN                                                                                      \
    { "dropout", "dropout1d", "dropout2d", "gaussian_dropout" }
    {{"alpha_dropout"}, ANYWHERE, ANYWHERE, 0.05, 0.1, 0.1, "here", "Klambauer et al. 2017"},
    {{"dropblock"}, ANYWHERE, ANYWHERE, 0.05, 0.25, 0.1, "here", "Ghiasi et al. 2018"},
    {{"droppath"}, ANYWHERE, ANYWHERE, 0, 0.5, 0.2, "here", "Huang et al. 2016"},
    {PLAIN, INPUT, ANYWHERE, 0, 0.2, 0.2, "on the input", "Srivastava et al. 2014"},
    {PLAIN, RECURRENT, ANYWHERE, 0.2, 0.5, 0.3, "behind a recurrent layer", "Gal, Ghahramani 2016"},
    {PLAIN, MAPS, HIDDEN, 0.1, 0.5, 0.25, "between convolutions and a dense layer",
     "Srivastava et al. 2014"},
    {PLAIN, MAPS, ANYWHERE, 0.1, 0.3, 0.2, "behind a convolution", "Tompson et al. 2015"},
    {PLAIN, HIDDEN, ANYWHERE, 0.4, 0.5, 0.5, "behind a hidden dense layer",
     "Srivastava et al. 2014"},
};

enum { WEIGHTS = sizeof weights / sizeof *weights, USUAL = sizeof usual / sizeof *usual };

/* ---- the layers as a graph ---- */

/* Nodes stand behind what they read; -1: the input. */
struct node {
    const struct layer *layer;
    int reads, reads_too; /* a block: its body and its shortcut */
    enum place next;      /* weights that come behind it        */
    bool normed;          /* a batch norm reads it              */
};

struct graph {
    struct node *at;
    int count;
};

static void count_layer(const struct layer *layer, void *user) {
    (void)layer;
    ++*(int *)user;
}

static int named(const struct graph *g, const char *name) {
    for (int i = 0; i < g->count; i++)
        if (!strcmp(g->at[i].layer->name, name)) return i;
    return -1;
}

/* Enters a list that reads node `from`; returns its last node. */
static int enter(struct graph *g, const struct layers *layers, int from) {
    for (int i = 0; i < layers->count; i++) {
        const struct layer *layer = &layers->at[i];
        if (layer->from) from = named(g, layer->from);
        int ends[2] = {from, -1}, lists = 0;
        for (const struct attr *a = layer->schema->attrs; a && a->name; a++)
            if (a->type == ATTR_LAYERS && lists < 2)
                ends[lists++] = enter(
                    g, (const struct layers *)(const void *)((const char *)layer->attr + a->offset),
                    from);
        g->at[g->count] = (struct node){layer, ends[0], ends[1], OUTPUT, false};
        from = g->count++;
    }
    return from;
}

static enum place place_of(const struct layer *layer) {
    for (int i = 0; i < WEIGHTS; i++)
        if (!strcmp(layer->schema->name, weights[i].type)) return weights[i].place;
    return ANYWHERE;
}

/* From the last node to the first, so that readers are done before what they read. */
static void look_behind(struct graph *g) {
    for (int i = g->count - 1; i >= 0; i--) {
        enum place own = place_of(g->at[i].layer), next = own == ANYWHERE ? g->at[i].next : own;
        const int read[] = {g->at[i].reads, g->at[i].reads_too};
        for (int k = 0; k < 2; k++) {
            if (read[k] < 0) continue;
            if (next != OUTPUT) g->at[read[k]].next = next;
            g->at[read[k]].normed |= !strcmp(g->at[i].layer->schema->name, "batchnorm");
        }
    }
}

static enum place before(const struct graph *g, int i) {
    for (i = g->at[i].reads; i >= 0; i = g->at[i].reads)
        if (place_of(g->at[i].layer) != ANYWHERE) return place_of(g->at[i].layer);
    return INPUT;
}

/* ---- what is said ---- */

struct speech {
    const struct recipe *recipe;
    void (*say)(const char *, void *);
    void *user;
};

static void speak(const struct speech *s, const struct layer *layer, const char *what) {
    char text[640];
    snprintf(text, sizeof text, "%s:%d:%d: warning: %s", s->recipe->file, layer->line,
             layer->column, what);
    s->say(text, s->user);
}

static const struct usual *row_of(const struct layer *layer, enum place behind, enum place next) {
    for (int i = 0; i < USUAL; i++) {
        const struct usual *u = &usual[i];
        if (u->behind != ANYWHERE && u->behind != behind) continue;
        if (u->before != ANYWHERE && u->before != next) continue;
        for (int k = 0; k < 4 && u->types[k]; k++)
            if (!strcmp(u->types[k], layer->schema->name)) return u;
    }
    return NULL;
}

static void judge_rate(const struct speech *s, const struct layer *layer, const struct usual *u) {
    double rate = draw_attr_of(layer)->rate;
    char text[512];
    if (!u || (rate >= u->low && rate <= u->high)) return;
    snprintf(text, sizeof text,
             "the rate of %s is the probability to drop, %g (%g is kept): %s, %g to %g is usual "
             "(%s)",
             layer->name, rate, 1 - rate, u->where, u->low, u->high, u->source);
    speak(s, layer, text);
}

static void judge(const struct speech *s, const struct graph *g, int i) {
    const struct node *n = &g->at[i];
    const struct layer *layer = n->layer;
    char text[512];
    if (!layer->schema->stochastic || draw_never(layer)) return;
    const struct usual *u = row_of(layer, before(g, i), n->next);
    if (!u) return; /* no layer that these tables know */
    if (n->next == OUTPUT) {
        snprintf(text, sizeof text,
                 "%s stands behind the output layer: it drops the network's answers, not what they "
                 "are made from",
                 layer->name);
        speak(s, layer, text);
    } else {
        judge_rate(s, layer, u);
    }
    if (!n->normed) return;
    snprintf(
        text, sizeof text,
        "%s stands directly before a batch normalisation, whose running variance will then be "
        "that of dropped inputs, which evaluation does not have (Li et al. 2018): put it behind",
        layer->name);
    speak(s, layer, text);
}

/* ---- the recipe ---- */

static enum err new_graph(const struct recipe *recipe, struct graph *graph) {
    int layers = 0;
    recipe_walk(&recipe->model.layers, count_layer, &layers);
    *graph = (struct graph){calloc((size_t)layers + 1, sizeof *graph->at), 0};
    if (!graph->at) return err_memory("the layers of a recipe");
    enter(graph, &recipe->model.layers, -1);
    look_behind(graph);
    return OK;
}

enum err plan_advise(const struct recipe *recipe, void (*say)(const char *sentence, void *user),
                     void *user) {
    const struct speech speech = {recipe, say, user};
    struct graph graph;
    TRY(new_graph(recipe, &graph));
    for (int i = 0; i < graph.count; i++) judge(&speech, &graph, i);
    free(graph.at);
    return OK;
}

/* ---- rates that the recipe leaves open ---- */

static enum err give_rate(const struct recipe *recipe, const struct graph *g, int i) {
    const struct layer *layer = g->at[i].layer;
    if (!layer->schema->stochastic || draw_attr_of(layer)->rate >= 0) return OK;
    const struct usual *u = row_of(layer, before(g, i), g->at[i].next);
    if (!u || g->at[i].next == OUTPUT)
        return recipe_fault(recipe, layer->line, layer->column,
                            "%s needs 'rate': there is no usual one %s", layer->name,
                            u ? "behind the output layer" : "here");
    /* the recipe is ours until it is handed out */
    ((struct draw_attr *)(uintptr_t)draw_attr_of(layer))->rate = u->rate;
    return OK;
}

enum err plan_usual_rates(struct recipe *recipe) {
    struct graph graph;
    enum err rc = OK;
    TRY(new_graph(recipe, &graph));
    for (int i = 0; i < graph.count && !rc; i++) rc = give_rate(recipe, &graph, i);
    free(graph.at);
    return rc;
}
