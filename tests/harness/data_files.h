/* A folder for each test, and files in it: plain, gzip, IDX. All contents are built in memory
 * first, so that a test can spoil any byte. */
#ifndef DROPCL_TESTS_DATA_FILES_H
#define DROPCL_TESTS_DATA_FILES_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data; /* malloc'ed; the test frees */
    size_t size;
};

void files_make_folder(void);
void files_remove_folder(void);
const char *files_folder(void);
const char *files_path(const char *name); /* valid until the fourth call after this one */

/* Writes FOLDER/NAME (folders on the way are made) and returns its path. */
const char *files_write(const char *name, const void *data, size_t size);

struct bytes files_gzip(const void *data, size_t size);

/* An IDX file of `rank` dimensions whose i-th value is i * 7 % modulus. */
struct bytes files_idx(int rank, const uint32_t *dim, int modulus);

/* Demands the code and that the message contains every one of the texts (NULL-terminated list). */
void files_expect_message(enum err got, enum err want, const char *const *texts);
#define EXPECT_MESSAGE(got, want, ...)                                                             \
    files_expect_message(got, want, (const char *const[]){__VA_ARGS__, NULL})

#endif
