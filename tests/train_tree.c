/* The micro-batch tree: which gradient is added to which, written out as text. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "train/tree.h"
#include <stdio.h>
#include <string.h>

/* What the levels and the gradient hold, as expressions; "(01)" is the sum of micro-batches 0
 * and 1. */
struct sums {
    char level[8][64], gradient[64];
};

static void fold(struct sums *s, int level) {
    char sum[160];
    snprintf(sum, sizeof sum, "(%s%s)", s->level[level], s->gradient);
    snprintf(s->gradient, sizeof s->gradient, "%.63s", sum);
}

static void combine(int count, char out[64]) {
    struct sums s = {0};
    for (int i = 0; i < count; i++) {
        struct tree_moves moves = tree_after(i, count);
        snprintf(s.gradient, sizeof s.gradient, "%d", i);
        for (int k = 0; k < moves.nfold; k++) fold(&s, moves.fold[k]);
        if (moves.keep >= 0) memcpy(s.level[moves.keep], s.gradient, sizeof s.gradient);
        ck_assert_int_eq(moves.keep < 0, i == count - 1);
    }
    memcpy(out, s.gradient, 64);
}

static const char *const trees[] = {
    [1] = "0",
    [2] = "(01)",
    [3] = "((01)2)",
    [4] = "((01)(23))",
    [5] = "(((01)(23))4)",
    [6] = "(((01)(23))(45))",
    [7] = "(((01)(23))((45)6))",
    [8] = "(((01)(23))((45)(67)))",
    [9] = "((((01)(23))((45)(67)))8)",
};

START_TEST(gradients_are_summed_as_a_tree) {
    char text[64];
    combine(_i, text);
    ck_assert_str_eq(text, trees[_i]);
}
END_TEST

/* A plan has ceil(log2(count)) levels: no move may leave them. */
START_TEST(moves_stay_within_the_levels) {
    for (int count = 1; count <= 130; count++) {
        int levels = 0;
        while ((1 << levels) < count) levels++;
        for (int i = 0; i < count; i++) {
            struct tree_moves moves = tree_after(i, count);
            ck_assert_int_lt(moves.keep, levels);
            for (int k = 0; k < moves.nfold; k++) ck_assert_int_lt(moves.fold[k], levels);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tree");
    TCase *tests = tcase_create("tree");
    tcase_add_loop_test(tests, gradients_are_summed_as_a_tree, 1, 10);
    tcase_add_test(tests, moves_stay_within_the_levels);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
