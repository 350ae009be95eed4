/* libFuzzer target for the reader of pictures. The first byte chooses the channels, 1 or 3, and
 * whether a PNG signature comes before the rest. Whatever the bytes are, the answer is a picture of
 * the size asked for or one of the contract's codes. Built and run by run.sh. */
#include "data/picture.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEIGHT = 2, WIDTH = 3 };

static void require(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "violated: %s: %s\n", what, err_message());
    abort();
}

static void write_file(const char *path, bool png, const uint8_t *data, size_t size) {
    static const uint8_t signature[] = "\x89PNG\r\n\x1a\n";
    FILE *f = fopen(path, "wb");
    require(f && (!png || fwrite(signature, 1, 8, f) == 8) && fwrite(data, 1, size, f) == size &&
                fclose(f) == 0,
            "fwrite");
}

/* Every byte of what was accepted is there to be read. */
static void look_at(const struct pictures *p, int channels) {
    unsigned sum = 0;
    for (size_t i = 0; i < p->rows * HEIGHT * WIDTH * (size_t)channels; i++) sum += p->data[i];
    require(sum <= p->rows * HEIGHT * WIDTH * (size_t)channels * 255, "bytes are bytes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    int channels = data[0] & 1 ? 3 : 1;
    char path[96];
    struct pictures p;
    snprintf(path, sizeof path, "%s/dropcl-fuzz-picture-%ld",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (long)getpid());
    write_file(path, data[0] & 2, data + 1, size - 1);
    enum err rc = picture_read(path, HEIGHT, WIDTH, channels, &p);
    remove(path);
    require(rc == OK || rc == ERR_DATA, "the code is one of the contract");
    require((rc == OK) == (p.data != NULL) && (rc == OK) == (p.rows > 0),
            "pictures come with OK and only then");
    require(rc != OK || channels == 1 || p.rows == 1, "an IDX file has no colours");
    if (rc == OK) look_at(&p, channels);
    free(p.data);
    return 0;
}
