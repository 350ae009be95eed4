/* The micro-batch tree: gradient = partial + gradient (fold), partial = gradient (keep). Flat f32
 * buffers. Sums over micro-batches form a binary tree over their index, so that shards of a batch
 * on several devices can later be added in the same order. */
#include "ops/internal.h"
#include <string.h>

static size_t length(const struct plan *p, const struct step *s) {
    return shape_elements(&p->values[s->out[0]].shape);
}

static void fold_cpu(const struct cpu_run *run, const struct step *s) {
    const real *partial = run->data[s->in[0]];
    real *gradient = run->data[s->out[0]];
    size_t n = length(run->plan, s);
    for (size_t i = 0; i < n; i++) gradient[i] = partial[i] + gradient[i];
}

static void keep_cpu(const struct cpu_run *run, const struct step *s) {
    memcpy(run->data[s->out[0]], run->data[s->in[0]], length(run->plan, s) * sizeof(real));
}

static void launch(const struct plan *p, const struct step *s, const struct caps *caps,
                   struct launch_list *list, const char *kernel) {
    struct launch *l = launch_new(list, "combine", kernel);
    size_t n = length(p, s) / lanes(caps); /* the flat length is a multiple of 256 */
    launch_define(l, "-DLENGTH=%zu", n);
    launch_value(l, s->in[0]);
    launch_value(l, s->out[0]);
    sizes_shares(l, caps, n);
}

static void fold_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    launch(p, s, caps, list, "fold");
}

static void keep_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    launch(p, s, caps, list, "keep");
}

const struct op op_fold = {.name = "fold", .cpu = fold_cpu, .launch = fold_launch};
const struct op op_keep = {.name = "keep", .cpu = keep_cpu, .launch = keep_launch};
