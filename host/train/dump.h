/* Every value of one optimizer step, collected and written as one safetensors file. Tensors are in
 * the internal layouts and named as in the plan; of several micro-batches as "micro1/NAME". */
#ifndef DROPCL_TRAIN_DUMP_H
#define DROPCL_TRAIN_DUMP_H

#include "data/safetensors.h"
#include "plan/plan.h"

struct dump {
    struct tensor *tensors; /* names and data are owned */
    int count, capacity;
};

/* Copies; replaces a value of the same name unless `first_only`. micro -1: no prefix. ERR_SYSTEM.
 */
enum err dump_add(struct dump *, const struct value *, int micro, const void *data,
                  bool first_only);
/* Writes FOLDER/step-000012-SIDE.safetensors. */
enum err dump_write(const struct dump *, const char *folder, int64_t step, const char *side);
void dump_clear(struct dump *);

#endif
