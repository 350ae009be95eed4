/* Kernels that are wrong on purpose, one for each thing the interpreter is asked to find: if its
 * log stays empty after one of these, an empty log elsewhere means nothing. Argument: which one. */
#include "harness/op_opencl.h"
#include "harness/suite.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 8 };

static const struct fault {
    const char *name, *kernel;
} faults[] = {
    {"memory", "kernel void faulty(global const uint *in, global uint *out) {\n"
               "    out[get_global_id(0) + 1] = in[get_global_id(0)];\n" /* one past the end */
               "}\n"},
    {"races", "kernel void faulty(global const uint *in, global uint *out) {\n"
              "    out[0] = in[get_global_id(0)];\n" /* all write one place */
              "}\n"},
    {"uninitialized", "kernel void faulty(global const uint *in, global uint *out) {\n"
                      "    uint never[4];\n"
                      "    never[0] = in[get_global_id(0)];\n"
                      "    out[get_global_id(0)] = never[1 + (in[0] & 1)];\n" /* 1 or 2 */
                      "}\n"},
};

static const struct fault *chosen;

START_TEST(the_faulty_kernel_runs) {
    uint32_t in[ITEMS], out[ITEMS];
    for (uint32_t i = 0; i < ITEMS; i++) in[i] = i + 1;
    ck_assert_int_eq(op_opencl_count(), 1);
    ck_assert_msg(op_opencl_slow(0), "the platform is not the interpreter");
    const char *sources[] = {chosen->kernel, NULL};
    op_opencl_run(
        0, &(struct op_opencl_map){sources, "faulty", "-cl-std=CL1.2", in, out, ITEMS, 1, 1});
}
END_TEST

int main(int argc, char **argv) {
    for (size_t i = 0; argc == 2 && i < sizeof faults / sizeof *faults; i++)
        if (!strcmp(faults[i].name, argv[1])) chosen = &faults[i];
    if (!chosen) return 2;
    Suite *suite = suite_create("faulty");
    TCase *tests = tcase_create(chosen->name);
    tcase_add_test(tests, the_faulty_kernel_runs);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
