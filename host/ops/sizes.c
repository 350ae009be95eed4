/* Sizes of launches that several operations share: on CPU devices groups of one work-item, on GPUs
 * of 64. */
#include "ops/internal.h"

enum { GROUP = 64 };

void sizes_shares(struct launch *l, const struct caps *caps, size_t n) {
    if (caps->cpu_family)
        launch_size(l, 1, (size_t[]){cpu_groups(n)}, (size_t[]){1});
    else
        launch_size(l, 1, (size_t[]){n}, (size_t[]){GROUP});
}

void sizes_rows(struct launch *l, const struct caps *caps, size_t rows, size_t features) {
    if (caps->cpu_family)
        launch_size(l, 1, (size_t[]){cpu_groups(rows)}, (size_t[]){1});
    else
        launch_size(l, 2, (size_t[]){divide_up(features, lanes(caps)), rows}, (size_t[]){GROUP, 1});
}

/* Groups take several rows where rows are short, so that no work-items idle. */
void sizes_grid(struct launch *l, const struct caps *caps, size_t columns, size_t rows,
                size_t planes) {
    size_t vectors = divide_up(columns, lanes(caps)), width = 1, height = 1;
    if (!caps->cpu_family) {
        while (width < vectors && width < GROUP) width *= 2;
        while (height < rows && width * height < GROUP) height *= 2;
    }
    launch_size(l, 3, (size_t[]){vectors, rows, planes}, (size_t[]){width, height, 1});
}
