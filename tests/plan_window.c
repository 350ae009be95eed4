/* Where windows lie: outputs and leading padding against worked examples, and against the
 * definition. */
#include "harness/suite.h"
#include "ops/window.h"
#include <check.h>
#include <stdlib.h>

static const struct row {
    int in, kernel, stride, pad, out, before;
} rows[] = {
    {28, 5, 1, PAD_VALID, 24, 0}, {32, 3, 1, PAD_SAME, 32, 1}, {32, 3, 2, PAD_SAME, 16, 0},
    {33, 3, 2, PAD_SAME, 17, 1},  {32, 3, 2, 1, 16, 1},        {7, 2, 1, PAD_SAME, 7, 0},
    {8, 1, 2, PAD_SAME, 4, 0},    {3, 5, 1, PAD_SAME, 3, 2},   {5, 5, 3, PAD_VALID, 1, 0},
    {4, 5, 1, 1, 2, 1},           {1, 1, 1, PAD_VALID, 1, 0},  {2, 2, 1, 5, 11, 5},
};

START_TEST(outputs_and_padding_are_the_worked_ones) {
    const struct row *r = &rows[_i];
    struct window_axis a;
    ck_assert(window_axis(r->in, r->kernel, r->stride, r->pad, &a));
    ck_assert_int_eq(a.out, r->out);
    ck_assert_int_eq(a.before, r->before);
}
END_TEST

START_TEST(a_kernel_larger_than_map_and_padding_does_not_fit) {
    struct window_axis a;
    ck_assert(!window_axis(4, 5, 1, PAD_VALID, &a));
    ck_assert(!window_axis(4, 9, 1, 2, &a));
    ck_assert(window_axis(4, 8, 1, 2, &a));
}
END_TEST

/* same: the outputs are in / stride, rounded up, no padding is needless, and the two ends differ by
 * at most one. */
START_TEST(same_padding_is_just_enough) {
    for (int in = 1; in < 20; in++)
        for (int kernel = 1; kernel < 8; kernel++)
            for (int stride = 1; stride < 5; stride++) {
                struct window_axis a;
                ck_assert(window_axis(in, kernel, stride, PAD_SAME, &a));
                ck_assert_int_eq(a.out, (in + stride - 1) / stride);
                int after = (a.out - 1) * stride - a.before + kernel - in;
                ck_assert(a.before == 0 ? after <= 1 : after == a.before || after == a.before + 1);
            }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("window");
    TCase *tests = tcase_create("window");
    tcase_add_loop_test(tests, outputs_and_padding_are_the_worked_ones, 0,
                        sizeof rows / sizeof *rows);
    tcase_add_test(tests, a_kernel_larger_than_map_and_padding_does_not_fit);
    tcase_add_test(tests, same_padding_is_just_enough);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
