#include "train/tree.h"

struct tree_moves tree_after(int index, int count) {
    struct tree_moves moves = {.keep = -1};
    bool last = index == count - 1;
    unsigned bits = (unsigned)index;
    int level = 0;
    /* A one bit is a waiting left sibling. In the middle only those of a completed subtree are
     * folded in (the trailing ones); at the end all that wait, smallest first. */
    for (; bits && (last || (bits & 1)); bits >>= 1, level++)
        if (bits & 1) moves.fold[moves.nfold++] = level;
    if (!last) moves.keep = level;
    return moves;
}

enum err tree_run(struct program *program, const struct plan *plan, int index, int count,
                  uint32_t cursor) {
    if (count == 1) return OK;
    struct tree_moves moves = tree_after(index, count);
    for (int k = 0; k < moves.nfold; k++) {
        int step = plan->combine + moves.fold[k];
        TRY(program_run(program, step, step + 1, cursor));
    }
    if (moves.keep < 0) return OK;
    int step = plan->combine + plan->partial_levels + moves.keep;
    return program_run(program, step, step + 1, cursor);
}
