#include "base/place.h"
#include <stdio.h>
#include <stdlib.h>

bool place_cache(const char *name, char *path, size_t size) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (cache && *cache == '/')
        n = snprintf(path, size, "%s/dropcl/%s", cache, name);
    else if (home && *home == '/')
        n = snprintf(path, size, "%s/.cache/dropcl/%s", home, name);
    else
        return false;
    return n > 0 && (size_t)n < size;
}
