/* How long it takes to start, measured from outside: this program, started anew. The first of two
 * starts finds empty caches, the second one what the first left. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "cli/bench_private.h"
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { PATH_LENGTH = 4096, OPEN_FILES = 16 };

/* Field 22 of /proc/self/stat counts from the start of the system, in ticks of 10 ms. The second
 * field, the program's name, may hold anything, so fields are counted behind its last parenthesis.
 */
double bench_process_age(void) {
    char line[1024];
    FILE *file = fopen("/proc/self/stat", "r");
    bool read = file && fgets(line, sizeof line, file);
    if (file) fclose(file);
    char *at = read ? strrchr(line, ')') : NULL;
    for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
    struct timespec now;
    if (!at || clock_gettime(CLOCK_BOOTTIME, &now)) return 0;
    double age = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec -
                 strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
    return age > 0 ? age : 0;
}

/* ---- the folder of the caches ---- */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static bool make_cache(char *path, size_t size) {
    const char *base = getenv("TMPDIR");
    int n = snprintf(path, size, "%s/dropcl-bench-XXXXXX", base && *base == '/' ? base : "/tmp");
    return n > 0 && (size_t)n < size && mkdtemp(path);
}

/* ---- one start ---- */

static void free_environment(char **all) {
    for (int k = 0; all && k < 3; k++) free(all[k]);
    free(all);
}

/* The environment with the caches of every driver we know moved to `cache`; NULL: no memory. The
 * first three strings are owned. */
static char **make_environment(const char *cache) {
    static const char *const names[] = {"XDG_CACHE_HOME", "POCL_CACHE_DIR", "CUDA_CACHE_PATH"};
    size_t count = 0, n = 0;
    while (environ[count]) count++;
    char **all = calloc(count + 4, sizeof *all);
    if (!all) return NULL;
    for (int k = 0; k < 3; k++) {
        size_t size = strlen(names[k]) + strlen(cache) + 2;
        if (!(all[n] = malloc(size))) {
            free_environment(all);
            return NULL;
        }
        snprintf(all[n++], size, "%s=%s", names[k], cache);
    }
    for (size_t i = 0; i < count; i++) {
        bool ours = false;
        for (int k = 0; k < 3; k++) {
            size_t length = strlen(names[k]);
            ours = ours || (!strncmp(environ[i], names[k], length) && environ[i][length] == '=');
        }
        if (!ours) all[n++] = environ[i];
    }
    return all;
}

/* The same command with --only open --json; the caller frees the array. */
static char **make_words(const struct bench_arguments *a) {
    size_t n = 0;
    const char **words = calloc(12 + 2 * (size_t)a->set.count, sizeof *words);
    if (!words) return NULL;
    words[n++] = "dropcl";
    words[n++] = "bench";
    words[n++] = a->recipe;
    words[n++] = "--only=open";
    words[n++] = "--json";
    if (a->device) words[n++] = "--device", words[n++] = a->device;
    if (a->data) words[n++] = "--data", words[n++] = a->data;
    for (int i = 0; i < a->set.count; i++) words[n++] = "--set", words[n++] = a->set.at[i];
    return (char **)(uintptr_t)words;
}

/* Standard output of the child is the pipe's end; *pid is its number. */
static bool start(char **words, char **environment, pid_t *pid, FILE **out) {
    char self[PATH_LENGTH];
    int ends[2];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0 || pipe(ends)) return false;
    self[length] = '\0';
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int code = posix_spawn(pid, self, &actions, NULL, words, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = code ? NULL : fdopen(ends[0], "r");
    if (!*out) close(ends[0]);
    return !code && *out;
}

static void take_line(const char *line, const char *detail, struct bench_printer *p) {
    json_t *object = json_loads(line, 0, NULL);
    const char *section = json_string_value(json_object_get(object, "section"));
    const char *name = json_string_value(json_object_get(object, "name"));
    if (section && name && !strcmp(section, "start")) {
        struct bench_row row = {.section = "start", .name = name, .detail = detail};
        row.flops = row.bytes = row.samples = row.elements = row.best = row.processor = NAN;
        row.launches = -1;
        row.seconds = json_number_value(json_object_get(object, "seconds"));
        bench_print_row(p, &row);
    }
    json_decref(object);
}

static int one_start(char **words, char **environment, const char *detail,
                     struct bench_printer *p) {
    char line[1024];
    FILE *out = NULL;
    pid_t pid;
    int status = 0;
    if (!start(words, environment, &pid, &out))
        return cli_fail(71, "this program cannot be started again: %s", strerror(errno));
    while (fgets(line, sizeof line, out)) take_line(line, detail, p);
    fclose(out);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    return cli_fail(71, "the start that was measured was ended by signal %d", WTERMSIG(status));
}

int bench_starts(const struct bench_arguments *a, struct bench_printer *p) {
    char cache[PATH_LENGTH];
    if (!make_cache(cache, sizeof cache))
        return cli_fail(STATUS_CREATE, "no folder for empty caches: %s", strerror(errno));
    char **words = make_words(a), **environment = make_environment(cache);
    int status = words && environment ? 0 : cli_fail(71, "out of memory for a start");
    if (!status) status = one_start(words, environment, "cold", p);
    if (!status) status = one_start(words, environment, "warm", p);
    free(words);
    free_environment(environment);
    nftw(cache, remove_entry, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    return status;
}
