/* libFuzzer target for the CIFAR-10 reader. The first byte chooses: bits 0-1, how many records are
 * expected (1 to 4); bits 2-3, a plain file, a .gz file as it is, or the rest compressed first; bit
 * 4, records or class names. To reach whole records quickly, the rest is repeated up to the size of
 * the expected file when bit 5 is set. What is accepted must be what an independent reading gives.
 * Built and run by run.sh. */
#include "data/cifar.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "violated: %s: %s\n", what, err_message());
    abort();
}

static void write_file(const char *path, const uint8_t *data, size_t size, bool compress) {
    if (compress) {
        gzFile z = gzopen(path, "wb1");
        require(z && (!size || gzwrite(z, data, (unsigned)size) == (int)size), "gzwrite");
        require(gzclose(z) == Z_OK, "gzclose");
    } else {
        FILE *f = fopen(path, "wb");
        require(f && fwrite(data, 1, size, f) == size && fclose(f) == 0, "fwrite");
    }
}

static bool is_cifar(const uint8_t *data, size_t size, size_t rows) {
    if (size != rows * 3073) return false;
    for (size_t r = 0; r < rows; r++)
        if (data[r * 3073] > 9) return false;
    return true;
}

static void check_records(const char *path, const uint8_t *data, size_t size, int rows,
                          bool known) {
    uint8_t *images = malloc((size_t)rows * 3072), *labels = malloc((size_t)rows);
    enum err rc = cifar_read(path, rows, images, labels);
    require(rc == OK || rc == ERR_DATA, "the code is one of the contract");
    if (known) require((rc == OK) == is_cifar(data, size, (size_t)rows), "accepted iff CIFAR-10");
    for (size_t i = 0; known && !rc && i < (size_t)rows * 3072; i++) {
        size_t row = i / 3072, at = i % 3072 / 3, channel = i % 3;
        require(images[i] == data[row * 3073 + 1 + channel * 1024 + at],
                "the pixels are the file's");
        require(labels[row] == data[row * 3073], "and the labels");
    }
    free(images);
    free(labels);
}

static void check_names(const char *path) {
    const char **names;
    enum err rc = cifar_names(path, &names);
    require(rc == OK || rc == ERR_DATA, "the code is one of the contract");
    require((rc == OK) == (names != NULL), "names come with OK and only then");
    for (int c = 0; !rc && c < 10; c++) {
        require(*names[c] && strlen(names[c]) < 64, "each has a length");
        for (const char *t = names[c]; *t; t++) require(*t >= ' ' && *t <= '~', "and is ASCII");
    }
    free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    static uint8_t whole[4 * 3073];
    int rows = 1 + (data[0] & 3), kind = data[0] >> 2 & 3;
    bool names = data[0] >> 4 & 1, repeat = data[0] >> 5 & 1;
    const uint8_t *rest = data + 1;
    size_t n = size - 1;
    if (repeat) {
        for (size_t i = 0; i < (size_t)rows * 3073; i++) whole[i] = rest[i % n];
        rest = whole;
        n = (size_t)rows * 3073;
    }
    char path[96];
    snprintf(path, sizeof path, "%s/dropcl-fuzz-%ld%s",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (long)getpid(), kind ? ".gz" : "");
    write_file(path, rest, n, kind > 1);
    if (names)
        check_names(path);
    else
        check_records(path, rest, n, rows, kind != 1);
    remove(path);
    return 0;
}
