/* The order in which the gradients of micro-batches are summed: a binary tree over their index, so
 * that later the shards of several devices can be leaves of the same tree. Like a binary counter:
 * level k holds the sum of 2^k neighbouring micro-batches while its sibling is being computed. */
#ifndef DROPCL_TRAIN_TREE_H
#define DROPCL_TRAIN_TREE_H

#include "backend/backend.h"

enum { TREE_MOVES = 33 };

/* What to do with the gradient after one micro-batch: fold some levels into it, then perhaps keep
 * it. */
struct tree_moves {
    int fold[TREE_MOVES - 1], nfold; /* gradient = partial[level] + gradient, in this order */
    int keep;                        /* partial[level] = gradient; -1: it is the whole sum  */
};

/* After micro-batch `index` of `count`. */
struct tree_moves tree_after(int index, int count);

/* Runs those moves as the plan's combine steps: fold 0..L-1, then keep 0..L-1. */
enum err tree_run(struct program *, const struct plan *, int index, int count, uint32_t cursor);

#endif
