#include "lab/runs.h"
#include "base/io.h"
#include "base/text.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 1000 };

static enum err add_one(struct runs *r, const char *folder) {
    if (r->count == RUNS_MAX)
        return err_set(ERR_USAGE, "more than %d runs in one report", RUNS_MAX);
    struct record *grown = realloc(r->at, ((size_t)r->count + 1) * sizeof *grown);
    if (!grown) return err_memory("a run");
    r->at = grown;
    TRY(record_read(folder, &r->at[r->count]));
    r->count++;
    return OK;
}

static bool holds_run(const char *folder) {
    struct text path = {0};
    text_add(&path, "%s/metrics.jsonl", folder);
    bool found = path.data && !path.failed && io_exists(path.data);
    text_free(&path);
    return found;
}

static enum err add_inner(struct runs *r, const char *folder, const char *name) {
    struct text path = {0};
    text_add(&path, "%s/%s", folder, name);
    enum err rc = path.failed ? err_memory("the name of a run") : OK;
    if (!rc && *name != '.' && holds_run(path.data)) rc = add_one(r, path.data);
    text_free(&path);
    return rc;
}

enum err runs_add(struct runs *r, const char *folder) {
    if (holds_run(folder) || !io_is_folder(folder)) return add_one(r, folder);
    struct dirent **names = NULL;
    int before = r->count, count = scandir(folder, &names, NULL, alphasort);
    enum err rc = count < 0 ? err_set(ERR_IO, "%s cannot be read", folder) : OK;
    for (int i = 0; i < count; i++) {
        if (!rc) rc = add_inner(r, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    if (rc || r->count > before) return rc;
    return err_set(ERR_MISSING,
                   "%s holds no run: there is no metrics.jsonl in it or in a folder "
                   "inside it",
                   folder);
}

void runs_free(struct runs *r) {
    for (int i = 0; i < r->count; i++) record_free(&r->at[i]);
    free(r->at);
    *r = (struct runs){0};
}
