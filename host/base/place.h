/* Where the XDG base directory specification wants a program's files to be. */
#ifndef DROPCL_BASE_PLACE_H
#define DROPCL_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* $XDG_CACHE_HOME/dropcl/NAME, else ~/.cache/dropcl/NAME. A relative path in either variable counts
 * as none, as the specification asks. false: there is no such place, or `size` is too small. */
bool place_cache(const char *name, char *path, size_t size);

#endif
