/* Pointwise operations that found no producer: y = stages(x). x, y: any shape, [N][features]. */
#include "ops/internal.h"
#include <string.h>

static void pointwise_cpu(const struct cpu_run *run, const struct step *s) {
    memcpy(run->data[s->out[0]], run->data[s->in[0]], value_bytes(&run->plan->values[s->out[0]]));
}

static void pointwise_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                             struct launch_list *list) {
    const struct shape *shape = &p->values[s->out[0]].shape;
    struct launch *l = launch_new(list, "pointwise", "pointwise");
    size_t rows = (size_t)shape->dim[0], features = (size_t)shape_features(shape);
    launch_define(l, "-DROWS=%zu -DFEATURES=%zu", rows, features);
    launch_value(l, s->in[0]);
    launch_value(l, s->out[0]);
    stages_launch(p, s, l);
    sizes_rows(l, caps, rows, features);
}

const struct op op_pointwise = {
    .name = "pointwise", .producer = true, .cpu = pointwise_cpu, .launch = pointwise_launch};

/* y = x + e, the sum of two gradients of one value. */
static real add_point(const struct point *at, real x, real extra) {
    (void)at;
    return x + extra;
}

static void add_grad(struct plan *p, int i) {
    const struct step *s = &p->steps[i];
    int dy = plan_grad_of(p, s->out[0]), a = s->in[0], b = s->in[1];
    if (plan_needs_grad(p, a)) plan_grad_give(p, a, dy);
    if (plan_needs_grad(p, b)) plan_grad_give(p, b, dy);
}

const struct op op_add = {.name = "add", .point = add_point, .grad = add_grad, .piece = "add"};
