#include "harness/op_fault.h"
#include "backend/backend.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

struct op_fault op_fault_plant(const char *file, const char *from, const char *to) {
    const char *source = kernel_source(file), *at = source, *hit;
    ck_assert_msg(source != NULL, "there is no kernel file %s", file);
    size_t used = 0, hits = 0, room = strlen(source) * (strlen(to) + 2) + 1;
    char *text = calloc(room, 1);
    ck_assert_ptr_nonnull(text);
    for (; (hit = strstr(at, from)); at = hit + strlen(from), hits++) {
        memcpy(text + used, at, (size_t)(hit - at));
        used += (size_t)(hit - at);
        memcpy(text + used, to, strlen(to));
        used += strlen(to);
    }
    memcpy(text + used, at, strlen(at));
    ck_assert_msg(hits > 0 && strcmp(text, source) != 0, "%s has no \"%s\" to break", file, from);
    kernel_override(file, text);
    return (struct op_fault){file, text};
}

void op_fault_remove(struct op_fault *fault) {
    kernel_override(fault->file, NULL);
    free(fault->text);
    fault->text = NULL;
}
