#include "train/passes.h"

int passes_ends(int passes, int end[PASSES_POINTS]) {
    static const int step[] = {1, 2, 5};
    int n = 0;
    for (int ten = 1; ten < passes; ten *= 10)
        for (int i = 0; i < 3 && ten * step[i] < passes; i++) end[n++] = ten * step[i];
    end[n++] = passes;
    return n;
}

int passes_interval(const int *end, int k) {
    int i = 0;
    while (k >= end[i]) i++;
    return i;
}

int passes_opens(const int *end, int k) {
    int i = passes_interval(end, k);
    return k == (i ? end[i - 1] : 0);
}
