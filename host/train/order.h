/* Which rows are trained on, and in which order: the shuffle part of docs/masks.md. Row r of epoch
 * e has the Philox word at counter (r >> 2, 0, e, domain shuffle); rows are visited sorted by
 * (word, r). */
#ifndef DROPCL_TRAIN_ORDER_H
#define DROPCL_TRAIN_ORDER_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* The epoch number of the validation split. */
#define ORDER_SPLIT_EPOCH 0xffffffffu

/* A training set cut in two; both lists are in file order. */
struct order_split {
    uint32_t *train, *held;
    size_t ntrain, nheld;
};

/* Holds out the first `validation` rows in the order of the split's epoch; of the rest, in file
 * order, the first `limit` are trained on (0: all). ERR_RECIPE when nothing would be left to train
 * on. */
enum err order_split(uint64_t seed, size_t rows, size_t validation, size_t limit,
                     struct order_split *out);
void order_split_free(struct order_split *);

/* Sorts the `count` dataset rows of `from` into the order of `epoch`. ERR_SYSTEM. */
enum err order_epoch(uint64_t seed, uint32_t epoch, const uint32_t *from, size_t count,
                     uint32_t *to);

#endif
