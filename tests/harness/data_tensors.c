#define _XOPEN_SOURCE 700 /* nftw */
#include "harness/data_tensors.h"
#include "base/io.h"
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

void tensors_make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/dropcl-tensors-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *walk) {
    (void)st, (void)kind, (void)walk;
    return remove(path);
}

void tensors_remove_folder(void) {
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *tensors_folder(void) {
    return folder;
}

const char *tensors_path(const char *name) {
    static char paths[2][128];
    static int turn;
    char *path = paths[turn ^= 1];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

char *tensors_content(const char *path, size_t *size) {
    char *data;
    ck_assert_int_eq(io_read(path, 1 << 24, &data, size), OK);
    return data;
}

static const float floats[6] = {1.5f, -0.0f, 3e-45f, 1e38f, 0x1.fffffep-1f, -7};
static const uint8_t bytes[5] = {0, 255, 128, 1, 7};
static const uint64_t longs[1] = {0xfedcba9876543210u};

const struct tensor sample[SAMPLE_TENSORS] = {
    {"small", "U8", 1, {5}, bytes, 5},
    {"fc1.weight", "F32", 2, {2, 3}, floats, 24},
    {"fc1.bias", "F32", 0, {0}, floats + 2, 4},
    {"count", "U64", 1, {1}, longs, 8},
};
const struct metadata sample_metadata[SAMPLE_METADATA] = {
    {"recipe", "dropcl: 1\n  \"quoted\" \\ tab\t \x01 caf\xc3\xa9 \xf0\x9f\x98\x80\r\n"},
    {"", "empty key"},
    {"empty", ""},
};

void tensors_expect_same(const struct tensor *got, const struct tensor *want) {
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got->name, want->name);
    ck_assert_str_eq(got->dtype, want->dtype);
    ck_assert_int_eq(got->rank, want->rank);
    for (int i = 0; i < want->rank; i++) ck_assert_int_eq(got->shape[i], want->shape[i]);
    ck_assert_uint_eq(got->bytes, want->bytes);
    if (want->bytes) ck_assert_int_eq(memcmp(got->data, want->data, want->bytes), 0);
    ck_assert_uint_eq((uintptr_t)got->data % 8, 0);
}

void tensors_write_sample(const char *path) {
    ck_assert_int_eq(
        safetensors_write(path, sample, SAMPLE_TENSORS, sample_metadata, SAMPLE_METADATA), OK);
}

void tensors_expect_sample(const struct safetensors *s) {
    ck_assert_int_eq(s->ntensors, SAMPLE_TENSORS);
    ck_assert_int_eq(s->nmetadata, SAMPLE_METADATA);
    for (int i = 0; i < SAMPLE_TENSORS; i++)
        tensors_expect_same(safetensors_find(s, sample[i].name), &sample[i]);
    for (int i = 0; i < SAMPLE_METADATA; i++)
        ck_assert_str_eq(safetensors_metadata(s, sample_metadata[i].key), sample_metadata[i].value);
}
