/* The kernel files embedded at build time (cmake/embed.cmake). */
#ifndef DROPCL_BACKEND_KERNELS_H
#define DROPCL_BACKEND_KERNELS_H

struct kernel_file {
    const char *name; /* "dense.cl", "philox.h" */
    const char *text;
};

extern const struct kernel_file kernel_files[]; /* ends with a NULL name */

#endif
