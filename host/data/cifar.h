/* The binary version of CIFAR-10: files without a header, of 10,000 records of 3073 bytes each: one
 * label, then 32 x 32 red, as many green and as many blue bytes, row by row. Plain or gzip.
 * Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". */
#ifndef DROPCL_DATA_CIFAR_H
#define DROPCL_DATA_CIFAR_H

#include "base/err.h"
#include <stdint.h>

enum {
    CIFAR_SIDE = 32,
    CIFAR_CHANNELS = 3,
    CIFAR_CLASSES = 10,
    CIFAR_ROWS = 10000, /* of one file */
    CIFAR_IMAGE = CIFAR_SIDE * CIFAR_SIDE * CIFAR_CHANNELS,
    CIFAR_RECORD = 1 + CIFAR_IMAGE
};

/* Reads a file that must have exactly `rows` records into images [rows][32][32][3], channels last,
 * and labels [rows]. ERR_MISSING; ERR_DATA naming the file and what is wrong: its size, bytes
 * behind the end, a label above 9; ERR_IO, ERR_SYSTEM. */
enum err cifar_read(const char *path, int rows, uint8_t *images, uint8_t *labels);

/* Reads the ten class names, one a line: printable ASCII, at most 63 characters each. *names:
 * CIFAR_CLASSES strings in one block of memory that the caller frees. Errors as above. */
enum err cifar_names(const char *path, const char ***names);

#endif
