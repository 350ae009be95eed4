#include "data/find.h"
#include "base/io.h"
#include <stdio.h>
#include <stdlib.h>

bool find_file(const char *folder, const char *file, char *path) {
    static const char *const endings[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        int n = snprintf(path, FIND_PATH, "%s/%s%s", folder, file, endings[i]);
        if (n > 0 && n < FIND_PATH && io_exists(path)) return true;
    }
    return false;
}

static bool complete(const char *folder, const char *const *files, struct text *looked) {
    char path[FIND_PATH];
    bool all = io_is_folder(folder);
    if (!all && looked) text_add(looked, "\n  %s: no such folder", folder);
    if (!all) return false;
    for (int i = 0; files[i]; i++) {
        if (find_file(folder, files[i], path)) continue;
        if (looked && all) text_add(looked, "\n  %s: lacks ", folder);
        if (looked) text_add(looked, "%s%s", all ? "" : ", ", files[i]);
        all = false;
    }
    return all;
}

/* Candidate `i` into `folder`; false when there is no such candidate, *skip when it does not apply
 * here. */
static bool candidate(int i, const char *name, const char *given, char *folder, bool *skip) {
    const char *data = getenv("DROPCL_DATA"), *xdg = getenv("XDG_DATA_HOME"),
               *home = getenv("HOME");
    int n = 0;
    *skip = false;
    if (given) {
        if (i > 1) return false;
        n = i ? snprintf(folder, FIND_PATH, "%s/%s", given, name)
              : snprintf(folder, FIND_PATH, "%s", given);
    } else if (i == 0 && data && *data) {
        n = snprintf(folder, FIND_PATH, "%s/%s", data, name);
    } else if (i == 1) {
        n = snprintf(folder, FIND_PATH, "datasets/%s", name);
    } else if (i == 2 && xdg && *xdg) {
        n = snprintf(folder, FIND_PATH, "%s/dropcl/%s", xdg, name);
    } else if (i == 2 && home) {
        n = snprintf(folder, FIND_PATH, "%s/.local/share/dropcl/%s", home, name);
    }
    *skip = n <= 0 || n >= FIND_PATH;
    return i < 3;
}

bool find_folder(const char *const *names, const char *given, const char *const *files,
                 char *folder, struct text *looked) {
    bool skip;
    for (int k = 0; names[k]; k++)
        for (int i = 0; candidate(i, names[k], given, folder, &skip); i++) {
            bool again = given && k && !i; /* the given folder itself, whatever the name */
            if (!skip && !again && complete(folder, files, looked)) return true;
        }
    return false;
}
