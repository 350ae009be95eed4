#include "data/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CHUNK = 64 * 1024,    /* bytes of file per read */
    DEFLATE_BEST = 1032,  /* RFC 1951: 258 bytes from 2 bits, less the block's own cost */
    GZIP_WINDOW = 15 + 16 /* inflateInit2: the largest window, gzip framing */
};

struct source {
    char *path;
    int fd;
    uint64_t file_size;
    bool gzip;     /* the rest is for gzip only */
    bool inflater; /* z is initialised */
    bool ended;    /* the last member is complete and nothing follows */
    z_stream z;
    uint8_t *chunk;
};

static enum err read_some(struct source *s, void *buffer, size_t want, size_t *got) {
    *got = 0;
    while (*got < want) {
        ssize_t n = read(s->fd, (char *)buffer + *got, want - *got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_set(ERR_IO, "%s: cannot read: %s", s->path, strerror(errno));
        if (n == 0) break;
        *got += (size_t)n;
    }
    return OK;
}

/* Makes at least `least` compressed bytes available, unless the file has no more. */
static enum err refill(struct source *s, unsigned least) {
    if (s->z.avail_in >= least) return OK;
    size_t got;
    if (s->z.avail_in) memmove(s->chunk, s->z.next_in, s->z.avail_in);
    TRY(read_some(s, s->chunk + s->z.avail_in, CHUNK - s->z.avail_in, &got));
    s->z.next_in = s->chunk;
    s->z.avail_in += (unsigned)got;
    return OK;
}

/* After a member: another one may follow (RFC 1952, 2.2), anything else is damage. */
static enum err next_member(struct source *s) {
    TRY(refill(s, 2));
    if (s->z.avail_in == 0) {
        s->ended = true;
        return OK;
    }
    if (s->z.avail_in < 2 || s->z.next_in[0] != 0x1f || s->z.next_in[1] != 0x8b)
        return err_set(ERR_DATA,
                       "%s: bytes follow the end of the gzip data: expected the end of the file",
                       s->path);
    inflateReset(&s->z);
    return OK;
}

static enum err inflate_some(struct source *s, void *buffer, size_t want, size_t *got) {
    *got = 0;
    while (*got < want && !s->ended) {
        TRY(refill(s, 1));
        if (s->z.avail_in == 0)
            return err_set(ERR_DATA,
                           "%s: the gzip data is truncated: it should go on after %" PRIu64
                           " bytes of file",
                           s->path, s->file_size);
        size_t room = want - *got < CHUNK ? want - *got : CHUNK;
        s->z.next_out = (uint8_t *)buffer + *got;
        s->z.avail_out = (unsigned)room;
        int rc = inflate(&s->z, Z_NO_FLUSH);
        *got += room - s->z.avail_out;
        if (rc == Z_MEM_ERROR) return err_memory("decompressing");
        if (rc == Z_STREAM_END)
            TRY(next_member(s));
        else if (rc != Z_OK && rc != Z_BUF_ERROR)
            return err_set(ERR_DATA, "%s: the gzip data is damaged: %s", s->path,
                           s->z.msg ? s->z.msg : "it asks for a preset dictionary");
    }
    return OK;
}

static enum err start_gzip(struct source *s) {
    s->chunk = malloc(CHUNK);
    if (!s->chunk || inflateInit2(&s->z, GZIP_WINDOW) != Z_OK) return err_memory("decompressing");
    s->inflater = true;
    TRY(refill(s, 2));
    if (s->z.avail_in < 2 || s->z.next_in[0] != 0x1f || s->z.next_in[1] != 0x8b)
        return err_set(ERR_DATA,
                       "%s: not a gzip file in spite of its name: expected the first bytes 1f 8b, "
                       "found %s",
                       s->path, s->z.avail_in < 2 ? "fewer than two bytes" : "others");
    return OK;
}

static enum err open_file(struct source *s) {
    struct stat st;
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        return err_set(absent ? ERR_MISSING : ERR_IO, "%s: %s", s->path, strerror(errno));
    }
    if (fstat(s->fd, &st) != 0) return err_set(ERR_IO, "%s: %s", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return err_set(ERR_IO, "%s: is not a regular file", s->path);
    s->file_size = (uint64_t)st.st_size;
    return s->gzip ? start_gzip(s) : OK;
}

enum err source_open(const char *path, struct source **out) {
    *out = NULL;
    size_t length = strlen(path);
    struct source *s = calloc(1, sizeof *s);
    if (!s) return err_memory("a file");
    s->fd = -1;
    s->gzip = length > 3 && strcmp(path + length - 3, ".gz") == 0;
    s->path = strdup(path);
    enum err rc = s->path ? open_file(s) : err_memory("a path");
    if (rc)
        source_close(s);
    else
        *out = s;
    return rc;
}

void source_close(struct source *s) {
    if (!s) return;
    if (s->inflater) inflateEnd(&s->z);
    if (s->fd >= 0) close(s->fd);
    free(s->chunk);
    free(s->path);
    free(s);
}

enum err source_read(struct source *s, void *buffer, size_t want, size_t *got) {
    return s->gzip ? inflate_some(s, buffer, want, got) : read_some(s, buffer, want, got);
}

uint64_t source_limit(const struct source *s) {
    if (!s->gzip) return s->file_size;
    return s->file_size > UINT64_MAX / DEFLATE_BEST ? UINT64_MAX : s->file_size * DEFLATE_BEST;
}

bool source_is_gzip(const struct source *s) {
    return s->gzip;
}

const char *source_path(const struct source *s) {
    return s->path;
}

/* Fills *data up to `size` bytes in doubling steps; *got is what the content had. */
static enum err read_growing(struct source *s, size_t size, uint8_t **data, size_t *got) {
    size_t capacity = 0, more;
    *got = 0;
    do {
        capacity = capacity > size / 2 ? size : capacity * 2;
        if (capacity < CHUNK) capacity = size < CHUNK ? size : CHUNK;
        uint8_t *grown = realloc(*data, capacity ? capacity : 1);
        if (!grown) return err_memory(s->path);
        *data = grown;
        TRY(source_read(s, *data + *got, capacity - *got, &more));
        *got += more;
    } while (*got == capacity && capacity < size);
    return OK;
}

enum err source_read_rest(struct source *s, size_t size, const char *promise, uint8_t **data) {
    uint8_t *bytes = NULL, extra;
    size_t got = 0, more = 0;
    *data = NULL;
    enum err rc = read_growing(s, size, &bytes, &got);
    if (!rc && got < size)
        rc = err_set(ERR_DATA, "%s: truncated: %s promises %zu bytes of values, found %zu", s->path,
                     promise, size, got);
    if (!rc) rc = source_read(s, &extra, 1, &more);
    if (!rc && more)
        rc = err_set(ERR_DATA, "%s: oversized: %s promises %zu bytes of values, found more",
                     s->path, promise, size);
    if (rc)
        free(bytes);
    else
        *data = bytes;
    return rc;
}
