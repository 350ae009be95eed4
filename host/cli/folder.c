#include "cli/folder.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/cli.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUFFIX_MAX = 100000 };

static const char *const run_files[] = {"model.safetensors", "metrics.jsonl", "recipe.yaml", NULL};

static char *join(const char *folder, const char *file) {
    struct text t = {0};
    char *path = NULL;
    text_add(&t, "%s/%s", folder, file);
    return text_take(&t, &path) ? NULL : path;
}

/* The first file of a run in the folder, NULL when there is none. */
static const char *run_inside(const char *folder) {
    for (const char *const *file = run_files; *file; file++) {
        char *path = join(folder, *file);
        bool found = path && io_exists(path);
        free(path);
        if (found) return *file;
    }
    return NULL;
}

/* mkdir is also the test: two runs that start together get two folders. */
static int reserve_numbered(struct folder *f, const char *name, uint64_t seed) {
    if (io_make_folder("runs")) return cli_report(STATUS_CREATE);
    for (int suffix = 1; suffix <= SUFFIX_MAX; suffix++) {
        struct text t = {0};
        text_add(&t, "runs/%s-%llu", name, (unsigned long long)seed);
        if (suffix > 1) text_add(&t, "-%d", suffix);
        free(f->path);
        f->path = NULL;
        if (text_take(&t, &f->path)) return cli_report(71);
        f->created = !mkdir(f->path, 0777);
        if (f->created) return 0;
        if (errno != EEXIST)
            return cli_fail(STATUS_CREATE, "cannot create %s: %s", f->path, strerror(errno));
    }
    return cli_fail(STATUS_CREATE, "runs/%s-%llu and all its numbered names are taken: use --out",
                    name, (unsigned long long)seed);
}

static int reserve_named(struct folder *f, const char *out, bool force) {
    f->path = strdup(out);
    if (!f->path) return cli_fail(71, "out of memory for the name of the run's folder");
    if (io_exists(out) && !io_is_folder(out))
        return cli_fail(STATUS_CREATE, "--out %s is a file, not a folder", out);
    f->created = !io_exists(out);
    if (f->created && io_make_folder(out)) {
        f->created = false;
        return cli_report(STATUS_CREATE);
    }
    const char *file = force ? NULL : run_inside(out);
    if (file)
        return cli_fail(
            STATUS_CREATE,
            "%s already holds a run (%s): choose another --out, or --force to replace it", out,
            file);
    return 0;
}

/* Permissions, read-only file systems and full disks all show when a file is really made. */
static int check_writable(const struct folder *f) {
    char *probe = join(f->path, ".dropcl-XXXXXX");
    if (!probe) return cli_fail(71, "out of memory for a file name");
    int file = mkstemp(probe);
    int status = 0;
    if (file < 0)
        status = cli_fail(STATUS_CREATE, "cannot write into %s: %s", f->path, strerror(errno));
    else {
        close(file);
        unlink(probe);
    }
    free(probe);
    return status;
}

int folder_reserve(struct folder *f, const char *out, bool force, const char *name, uint64_t seed) {
    int status = out ? reserve_named(f, out, force) : reserve_numbered(f, name, seed);
    if (status) return status;
    f->model = join(f->path, run_files[0]);
    if (!f->model) return cli_fail(71, "out of memory for a file name");
    return check_writable(f);
}

static int start(struct folder *f, const char *recipe, const char *metrics, const char *copy) {
    /* The old model goes first: a folder never shows one run's model beside another's recipe. */
    if (unlink(f->model) && errno != ENOENT)
        return cli_fail(STATUS_CREATE, "cannot replace %s: %s", f->model, strerror(errno));
    int status = (int)io_write_atomic(copy, recipe, strlen(recipe));
    if (status) return cli_report(status);
    f->metrics = fopen(metrics, "w");
    if (!f->metrics)
        return cli_fail(STATUS_CREATE, "cannot create %s: %s", metrics, strerror(errno));
    f->started = true;
    return 0;
}

int folder_start(struct folder *f, const char *recipe) {
    char *metrics = join(f->path, run_files[1]);
    char *copy = join(f->path, run_files[2]);
    int status = metrics && copy ? start(f, recipe, metrics, copy)
                                 : cli_fail(71, "out of memory for file names");
    free(metrics);
    free(copy);
    return status;
}

void folder_close(struct folder *f) {
    if (f->metrics) fclose(f->metrics);
    if (f->created && !f->started) rmdir(f->path);
    free(f->path);
    free(f->model);
    *f = (struct folder){0};
}
