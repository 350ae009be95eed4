#include "cli/self.h"
#include "cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Looked up by the child itself, so that it is this very program even when the file has been
 * replaced since. */
static const char self[] = "/proc/self/exe";

static int spawn(char *const *words, const char *log, pid_t *child) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    int code = posix_spawn(child, self, &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return code;
}

int self_start(char *const *words, const char *log, pid_t *child) {
    int code = spawn(words, log, child);
    if (!code) return 0;
    return cli_fail(71, "this program cannot be started again: %s", strerror(code));
}

pid_t self_wait(int *status) {
    int word = 0;
    pid_t child;
    while ((child = waitpid(-1, &word, 0)) < 0 && errno == EINTR) continue;
    *status = WIFEXITED(word) ? WEXITSTATUS(word) : 128 + WTERMSIG(word);
    return child;
}
