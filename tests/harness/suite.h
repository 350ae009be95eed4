/* What the main of every suite ends with. */
#ifndef DROPCL_TESTS_SUITE_H
#define DROPCL_TESTS_SUITE_H

#include <check.h>

/* Runs and frees the suite. Returns main's exit status. */
static inline int suite_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
