/* Backends run plans. `cpu` is the C reference, the oracle for bits; `opencl` is any OpenCL device.
 * Both answer the same calls; nothing above this header knows which one it talks to. A device and
 * what was made from it belong to one thread. Buffers are zeroed when made. */
#ifndef DROPCL_BACKEND_BACKEND_H
#define DROPCL_BACKEND_BACKEND_H

#include "base/err.h"
#include "plan/launch.h"
#include "plan/plan.h"

struct device;  /* an open device                                  */
struct buffer;  /* a block of device memory                        */
struct program; /* a plan bound to buffers and ready to run        */

enum device_kind { DEVICE_REFERENCE, DEVICE_CPU, DEVICE_GPU, DEVICE_OTHER };

/* What `devices` lists. */
struct device_info {
    char name[128], platform[128], driver[128], version[128];
    int platform_index, device_index; /* -1 for the reference */
    enum device_kind kind;
    int compute_units;
    size_t global_bytes, max_alloc_bytes, local_bytes, max_work_group;
    bool fma, denormals, exact_divide, fp64; /* what portable bits need, and double */
    bool portable; /* the driver promises fma, denormals and correctly rounded division and square
                      root. POCL and GPUs do; Oclgrind promises neither fma nor the last two, though
                      it computes the same bits: `compare` is the judge, this is what is known
                      before */
};

/* All devices, the reference last; *out is malloc'ed, the caller frees. No OpenCL platform is no
 * error: only the reference is listed. */
enum err device_list(struct device_info **out, int *count);

/* Chooses by the command line's rule: cpu | gpu | opencl | P:D | substring; NULL: the default.
 * ERR_DEVICE with the list of devices when nothing or several different ones match. Keywords and
 * the default take GPUs first, then CPUs, then the rest (accelerators, simulators), then the lowest
 * index. */
enum err device_find(const char *spec, struct device_info *out);

/* "A,B" split at the last comma that leaves two valid names; NULL: the reference and the default.
 * ERR_USAGE without a comma, else ERR_DEVICE. */
enum err device_find_two(const char *spec, struct device_info *a, struct device_info *b);

/* ERR_DEVICE for what cannot build our kernels, and for any OpenCL device in the double build. The
 * kernel family is CPU for OpenCL CPUs, GPU for all others; the environment's DROPCL_FAMILY (cpu,
 * gpu) forces one (ERR_USAGE for another word). */
enum err device_open(const struct device_info *, struct device **out);
void device_close(struct device *); /* NULL is fine; programs and buffers must be gone */
const struct device_info *device_about(const struct device *);
const struct caps *device_caps(const struct device *);

/* From now on, programs made on this device launch steps of this key in this way; NULL: in the
 * default way again. ERR_SYSTEM. */
enum err device_tune(struct device *, const char *key, const char *way);

/* ERR_SYSTEM naming the bytes asked for and the device's limits. */
enum err buffer_new(struct device *, size_t bytes, struct buffer **out);
void buffer_free(struct buffer *);
size_t buffer_size(const struct buffer *);
enum err buffer_write(struct buffer *, size_t offset, const void *data, size_t size); /* blocking */
enum err buffer_read(struct buffer *, size_t offset, void *data, size_t size);        /* blocking */
enum err buffer_copy(struct buffer *from, struct buffer *to); /* whole, same device and size */

/* Binds a plan: external[BUFFER_...] must be set where plan.buffer_bytes is not 0 (same device; an
 * averaged copy of the parameters can be bound instead of them). Builds kernels, allocates slots.
 * Borrows plan and buffers. */
enum err program_new(struct device *, const struct plan *, struct buffer *const *external,
                     struct program **out);
void program_free(struct program *);

/* Runs steps [first, last), repeat ranges included, with this CONTROL row. Does not wait. Of a
 * repeat range that is only partly inside, that part is repeated. */
enum err program_run(struct program *, int first, int last, uint32_t cursor);
/* Marks one optimizer step: waits until the device is at most `ahead` marks behind. */
enum err program_throttle(struct program *, int ahead);
enum err program_finish(struct program *);

/* Reads or writes one value of the plan, wherever it lives; whole tensors, blocking. */
enum err program_read(struct program *, int value, void *data);
enum err program_write(struct program *, int value, const void *data);

/* Runs like program_run, waiting after each launch, and sets seconds[i] of each step i in [first,
 * last) to the time it took, all its repeats together, on the device's own clock where it has one.
 * `seconds` has an entry for every step of the plan. */
enum err program_profile(struct program *, int first, int last, uint32_t cursor, double *seconds);
/* Kernel launches a step takes on this device; 0 on the reference. */
int program_launches(const struct program *, int step);
/* Why a step is launched with our own kernels though a library was chosen for it: the library
 * failed when it was tried. NULL: it is launched as chosen. Owned by the program. */
const char *program_fallback(const struct program *, int step);

/* The bits of dropout masks, computed on the device by kernels/mask.cl: `words` gets ceil(elements
 * / 32) words per sample, bit i of word i/32 set when element i is kept. limit, active:
 * control_words.h. counter3: domain << 28 | layer << 16 | aux. */
struct mask_query {
    uint64_t seed;
    uint32_t step, counter3, first_sample, samples, elements, limit, active;
};
enum err device_mask(struct device *, const struct mask_query *, uint32_t *words);

/* Kernel sources: the ones built in, or what a test put in their place (NULL restores them).
 * Both strings are borrowed until then. Programs made afterwards see the change. */
const char *kernel_source(const char *file); /* NULL when there is none */
void kernel_override(const char *file, const char *source);

#endif
