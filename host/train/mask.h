/* Masks from their coordinates, made by the very step that training runs: a plan of the one layer,
 * on inputs of 1; masks of weights, on inputs that show them one row after the other. */
#ifndef DROPCL_TRAIN_MASK_H
#define DROPCL_TRAIN_MASK_H

#include "backend/backend.h"
#include "recipe/recipe.h"
#include "train/control.h"

struct mask_layer {
    const char *type;  /* of a layer that drops: "dropout2d"            */
    const char *more;  /* further attributes, ", size: 3"; "" for none  */
    struct ints shape; /* of a sample                                   */
    size_t elements;   /* decisions of a sample; 0: one for each of its elements */
    double rate;
    int number; /* its number in the contract                    */
    uint64_t seed;
    bool monte_carlo; /* masks of an evaluation's passes...             */
    uint32_t split;   /* ...over the rows of SPLIT_... (train/control.h) */
};

struct mask_maker {
    struct recipe *recipe;
    struct plan *plan;
    struct control control;
    struct buffer *buffer[BUFFER_EXTERNAL];
    struct program *program;
    int step;    /* that masks; -1: nothing is ever dropped */
    int samples; /* at once                                 */
    uint32_t split;
    size_t elements; /* of a sample                             */
    bool weights;    /* the masks of a layer's weights: [in][out], and the biases behind them */
    uint32_t *row;   /* CONTROL                                 */
    real *numbers;   /* 1 each, then the factors                */
};

/* Makes masks of `samples` samples at once. ERR_RECIPE for attributes that the layer refuses;
 * ERR_SYSTEM. Borrows the device. */
enum err mask_open(struct mask_maker *, struct device *, const struct mask_layer *, int samples);
void mask_close(struct mask_maker *);

/* What inputs of 1 become in samples first .. first + samples - 1 at an optimizer step
 * (Monte-Carlo: in dataset rows, at a pass): factors[samples][elements], the maker's own until the
 * next call. */
enum err mask_factors(struct mask_maker *, uint32_t step, uint32_t first, const real **factors);

/* The masks of the same: kept[samples][elements], 1 or 0. */
enum err mask_make(struct mask_maker *, uint32_t step, uint32_t first, uint8_t *kept);

#endif
