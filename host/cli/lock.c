#include "cli/lock.h"
#include "base/text.h"
#include "cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The file stays open in what is started from here: the lock is the open file's, and theirs too. */
static int take(const char *folder, const char *name, const char *path, int *lock) {
    *lock = open(path, O_RDWR | O_CREAT, 0666);
    if (*lock < 0) return cli_fail(STATUS_CREATE, "cannot create %s: %s", path, strerror(errno));
    if (!flock(*lock, LOCK_EX | LOCK_NB)) return 0;
    if (errno == EWOULDBLOCK)
        return cli_fail(STATUS_CREATE,
                        "another %s is running in %s: wait for it, or choose another --out", name,
                        folder);
    fprintf(stderr, "note: %s cannot be locked (%s): let no other %s run there\n", folder,
            strerror(errno), name);
    return 0;
}

int lock_take(const char *folder, const char *name, int *lock) {
    struct text t = {0};
    char *path = NULL;
    *lock = -1;
    text_add(&t, "%s/%s.lock", folder, name);
    if (text_take(&t, &path)) return cli_report(71);
    int status = take(folder, name, path, lock);
    free(path);
    if (!status) return 0;
    lock_leave(*lock);
    *lock = -1;
    return status;
}

void lock_leave(int lock) {
    if (lock >= 0) close(lock);
}
