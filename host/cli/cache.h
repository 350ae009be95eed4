/* Where compiled kernels are kept between runs. */
#ifndef DROPCL_CLI_CACHE_H
#define DROPCL_CLI_CACHE_H

/* Gives POCL a folder of our own below the user's cache folder, unless the user chose one or it
 * cannot be made. Call before anything touches OpenCL. */
void cache_prepare(void);

#endif
