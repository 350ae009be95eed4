/* The keys under which the tuner keeps its choices: steps that launch different kernels have
 * different ones, however little sets them apart, and no key is cut. */
#include "harness/plan_fixture.h"
#include "harness/suite.h"
#include "ops/conv2d.h"
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct caps caps = {.cpu_family = true, .max_work_group = 1, .compute_units = 1};

static const char *const passes[] = {"conv2d", "conv2d_dx", "conv2d_dw"};
enum { PASSES = sizeof passes / sizeof *passes };

/* Layers over a map of 8 x 8 x 4. The first two differ in the size of their output alone: both
 * begin at the edge of the map, and `same` ends one pixel behind it. From UNSEEN on they differ
 * from the fourth in what no kernel of dx knows. */
static const char *const variants[] = {"filters: 4, kernel: 3, stride: 2, pad: same",
                                       "filters: 4, kernel: 3, stride: 2, pad: valid",
                                       "filters: 4, kernel: 3, stride: 2, pad: 1",
                                       "filters: 4, kernel: 3, pad: same",
                                       "filters: 4, kernel: 3, pad: same, depthwise: true",
                                       "filters: 8, kernel: 3, pad: same",
                                       "filters: 4, kernel: [3, 1], pad: same",
                                       "filters: 4, kernel: [1, 3], pad: same",
                                       "filters: 4, kernel: 3, pad: same, bias: false",
                                       "filters: 4, kernel: 3, pad: same, activation: relu"};
enum { VARIANTS = sizeof variants / sizeof *variants, UNSEEN = VARIANTS - 2 };

static const struct step *last_step(const struct plan *p, const char *op) {
    for (int i = 0; i < p->nsteps; i++)
        if (!strcmp(p->steps[i].op->name, op) && !strncmp(p->steps[i].name, "last", 4))
            return &p->steps[i];
    ck_abort_msg("no %s of the last layer", op);
}

/* A network that ends in the convolution `conv`; the layer before makes its dx necessary. */
static void last_keys(const char *conv, struct step_ways out[PASSES]) {
    char layers[512];
    snprintf(layers, sizeof layers,
             "    - conv: {filters: 4, kernel: 1}\n    - conv: {name: last, %s}\n"
             "    - globalavgpool\n",
             conv);
    struct recipe *r = fixture_recipe("[8, 8, 1]", layers, "");
    struct plan *p = fixture_plan(r, (struct plan_options){.mode = PLAN_TRAIN, .batch = 8});
    for (int k = 0; k < PASSES; k++) {
        const struct step *s = last_step(p, passes[k]);
        ck_assert_int_ge(s->op->ways(p, s, &caps, &out[k]), 1);
    }
    plan_free(p);
    recipe_free(r);
}

START_TEST(different_kernels_have_different_keys) {
    static struct step_ways ways[VARIANTS][PASSES];
    for (int i = 0; i < VARIANTS; i++) last_keys(variants[i], ways[i]);
    for (int i = 0; i < VARIANTS; i++)
        for (int j = 0; j < i; j++)
            for (int k = 0; k < (i < UNSEEN ? PASSES : 1); k++)
                ck_assert_msg(strcmp(ways[i][k].key, ways[j][k].key) != 0, "{%s} and {%s}: %s",
                              variants[i], variants[j], ways[i][k].key);
}
END_TEST

/* Every number as long as an int can be. (Depthwise layers have one way, so nothing is computed
 * from these.) */
START_TEST(a_key_has_room_for_any_numbers) {
    const struct window_axis axis = {INT_MAX, INT_MAX, INT_MAX, INT_MAX, INT_MAX};
    const struct conv2d wide = {INT_MAX, INT_MAX, INT_MAX, {axis, axis}, true, true};
    struct recipe *r = fixture_recipe(
        "[8, 8, 1]", "    - conv: {name: last, filters: 4, kernel: 1}\n    - globalavgpool\n", "");
    struct plan *p = fixture_plan(r, (struct plan_options){.mode = PLAN_TRAIN, .batch = 8});
    struct step s = *last_step(p, "conv2d_dw");
    struct step_ways ways;
    s.attr = &wide;
    s.nstages = INT_MAX;
    ck_assert_int_eq(s.op->ways(p, &s, &caps, &ways), 1);
    ck_assert_str_eq(strrchr(ways.key, '_'), "_2147483647");
    plan_free(p);
    recipe_free(r);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ways");
    TCase *tests = tcase_create("ways");
    tcase_add_test(tests, different_kernels_have_different_keys);
    tcase_add_test(tests, a_key_has_room_for_any_numbers);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
