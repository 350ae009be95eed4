/* A folder for each test, and a sample of tensors and metadata for the safetensors suites. */
#ifndef DROPCL_TESTS_DATA_TENSORS_H
#define DROPCL_TESTS_DATA_TENSORS_H

#include "data/safetensors.h"

enum { SAMPLE_TENSORS = 4, SAMPLE_METADATA = 3 };

/* Neither sorted by size nor by name; odd bits, odd characters. */
extern const struct tensor sample[SAMPLE_TENSORS];
extern const struct metadata sample_metadata[SAMPLE_METADATA];

void tensors_make_folder(void);
void tensors_remove_folder(void);
const char *tensors_folder(void);
const char *tensors_path(const char *name);            /* valid until the call after the next one */
char *tensors_content(const char *path, size_t *size); /* the caller frees */

/* The sample, written to `path`. */
void tensors_write_sample(const char *path);
void tensors_expect_same(const struct tensor *got, const struct tensor *want);
void tensors_expect_sample(const struct safetensors *);

#endif
