/* Evaluation plans of networks with batch norm: which of them end up in the layer before, and which
 * have to stay. */
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
    const char *name, *layers;
    int folds, norms; /* batch norms written into a layer before them; those that are left */
    enum plan_mode mode;
} rows[] = {
    {"convolution", "    - conv: {filters: 8, kernel: 3}\n    - batchnorm\n    - dense: {units: 3}",
     1, 0, PLAN_EVAL},
    {"without a bias",
     "    - conv: {filters: 8, kernel: 3, bias: false}\n    - batchnorm\n    - relu\n"
     "    - dense: {units: 3}",
     1, 0, PLAN_EVAL},
    {"depthwise, both",
     "    - conv: {filters: 3, kernel: 3, depthwise: true, bias: false}\n    - batchnorm\n    - relu\n"
     "    - conv: {filters: 3, kernel: 3, depthwise: true}\n    - batchnorm\n    - dense: {units: 3}",
     2, 0, PLAN_EVAL},
    {"two in a row",
     "    - conv: {filters: 8, kernel: 3}\n    - batchnorm\n    - batchnorm\n    - dense: {units: 3}",
     2, 0, PLAN_EVAL},
    {"a dropout between, which evaluation does not have",
     "    - conv: {filters: 8, kernel: 3}\n    - dropblock: {rate: 0.1, size: 2}\n"
     "    - dropout2d: {rate: 0.1}\n    - batchnorm\n    - dense: {units: 3}",
     1, 0, PLAN_EVAL},
    {"the same, Monte-Carlo",
     "    - conv: {filters: 8, kernel: 3}\n    - batchnorm\n    - dropout2d: {rate: 0.1}\n"
     "    - batchnorm\n    - dense: {units: 3}",
     1, 1, PLAN_MC},
    {"residual block",
     "    - residual:\n        activation: relu\n"
     "        body: [{conv: {filters: 8, kernel: 3, stride: 2, pad: same, bias: false}}, batchnorm, relu,\n"
     "               {conv: {filters: 8, kernel: 3, pad: same, bias: false}}, batchnorm]\n"
     "        shortcut: [{conv: {filters: 8, kernel: 1, stride: 2, bias: false}}, batchnorm]\n"
     "    - dense: {units: 3}",
     3, 0, PLAN_EVAL},
    {"read by two: the sum wants what the convolution gave",
     "    - conv: {filters: 8, kernel: 3}\n    - residual: {body: [batchnorm, relu]}\n"
     "    - dense: {units: 3}",
     0, 1, PLAN_EVAL},
    {"behind an activation",
     "    - conv: {filters: 8, kernel: 3, activation: relu}\n    - batchnorm\n"
     "    - dense: {units: 3}",
     0, 1, PLAN_EVAL},
    {"behind a pool, and first",
     "    - batchnorm\n    - conv: {filters: 8, kernel: 3}\n    - maxpool: {size: 2}\n    - batchnorm\n"
     "    - dense: {units: 3}",
     0, 2, PLAN_EVAL},
};

static int count(const struct plan *p, const char *op) {
    int n = 0;
    for (int i = 0; i < p->nsteps; i++) n += !strcmp(p->steps[i].op->name, op);
    return n;
}

static int writer(const struct plan *p, int value) {
    for (int i = 0; i < p->nsteps; i++)
        for (int k = 0; k < p->steps[i].nout; k++)
            if (p->steps[i].out[k] == value) return i;
    return -1;
}

/* Every fold is read by a later step as weights and bias, or by the next fold; before the batch. */
static void check_fold(const struct plan *p, int i) {
    int readers = 0;
    for (int k = i + 1; k < p->nsteps; k++)
        readers +=
            p->steps[k].in[1] == p->steps[i].out[0] || p->steps[k].in[0] == p->steps[i].out[0];
    ck_assert_int_eq(readers, 1);
    ck_assert_int_lt(i, fixture_find(p, "gather", 0));
}

START_TEST(batch_norm_is_folded_where_nothing_else_reads) {
    const struct row *row = &rows[_i];
    struct recipe *r = fixture_recipe("[8, 8, 3]", row->layers, "  batch: 4\n");
    struct plan *p = fixture_plan(r, (struct plan_options){.mode = row->mode});
    ck_assert_msg(count(p, "batch_norm_fold") == row->folds, "%s: %d folded", row->name,
                  count(p, "batch_norm_fold"));
    ck_assert_msg(count(p, "batch_norm") == row->norms, "%s: %d left", row->name,
                  count(p, "batch_norm"));
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        if (!strcmp(s->op->name, "batch_norm_fold")) check_fold(p, i);
        /* what is left stands behind something else than a convolution that it alone reads */
        if (!strcmp(s->op->name, "conv2d") && row->folds && !row->norms) {
            ck_assert_str_eq(p->steps[writer(p, s->in[1])].op->name, "batch_norm_fold");
            ck_assert_int_eq(writer(p, s->in[2]), writer(p, s->in[1]));
        }
    }
    plan_free(p);
    recipe_free(r);
}
END_TEST

/* With no_fuse every layer is a step of its own, batch norm too. */
START_TEST(no_fuse_leaves_batch_norm_where_it_is) {
    const struct row *row = &rows[_i];
    struct recipe *r = fixture_recipe("[8, 8, 3]", row->layers, "  batch: 4\n");
    struct plan *p = fixture_plan(r, (struct plan_options){.mode = row->mode, .no_fuse = true});
    ck_assert_int_eq(count(p, "batch_norm_fold"), 0);
    ck_assert_int_eq(count(p, "batch_norm"), row->folds + row->norms);
    plan_free(p);
    recipe_free(r);
}
END_TEST

int main(void) {
    const int n = (int)(sizeof rows / sizeof *rows);
    Suite *s = suite_create("plan_freeze");
    TCase *c = tcase_create("freeze");
    tcase_add_loop_test(c, batch_norm_is_folded_where_nothing_else_reads, 0, n);
    tcase_add_loop_test(c, no_fuse_leaves_batch_norm_where_it_is, 0, n);
    suite_add_tcase(s, c);
    return suite_run(s);
}
