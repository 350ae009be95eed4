/* libFuzzer target for the IDX reader. The first byte chooses: bit 0, one dimension or three; bits
 * 1-2, a plain file, a .gz file as it is, or the rest compressed first so that the search gets
 * behind the checksum. What is accepted must be what an independent reading of the bytes gives.
 * Built and run by run.sh. */
#include "data/idx.h"
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

/* Whether `data` is an IDX file of that many dimensions, by the format's description. */
static bool is_idx(const uint8_t *data, size_t size, int dimensions) {
    size_t header = 4 + 4 * (size_t)dimensions;
    if (size <= header || memcmp(data, "\0\0\x08", 3) != 0 || data[3] != dimensions) return false;
    double product = 1; /* exact wherever it can equal a size */
    for (int i = 0; i < dimensions; i++) {
        const uint8_t *d = data + 4 + 4 * i;
        product *= ((d[0] * 256.0 + d[1]) * 256.0 + d[2]) * 256.0 + d[3];
    }
    return product == (double)(size - header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    int dimensions = data[0] & 1 ? 3 : 1, kind = data[0] >> 1 & 3;
    char path[96];
    struct idx x;
    snprintf(path, sizeof path, "%s/dropcl-fuzz-%ld%s",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (long)getpid(), kind ? ".gz" : "");
    write_file(path, data + 1, size - 1, kind > 1);
    enum err rc = idx_read(path, dimensions, &x);
    remove(path);
    require(rc == OK || rc == ERR_DATA, "the code is one of the contract");
    require((rc == OK) == (x.data != NULL), "values come with OK and only then");
    /* Of a gzip file whose bytes are the fuzzer's the content is not known here. */
    if (kind != 1) {
        require((rc == OK) == is_idx(data + 1, size - 1, dimensions),
                "accepted iff it is an IDX file");
        size_t header = 4 + 4 * (size_t)dimensions;
        require(rc || !memcmp(x.data, data + 1 + header, x.size), "the values are the file's");
        require(rc || x.size == size - 1 - header, "all of them");
    }
    free(x.data);
    return 0;
}
