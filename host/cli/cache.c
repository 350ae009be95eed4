#include "cli/cache.h"
#include "base/io.h"
#include "base/place.h"
#include <stdlib.h>

void cache_prepare(void) {
    char path[4096];
    if (getenv("POCL_CACHE_DIR")) return;
    if (!place_cache("pocl", path, sizeof path) || io_make_folder(path)) return;
    setenv("POCL_CACHE_DIR", path, 0);
}
