#include "harness/plan_fixture.h"
#include "ops/table.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

static const struct schema constant = {.name = "constant", .doc = "the same rate throughout"};
static const struct schema *const schedules[] = {&constant, NULL};
static const struct schema *const nothing[] = {NULL};

/* The first member of every type is its schema. */
const struct vocabulary *fixture_vocabulary(void) {
    static struct vocabulary v;
    v.layers = (const struct schema *const *)op_table_all.layers;
    v.choices[CHOICE_LOSS] = (const struct schema *const *)op_table_all.losses;
    v.choices[CHOICE_OPTIMIZER] = (const struct schema *const *)op_table_all.optimizers;
    v.choices[CHOICE_SCHEDULE] = schedules;
    v.choices[CHOICE_RATE_SCHEDULE] = nothing;
    return &v;
}

struct recipe *fixture_recipe(const char *input, const char *layers, const char *train) {
    char text[4096];
    int size = snprintf(text, sizeof text,
                        "dropcl: 1\nmodel:\n  name: fixture\n  input: %s\n  layers:\n%s\ntrain:\n"
                        "  dataset: mnist\n  optimizer: {sgd: {lr: 0.1, momentum: 0.9}}\n%s",
                        input, layers, train);
    struct recipe *r = NULL;
    enum err rc = recipe_parse("fixture", text, (size_t)size, fixture_vocabulary(), NULL, 0, &r);
    ck_assert_msg(rc == OK, "%s", err_message());
    return r;
}

struct plan *fixture_plan(const struct recipe *r, struct plan_options options) {
    struct plan *p = NULL;
    enum err rc = plan_new(r, &op_table_all, &options, &p);
    ck_assert_msg(rc == OK, "%s", err_message());
    return p;
}

int fixture_find(const struct plan *p, const char *text, int from) {
    for (int i = from; i < p->nsteps; i++) {
        char name[256];
        size_t used = (size_t)snprintf(name, sizeof name, "%s", p->steps[i].op->name);
        for (int k = 0; k < p->steps[i].nstages; k++)
            used += (size_t)snprintf(name + used, sizeof name - used, "+%s",
                                     p->steps[i].stage[k].op->name);
        if (!strcmp(name, text)) return i;
    }
    return -1;
}
