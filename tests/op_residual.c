/* Residual blocks and references between layers: values with several readers, whose gradients are
 * sums. */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

static const struct op_case cases[] = {
    {.name = "identity shortcut, on the input",
     .input = "5",
     .layers = "[{residual: {body: [{dense: {units: 5}}]}}]",
     .batch = 3},
    {.name = "identity shortcut between layers, ReLU behind the sum",
     .input = "7",
     .layers =
         "[{dense: {units: 17, activation: relu}}, {residual: {activation: relu, body: "
         "[{dense: {units: 9, activation: relu}}, {dense: {units: 17}}]}}, {dense: {units: 3}}]",
     .batch = 5,
     .steps = 2},
    {.name = "a shortcut of its own",
     .input = "6",
     .layers = "[{dense: {units: 8}}, {residual: {activation: relu, body: [{dense: {units: 5, "
               "activation: relu}}, {dense: {units: 19}}], shortcut: [{dense: {units: 19, bias: "
               "false}}]}}, {dense: {units: 4}}]",
     .batch = 6},
    {.name = "a shortcut of several layers that ends with an activation",
     .input = "6",
     .layers = "[{residual: {body: [{dense: {units: 7}}], shortcut: [{dense: {units: 4}}, relu, "
               "{dense: {units: 7, activation: relu}}]}}, {dense: {units: 3}}]",
     .batch = 4},
    {.name = "nothing fused",
     .input = "6",
     .layers =
         "[{dense: {units: 8, activation: relu}}, {residual: {activation: relu, body: "
         "[{dense: {units: 8, activation: relu}}, {dense: {units: 8}}]}}, {dense: {units: 4}}]",
     .batch = 6,
     .no_fuse = true},
    {.name = "dropout in the body and behind the block",
     .input = "9",
     .layers = "[{dense: {units: 18, activation: relu}}, {residual: {activation: relu, body: "
               "[{dropout: {rate: 0.3}}, {dense: {units: 18, activation: relu}}, {dropout: {rate: "
               "0.5}}]}}, {dropout: {rate: 0.2}}, {dense: {units: 3}}]",
     .batch = 5,
     .seed = 3},
    {.name = "dropout in both branches",
     .input = "9",
     .layers = "[{residual: {body: [{dense: {units: 5}}, {dropout: {rate: 0.5}}], shortcut: "
               "[{dense: {units: 5}}, {dropout: {rate: 0.5}}]}}, {dense: {units: 3}}]",
     .batch = 5,
     .seed = 4},
    {.name = "a block in a block",
     .input = "5",
     .layers = "[{dense: {units: 6}}, {residual: {activation: relu, body: [{dense: {units: 6}}, "
               "{residual: {body: [relu, {dense: {units: 6}}]}}], shortcut: [{residual: {body: "
               "[{dense: {units: 6}}]}}]}}, {dense: {units: 3}}]",
     .batch = 3},
    {.name = "a body that changes nothing doubles",
     .input = "5",
     .layers = "[{dense: {units: 6}}, {residual: {body: [{dropout: {rate: 0}}]}}, {dense: {units: "
               "3}}]",
     .batch = 3},
    {.name = "an image",
     .input = "3, 4, 2",
     .layers = "[{residual: {activation: relu, body: [relu]}}, {dense: {units: 3}}]",
     .batch = 3},
    {.name = "references out of a body and into one",
     .input = "5",
     .layers = "[{dense: {name: a, units: 6}}, {dense: {units: 4}}, {residual: {body: [{dense: "
               "{name: b, from: a, units: 4}}]}}, {residual: {body: [{dense: {from: b, units: "
               "4}}]}}, {dense: {units: 3}}]",
     .batch = 3},
    {.name = "evaluation",
     .input = "6",
     .layers = "[{residual: {activation: relu, body: [{dense: {units: 6}}, {dropout: {rate: "
               "0.5}}]}}, {dense: {units: 4}}]",
     .batch = 5,
     .mode = PLAN_EVAL},
};

#define BLOCK(attributes)                                                                          \
    .input = "3", .layers = "[{dense: {units: 3}}, {residual: {" attributes "}}]", .batch = 2

static const struct op_refusal refusals[] = {
    {{.name = "no body", BLOCK("")}, "residual needs 'body'"},
    {{.name = "an empty body", BLOCK("body: []")}, "residual.body needs at least one layer"},
    {{.name = "another shape", BLOCK("name: r, body: [{dense: {units: 4}}]")},
     "5:34: error: the body of r gives [2,4], its input is [2,3]: they cannot be added"},
    {{.name = "two other shapes",
      BLOCK("body: [{dense: {units: 4}}], shortcut: [{dense: {units: 5}}]")},
     "the body of residual1 gives [2,4], its shortcut [2,5]"},
    {{.name = "an unknown attribute", BLOCK("bodies: [{dense: {units: 3}}]")}, "body"},
    {{.name = "a name twice", BLOCK("body: [{dense: {name: dense1, units: 3}}]")},
     "layer name 'dense1' is already used"},
    {{.name = "a layer that nothing reads",
      BLOCK("body: [{dense: {units: 3}}, {dense: {from: dense1, units: 3}}]")},
     "nothing reads the output of dense2"},
    {{.name = "a layer that reads the block it is in",
      BLOCK("name: r, body: [{dense: {name: d, from: r, units: 3}}]")},
     "d stands inside r, whose output does not exist yet here"},
    {{.name = "a wrong layer inside", BLOCK("body: [{dense: {units: 0}}]")}, "dense.units"},
};

/* ---- the numbers of layers, and what is fused ---- */

static const struct stage *stage_of(const struct plan *p, const char *layer) {
    for (int i = 0; i < p->nsteps; i++)
        for (int k = 0; k < p->steps[i].nstages; k++)
            if (!strcmp(p->steps[i].name, layer)) return &p->steps[i].stage[k];
    ck_abort_msg("no stage of %s", layer);
}

START_TEST(masks_and_parameters_are_numbered_body_before_shortcut) {
    static const struct op_case row = {
        .name = "numbers",
        .input = "3",
        .layers =
            "[{dropout: {name: a, rate: 0.5}}, {residual: {shortcut: [{dense: {name: s, units: "
            "4}}, {dropout: {name: b, rate: 0.5}}], body: [{dense: {name: m, units: 4}}, "
            "{dropout: {name: c, rate: 0.5}}]}}, {dropout: {name: d, rate: 0.5}}]",
        .batch = 2,
        .no_fuse = true};
    static const char *const parameters[] = {"m.weight", "m.bias", "s.weight", "s.bias"};
    struct op_world w;
    op_world_open(&w, &row);
    /* Whichever the text says first: the table of attributes decides. */
    static const char *const order[] = {"a", "c", "b", "d"};
    for (int i = 0; i < 4; i++) ck_assert_int_eq(stage_of(w.plan, order[i])->draw, i);
    ck_assert_int_eq(w.plan->nparams, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(w.plan->values[w.plan->params[i].value].name, parameters[i]);
    op_world_close(&w);
}
END_TEST

static bool has_title(const struct plan *p, const char *want) {
    char title[160];
    for (int i = 0; i < p->nsteps; i++) {
        step_title(&p->steps[i], title, sizeof title);
        if (!strcmp(title, want)) return true;
    }
    return false;
}

START_TEST(the_later_branch_takes_sum_and_activation_over) {
    static const struct op_case rows[] = {
        {.name = "identity",
         .input = "3",
         .layers = "[{dense: {units: 4, activation: relu}}, {residual: {activation: relu, body: "
                   "[{dense: {units: 4}}]}}, {dense: {units: 3}}]",
         .batch = 2},
        {.name = "shortcut",
         .input = "3",
         .layers = "[{dense: {units: 4, activation: relu}}, {residual: {activation: relu, body: "
                   "[{dense: {units: 4}}], shortcut: [{dense: {units: 4}}]}}, {dense: {units: 3}}]",
         .batch = 2}};
    for (int i = 0; i < 2; i++) {
        struct op_world w;
        op_world_open(&w, &rows[i]);
        ck_assert(has_title(w.plan, "dense+add+relu"));
        ck_assert(has_title(w.plan, "dense_dx+add+relu_grad")); /* into the block's input */
        ck_assert(!has_title(w.plan, "add") && !has_title(w.plan, "add+relu"));
        op_world_close(&w);
    }
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, masks_and_parameters_are_numbered_body_before_shortcut);
    tcase_add_test(tests, the_later_branch_takes_sum_and_activation_over);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "residual",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
