/* Kernel sources by file name: the built-in ones, or what a test put in their place. */
#include "backend/kernels.h"
#include "backend/backend.h"
#include <assert.h>
#include <string.h>

enum { OVERRIDES = 16 };

static struct kernel_file overrides[OVERRIDES]; /* texts are borrowed */

const char *kernel_source(const char *file) {
    for (int i = 0; i < OVERRIDES; i++)
        if (overrides[i].text && !strcmp(overrides[i].name, file)) return overrides[i].text;
    for (const struct kernel_file *k = kernel_files; k->name; k++)
        if (!strcmp(k->name, file)) return k->text;
    return NULL;
}

void kernel_override(const char *file, const char *source) {
    struct kernel_file *free_entry = NULL;
    for (int i = 0; i < OVERRIDES; i++) {
        if (overrides[i].text && !strcmp(overrides[i].name, file)) {
            overrides[i] = (struct kernel_file){file, source};
            return;
        }
        if (!overrides[i].text && !free_entry) free_entry = &overrides[i];
    }
    if (!source) return;
    assert(free_entry);
    *free_entry = (struct kernel_file){file, source};
}
