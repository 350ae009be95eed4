/* libFuzzer target for the safetensors reader, and for the writer with whatever the reader takes:
 * it must come back as it was. The first byte chooses: even, the rest is a file; odd, the rest up
 * to a NUL is a header whose length is put before it, so that the search does not have to guess
 * lengths. Built and run by run.sh. */
#include "data/safetensors.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory where there is such a folder: thousands of files a second. */
static void path_of(const char *what, char path[96]) {
    const char *folder = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(path, 96, "%s/dropcl-fuzz-%ld-%s", folder, (long)getpid(), what);
}

static void require(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s: %s\n", what, err_message());
    abort();
}

static void write_file(const char *path, const uint8_t *data, size_t size) {
    FILE *f = fopen(path, "wb");
    require(f, "fopen");
    if (data[0] & 1) {
        const uint8_t *end = memchr(data + 1, 0, size - 1);
        size_t header = end ? (size_t)(end - data) - 1 : size - 1;
        for (int i = 0; i < 8; i++) fputc((int)((uint64_t)header >> (8 * i) & 0xff), f);
        fwrite(data + 1, 1, header, f);
        if (end) fwrite(end + 1, 1, size - header - 2, f);
    } else {
        fwrite(data + 1, 1, size - 1, f);
    }
    require(fclose(f) == 0, "fclose");
}

static bool same_tensor(const struct tensor *a, const struct tensor *b) {
    return b && !strcmp(a->name, b->name) && !strcmp(a->dtype, b->dtype) && a->rank == b->rank &&
           !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) &&
           a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

static void check_copy(const struct safetensors *s, const char *path) {
    require(!safetensors_write(path, s->tensors, s->ntensors, s->metadata, s->nmetadata), "write");
    struct safetensors *copy;
    require(!safetensors_open(path, &copy), "open what was written");
    require(copy->ntensors == s->ntensors && copy->nmetadata == s->nmetadata, "counts");
    for (int i = 0; i < s->ntensors; i++) {
        const char *name = s->tensors[i].name;
        require(same_tensor(&s->tensors[i], safetensors_find(copy, name)), "a tensor changed");
    }
    for (int i = 0; i < s->nmetadata; i++) {
        const char *value = safetensors_metadata(copy, s->metadata[i].key);
        require(value && !strcmp(value, s->metadata[i].value), "metadata changed");
    }
    safetensors_close(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    char path[96], copy[96];
    path_of("in", path);
    path_of("out", copy);
    write_file(path, data, size);
    struct safetensors *s;
    enum err rc = safetensors_open(path, &s);
    require(rc == OK || rc == ERR_DATA, "neither read nor refused");
    require((s == NULL) == (rc != OK), "a result beside an error, or none");
    if (rc) require(strlen(err_message()) > strlen(path) + 10, "no sentence");
    if (!rc) check_copy(s, copy);
    safetensors_close(s);
    unlink(path);
    unlink(copy);
    return 0;
}
