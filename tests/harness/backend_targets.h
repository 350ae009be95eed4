/* Runs a test on everything that is here: each OpenCL device in both kernel families, and the C
 * reference. */
#ifndef DROPCL_TESTS_BACKEND_TARGETS_H
#define DROPCL_TESTS_BACKEND_TARGETS_H

#include "backend/backend.h"
#include <check.h>

/* Fails the running test with the library's own sentence. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        enum err must_rc = (call);                                                                 \
        if (must_rc) ck_abort_msg("%s: %d: %s", #call, (int)must_rc, err_message());               \
    } while (0)

/* The call must fail with this code, and its sentence must hold this text. */
#define REFUSED(call, code, text)                                                                  \
    do {                                                                                           \
        ck_assert_int_eq((int)(call), (int)(code));                                                \
        if (!strstr(err_message(), (text)))                                                        \
            ck_abort_msg("\"%s\" is not in: %s", (text), err_message());                           \
    } while (0)

/* Opens each target, calls the test, closes it again. Returns how many there were. */
int on_every_target(void (*test)(struct device *));
int on_every_opencl_target(void (*test)(struct device *));
struct device *open_reference(void);

#endif
