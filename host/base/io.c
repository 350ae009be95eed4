#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ = 64 * 1024 };

/* Reads until the end, growing: the size that stat reports is no promise (pipes, files being
 * written). */
static enum err read_all(int fd, const char *path, size_t limit, char **data, size_t *size) {
    size_t capacity = limit < FIRST_READ ? limit : FIRST_READ, used = 0;
    char *buffer = malloc(capacity + 1);
    while (buffer) {
        /* One byte more than wanted (the place of the NUL) tells "full" from "too large". */
        ssize_t got = read(fd, buffer + used, capacity + 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            free(buffer);
            return err_set(ERR_IO, "%s: cannot read: %s", path, strerror(errno));
        }
        if (got == 0) {
            buffer[used] = 0;
            *data = buffer;
            *size = used;
            return OK;
        }
        used += (size_t)got;
        if (used <= capacity) continue;
        if (capacity == limit) {
            free(buffer);
            return err_set(ERR_DATA, "%s: larger than the %zu bytes allowed", path, limit);
        }
        capacity = capacity > limit / 2 ? limit : capacity * 2;
        char *grown = realloc(buffer, capacity + 1);
        if (!grown) free(buffer);
        buffer = grown;
    }
    return err_memory(path);
}

enum err io_read(const char *path, size_t limit, char **data, size_t *size) {
    *data = NULL;
    *size = 0;
    if (limit == SIZE_MAX) limit--; /* the NUL needs a byte */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        return err_set(absent ? ERR_MISSING : ERR_IO, "%s: %s", path, strerror(errno));
    }
    struct stat st;
    enum err rc;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        rc = err_set(ERR_IO, "%s: is a folder, not a file", path);
    else
        rc = read_all(fd, path, limit, data, size);
    close(fd);
    return rc;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -1;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* A rename is durable once the folder that holds the name is synced too. */
static void sync_folder_of(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) slash[slash == path] = 0;
    int fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd); /* best effort: some file systems refuse it, and the data itself is synced */
    close(fd);
}

/* Opens a new file beside `path`, with the rights that creating `path` itself would have given
 * (which is why this is not mkstemp: its files are private). `name` has room for the suffix. */
static int open_beside(const char *path, char *name, size_t room) {
    static atomic_uint serial;
    for (int attempt = 0; attempt < 100; attempt++) {
        unsigned number = atomic_fetch_add(&serial, 1);
        snprintf(name, room, "%s.%ld-%u.tmp", path, (long)getpid(), number);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

enum err io_write_atomic(const char *path, const void *data, size_t size) {
    enum { SUFFIX = 48 };
    struct stat old;
    bool replaces = stat(path, &old) == 0;
    if (replaces && !S_ISREG(old.st_mode) && !S_ISDIR(old.st_mode))
        return err_set(ERR_CREATE, "%s: is a device or pipe, which a file would replace", path);
    size_t room = strlen(path) + SUFFIX;
    char *name = malloc(room);
    if (!name) return err_memory(path);

    enum err rc = OK;
    int fd = open_beside(path, name, room);
    if (fd < 0) {
        rc = err_set(ERR_CREATE, "%s: cannot create: %s", path, strerror(errno));
        goto out;
    }
    if (replaces) (void)fchmod(fd, old.st_mode & 0777);
    bool bad = write_all(fd, data, size) || fsync(fd);
    int why = errno;
    if (close(fd) && !bad) {
        bad = true;
        why = errno;
    }
    if (bad) {
        rc = err_set(ERR_IO, "%s: cannot write: %s", path, strerror(why));
    } else if (rename(name, path)) {
        rc = err_set(ERR_CREATE, "%s: cannot replace: %s", path, strerror(errno));
    }
    if (rc)
        unlink(name);
    else
        sync_folder_of(name);
out:
    free(name);
    return rc;
}

enum err io_make_folder(const char *path) {
    char *copy = strdup(path);
    if (!copy) return err_memory(path);
    enum err rc = OK;
    for (size_t i = 1, n = strlen(copy); !rc && n && i <= n; i++) {
        if (copy[i] != '/' && copy[i] != 0) continue; /* each prefix that is a path in itself */
        char kept = copy[i];
        copy[i] = 0;
        if (mkdir(copy, 0777) && !io_is_folder(copy))
            rc = err_set(ERR_CREATE, "%s: cannot create folder: %s", copy, strerror(errno));
        copy[i] = kept;
    }
    free(copy);
    return rc;
}

bool io_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

bool io_is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
