/* The main of every operation suite. */
#include "harness/op.h"
#include "harness/suite.h"
#include <stdlib.h>
#include <string.h>

static const struct op_suite *running;

static void check_case(const struct op_case *row) {
    op_frame_use(running->framed || row->framed);
#ifdef REAL_IS_DOUBLE
    op_gradient_check(row);
#else
    op_bits_check(row);
#endif
    op_frame_use(running->framed);
}

#ifdef REAL_IS_DOUBLE
START_TEST(gradients_agree_with_central_differences) {
    check_case(&running->cases[_i]);
}
END_TEST
#else
START_TEST(devices_give_the_bits_of_the_reference) {
    check_case(&running->cases[_i]);
}
END_TEST
#endif

START_TEST(wrong_recipes_are_refused_with_the_reason) {
    const struct op_refusal *refusal = &running->refusals[_i];
    enum err rc = op_world_try(&refusal->row);
    ck_assert_msg(rc == ERR_RECIPE, "%s: code %d", refusal->row.name, rc);
    ck_assert_msg(strstr(err_message(), refusal->message), "%s: the message is %s",
                  refusal->row.name, err_message());
}
END_TEST

int op_suite_run(const struct op_suite *s) {
    running = s;
    op_frame_use(s->framed);
    Suite *suite = suite_create(s->name);
    TCase *tests = tcase_create(s->name);
    tcase_set_timeout(tests, 0); /* CTest has one, and interpreters are slow */
#ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, gradients_agree_with_central_differences, 0, s->ncases);
#else
    tcase_add_loop_test(tests, devices_give_the_bits_of_the_reference, 0, s->ncases);
#endif
    tcase_add_loop_test(tests, wrong_recipes_are_refused_with_the_reason, 0, s->nrefusals);
    if (s->more) s->more(tests);
    suite_add_tcase(suite, tests);
    int failed = suite_run(suite);
    op_machine_close_devices();
    return failed;
}
