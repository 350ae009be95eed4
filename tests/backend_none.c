/* A machine without any OpenCL driver: the loader finds none in an empty place. Its own suite,
 * since the loader looks only once in a process. */
#include "backend/backend.h"
#include "harness/backend_targets.h"
#include "harness/suite.h"
#include <stdlib.h>
#include <string.h>

START_TEST(no_driver_leaves_the_reference_alone) {
    struct device_info *list, found;
    int count;
    MUST(device_list(&list, &count));
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq((int)list[0].kind, DEVICE_REFERENCE);
    free(list);
    MUST(device_find(NULL, &found));
    ck_assert_int_eq((int)found.kind, DEVICE_REFERENCE);
    REFUSED(device_find("opencl", &found), ERR_DEVICE, "C reference");
    REFUSED(device_find("0:0", &found), ERR_DEVICE, "\"0:0\"");
}
END_TEST

START_TEST(a_device_of_an_older_list_is_refused) {
    struct device_info gone = {.name = "Gone", .kind = DEVICE_GPU};
    struct device *d;
    REFUSED(device_open(&gone, &d), ERR_DEVICE, "Gone");
}
END_TEST

int main(void) {
    setenv("OCL_ICD_VENDORS", "/nonexistent/", 1);
    setenv("OPENCL_VENDOR_PATH", "/nonexistent/", 1);
    Suite *suite = suite_create("backend_none");
    TCase *tests = tcase_create("none");
    tcase_add_test(tests, no_driver_leaves_the_reference_alone);
    tcase_add_test(tests, a_device_of_an_older_list_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
