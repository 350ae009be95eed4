/* DropConnect's launches: one forward, one backward, in which dx, dW and db share the masks that
 * are drawn. */
#include "ops/dropconnect.h"

/* Samples or rows of a group, as the kernels have them. */
enum {
    BLOCK = 128,
    CPU_SAMPLES = 16,
    CPU_ROWS = 16,
    GPU_GROUP = 128,
    GPU_SAMPLES = 8,
    GPU_ROWS = 8
};

static struct launch *start(const struct plan *p, const struct step *s, const struct caps *caps,
                            const char *kernel, bool gradient, struct launch_list *list) {
    struct dropconnect_shape g = dropconnect_shape_of(p, s);
    const char *file = caps->cpu_family ? "dropconnect_cpu" : "dropconnect_gpu";
    struct launch *l = launch_new(list, file, kernel);
    launch_piece(l, "dropconnect_common");
    launch_define(l, "-DBATCH=%d -DIN=%d -DOUT=%d -DBIAS=%d", g.batch, g.in, g.out, g.bias);
    launch_define(l, "-DGRAD=%d -DDX=%d", gradient, gradient && g.dx);
    launch_define(l, "-DLAYER_AT=%d -DCOUNTER3=%uu", CONTROL_LAYERS + CONTROL_LAYER * s->draw,
                  draws_counter(p, s->draw, DOMAIN_WEIGHTS));
    return l;
}

void dropconnect_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    struct dropconnect_shape g = dropconnect_shape_of(p, s);
    struct launch *l = start(p, s, caps, "dropconnect", false, list);
    launch_value(l, s->in[0]);
    launch_value(l, s->in[1]);
    launch_value(l, s->out[0]);
    if (g.bias) launch_value(l, s->in[2]);
    stages_launch(p, s, l);
    size_t items = caps->cpu_family ? 1 : GPU_GROUP;
    size_t samples = caps->cpu_family ? CPU_SAMPLES : GPU_SAMPLES;
    launch_size(
        l, 2,
        (size_t[]){divide_up((size_t)g.out, BLOCK) * items, divide_up((size_t)g.batch, samples)},
        (size_t[]){items, 1});
}

void dropconnect_grad_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                             struct launch_list *list) {
    struct dropconnect_shape g = dropconnect_shape_of(p, s);
    struct launch *l = start(p, s, caps, "dropconnect_grad", true, list);
    launch_value(l, s->in[0]);
    launch_value(l, s->in[1]);
    launch_value(l, s->out[g.dx]);
    if (g.bias) launch_value(l, s->out[g.dx + 1]);
    if (g.dx) launch_value(l, s->in[2]);
    if (g.dx) launch_value(l, s->out[0]);
    stages_launch(p, s, l);
    size_t items = caps->cpu_family ? 1 : GPU_GROUP;
    size_t rows = caps->cpu_family ? CPU_ROWS : GPU_ROWS;
    launch_size(l, 1, (size_t[]){divide_up((size_t)(g.in + g.bias), rows) * items},
                (size_t[]){items});
}
