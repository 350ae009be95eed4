/* Planted faults: a kernel file's text with something replaced. */
#ifndef DROPCL_TESTS_OP_FAULT_H
#define DROPCL_TESTS_OP_FAULT_H

struct op_fault {
    const char *file;
    char *text; /* owned */
};

/* Replaces every `from` in the built-in text; fails the test when that changes nothing. Devices
 * opened from now on build the broken text. */
struct op_fault op_fault_plant(const char *file, const char *from, const char *to);
void op_fault_remove(struct op_fault *);

#endif
