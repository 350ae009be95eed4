#define _XOPEN_SOURCE 700 /* nftw */
#include "harness/data_files.h"
#include "base/io.h"
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static char folder[64];

void files_make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/dropcl-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk) {
    (void)st, (void)kind, (void)walk;
    return remove(path);
}

void files_remove_folder(void) {
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *files_folder(void) {
    return folder;
}

const char *files_path(const char *name) {
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *files_write(const char *name, const void *data, size_t size) {
    const char *path = files_path(name);
    char above[256];
    snprintf(above, sizeof above, "%s", path);
    *strrchr(above, '/') = 0;
    ck_assert_int_eq(io_make_folder(above), OK);
    FILE *f = fopen(path, "wb"); /* not synced: the suites write a thousand files */
    ck_assert(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    return path;
}

struct bytes files_gzip(const void *data, size_t size) {
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    struct bytes out = {.size = deflateBound(&z, size)};
    out.data = malloc(out.size);
    ck_assert_ptr_nonnull(out.data);
    z.next_in = (uint8_t *)(uintptr_t)data;
    z.avail_in = (unsigned)size;
    z.next_out = out.data;
    z.avail_out = (unsigned)out.size;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.size = z.total_out;
    deflateEnd(&z);
    return out;
}

struct bytes files_idx(int rank, const uint32_t *dim, int modulus) {
    size_t header = 4 + 4 * (size_t)rank, values = 1;
    for (int i = 0; i < rank; i++) values *= dim[i];
    struct bytes out = {.size = header + values};
    out.data = calloc(out.size, 1);
    ck_assert_ptr_nonnull(out.data);
    out.data[2] = 8;
    out.data[3] = (uint8_t)rank;
    for (int i = 0; i < 4 * rank; i++)
        out.data[4 + i] = (uint8_t)(dim[i / 4] >> (24 - 8 * (i % 4)));
    for (size_t i = 0; i < values; i++) out.data[header + i] = (uint8_t)(i * 7 % (size_t)modulus);
    return out;
}

void files_expect_message(enum err got, enum err want, const char *const *texts) {
    ck_assert_msg(got == want, "code %d, expected %d: %s", got, want, err_message());
    for (int i = 0; texts[i]; i++)
        ck_assert_msg(strstr(err_message(), texts[i]), "\"%s\" is not in: %s", texts[i],
                      err_message());
}
