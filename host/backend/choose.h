/* Choosing a device by what the user wrote: pure functions of a list of devices. */
#ifndef DROPCL_BACKEND_CHOOSE_H
#define DROPCL_BACKEND_CHOOSE_H

#include "backend/backend.h"

/* cpu | gpu | opencl | P:D | part of a device or platform name, in that order and in any case; NULL
 * is the default: a GPU, else another OpenCL device, else the reference. Where several fit a
 * keyword, the lowest index wins. ERR_DEVICE with the list when a text matches nothing or several
 * different devices; of identical ones the lowest index wins. */
enum err choose_device(const struct device_info *list, int count, const char *spec, int *index);

/* "A,B", split at the last comma that leaves two valid names; names may hold commas themselves.
 * NULL: the reference and the default. ERR_USAGE without a comma, ERR_DEVICE as above. */
enum err choose_two(const struct device_info *list, int count, const char *spec, int *a, int *b);

#endif
