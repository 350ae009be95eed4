/* The first step of every plan: picks the rows of a batch from the resident dataset and normalises.
 * x[n][h][w][c] = fma(byte, scale[c], shift[c]) of row order[first + n]; label[n] is that row's
 * label. images u8 [rows][H*W*C], labels u8 [rows], order u32, norm f32 [2][C], x f32 [N][H][W][C],
 * label u32 [N]. */
#include "ops/internal.h"

static void gather_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    size_t features = (size_t)shape_features(shape), channels = (size_t)shape->dim[shape->rank - 1];
    const uint8_t *images = run->data[s->in[0]], *labels = run->data[s->in[1]];
    const uint32_t *order = run->data[s->in[2]];
    const real *scale = run->data[s->in[3]], *shift = scale + channels;
    real *x = run->data[s->out[0]];
    uint32_t *label = run->data[s->out[1]];
    for (size_t n = 0; n < (size_t)shape->dim[0]; n++) {
        uint32_t row = order[run->control[CONTROL_FIRST] + n];
        label[n] = labels[row];
        for (size_t i = 0; i < features; i++)
            x[n * features + i] = REAL_FMA((real)images[row * features + i], scale[i % channels],
                                           shift[i % channels]);
    }
}

static void gather_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                          struct launch_list *list) {
    const struct shape *shape = &p->values[s->out[0]].shape;
    struct launch *l = launch_new(list, "gather", "gather");
    size_t rows = (size_t)shape->dim[0], features = (size_t)shape_features(shape);
    launch_define(l, "-DROW=%d -DROWS=%zu -DFEATURES=%zu -DCHANNELS=%d", control_row_words(p), rows,
                  features, shape->dim[shape->rank - 1]);
    for (int i = 0; i < 4; i++) launch_value(l, s->in[i]);
    launch_value(l, s->out[0]);
    launch_value(l, s->out[1]);
    launch_value(l, p->control);
    launch_cursor(l);
    if (caps->cpu_family)
        launch_size(l, 1, (size_t[]){cpu_groups(rows)}, (size_t[]){1});
    else
        launch_size(l, 2, (size_t[]){divide_up(features, lanes(caps)), rows}, (size_t[]){64, 1});
}

const struct op op_gather = {.name = "gather", .cpu = gather_cpu, .launch = gather_launch};
