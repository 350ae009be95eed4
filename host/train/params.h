/* Parameters: their first values by contract, and their layouts in files. Inside, tensors are
 * row-major with the output last (dense [in][out], conv [kh][kw][in][out]); files hold PyTorch's.
 */
#ifndef DROPCL_TRAIN_PARAMS_H
#define DROPCL_TRAIN_PARAMS_H

#include "plan/plan.h"

/* Fills flat[plan->stored] from the seed (docs/masks.md, "Initialisation"): uniform in +-bound with
 * bound sqrt(6 / fan_in) (He et al. 2015), sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010) or
 * sqrt(3 / fan_in) (LeCun et al. 1998); padding is 0. */
void params_init(const struct plan *, uint64_t seed, float *flat);

/* The shape of a parameter in a file; returns the rank. */
int params_file_shape(const struct plan *, const struct param *, int64_t shape[SHAPE_MAX]);

/* From the flat buffer to file[elements], and back. */
void params_to_file(const struct plan *, const struct param *, const float *flat, float *file);
void params_from_file(const struct plan *, const struct param *, const float *file, float *flat);

#endif
