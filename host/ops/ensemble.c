/* The passes of a Monte-Carlo evaluation (Gal, Ghahramani 2016) added up where they are computed,
 * so that only sums travel. Of each row of p [N][C], the probabilities of one pass, a record of 3 C
 * + 2 floats keeps: high[C] and low[C], the sum of p_c in two floats; votes[C], in how many passes
 * class c had the largest p (the lowest class on a tie); entropy[2], the sum of -sum_c p_c log p_c
 * in two floats.
 *
 * There is a record for each interval of passes, and CONTROL names the one that a pass counts into;
 * the first pass of an interval starts from 0, so nothing needs clearing. In two floats (Knuth's
 * TwoSum; Dekker 1971) an addition is good to some 2^-47 of the sum: 65536 passes lose nothing that
 * a probability's 24 bits would show. */
#include "ops/internal.h"
#include "ops/real_math.h"
#include <string.h>

static void add(real x, real *high, real *low) {
    real sum = *high + x, part = sum - *high;
    real rest = *low + ((*high - (sum - part)) + (x - part));
    *high = sum + rest;
    *low = rest - (*high - sum);
}

static void add_row(const real *p, int classes, real *record) {
    real *low = record + classes, *votes = low + classes, *entropy = votes + classes, h = 0;
    int best = 0;
    for (int c = 0; c < classes; c++) {
        if (p[c] > p[best]) best = c;
        if (p[c] > 0) h = REAL_FMA(p[c], REAL_LOG(p[c]), h); /* 0 log 0 is 0 */
        add(p[c], &record[c], &low[c]);
    }
    votes[best] += 1;
    add(-h, &entropy[0], &entropy[1]);
}

static void ensemble_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->in[0]].shape;
    int rows = shape->dim[0], classes = shape->dim[1];
    size_t width = 3 * (size_t)classes + 2;
    const real *p = run->data[s->in[0]];
    uint32_t interval = run->control[CONTROL_INTERVAL];
    real *record = (real *)run->data[s->out[0]] + (interval >> 1) * (size_t)rows * width;
    for (int n = 0; n < rows; n++, p += classes, record += width) {
        if (interval & 1) memset(record, 0, width * sizeof *record);
        add_row(p, classes, record);
    }
}

static void ensemble_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                            struct launch_list *list) {
    const struct shape *shape = &p->values[s->in[0]].shape;
    size_t rows = (size_t)shape->dim[0];
    struct launch *l = launch_new(list, "ensemble", "ensemble");
    launch_define(l, "-DROW=%d -DROWS=%zu -DCLASSES=%d", control_row_words(p), rows, shape->dim[1]);
    launch_value(l, s->in[0]);
    launch_value(l, s->out[0]);
    launch_value(l, p->control);
    launch_cursor(l);
    launch_size(l, 1, (size_t[]){caps->cpu_family ? cpu_groups(rows) : rows},
                (size_t[]){caps->cpu_family ? 1 : 64});
}

const struct op op_ensemble = {.name = "ensemble", .cpu = ensemble_cpu, .launch = ensemble_launch};
