#include "cli/cache.h"
#include "base/io.h"
#include <stdio.h>
#include <stdlib.h>

void cache_prepare(void) {
    char path[4096];
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length;
    if (getenv("POCL_CACHE_DIR")) return;
    if (base && *base == '/')
        length = snprintf(path, sizeof path, "%s/dropcl/pocl", base);
    else if (home && *home == '/')
        length = snprintf(path, sizeof path, "%s/.cache/dropcl/pocl", home);
    else
        return;
    if (length < 0 || (size_t)length >= sizeof path || io_make_folder(path)) return;
    setenv("POCL_CACHE_DIR", path, 0);
}
