/* Convolutions one by one. */
#include "ops/conv2d.h"
#include "train/bench_private.h"
#include <stdio.h>

/* 3 x 3 windows over maps as networks for 32 x 32 pictures have them: the first layer, inner ones
 * of 64 and 128 channels, and a small one. */
static const struct form {
    int n, side, c, f;
} forms[] = {
    {128, 32, 3, 64},   {32, 32, 64, 64},   {128, 16, 64, 64},
    {32, 16, 128, 128}, {128, 8, 128, 128}, {16, 8, 64, 64},
};

enum { FORMS = sizeof forms / sizeof *forms, KERNEL = 3 };

static const char *const names[] = {"conv2d", "conv2d_dx", "conv2d_dw"};

/* The attribute of the step: one pass, and the way to launch it; none on the reference. */
struct convolution {
    struct conv2d_work work;
    struct tuned chosen;
};

static void convolution_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                               struct launch_list *list) {
    const struct convolution *c = s->attr;
    struct tuned chosen = c->chosen;
    const struct tuning tuning = {&chosen, 1};
    struct caps forced = *caps;
    forced.tuning = &tuning;
    conv2d_launch(p, s, &forced, &c->work, list);
}

static void convolution_cpu(const struct cpu_run *run, const struct step *s) {
    const struct convolution *c = s->attr;
    const struct conv2d *g = &c->work.g;
    const real *a = run->data[c->work.a], *b = run->data[c->work.b];
    real *out = run->data[c->work.c];
    if (c->work.pass == CONV2D_FORWARD)
        conv2d_cpu(g, a, b, NULL, out);
    else if (c->work.pass == CONV2D_DX)
        conv2d_cpu_dx(g, a, b, out);
    else
        conv2d_cpu_dw(g, a, b, out, NULL);
}

static const struct op op_convolution = {
    .name = "convolution", .cpu = convolution_cpu, .launch = convolution_launch};

/* Values 1, 2 and 3 of the bed; bed_of adds them in this order. */
static struct conv2d_work work_of(const struct form *f, enum conv2d_pass pass) {
    struct conv2d_work w = {.g = {.n = f->n, .c = f->c, .f = f->f},
                            .pass = pass,
                            .a = 1,
                            .b = 2,
                            .c = 3,
                            .bias = -1,
                            .db = -1};
    for (int axis = 0; axis < 2; axis++) window_axis(f->side, KERNEL, 1, PAD_SAME, &w.g.at[axis]);
    return w;
}

static void bed_of(struct bed *b, const struct convolution *c, const struct form *f) {
    size_t pixels = (size_t)f->n * (size_t)f->side * (size_t)f->side;
    size_t x[] = {pixels, (size_t)f->c}, y[] = {pixels, (size_t)f->f};
    size_t w[] = {KERNEL * KERNEL * (size_t)f->c, (size_t)f->f};
    const size_t *const a[] = {x, y, x}, *const with[] = {w, w, y}, *const out[] = {y, x, w};
    enum conv2d_pass pass = c->work.pass;
    bed_init(b, &op_convolution, c);
    b->step.in[b->step.nin++] = bed_add(b, "a", a[pass][0], a[pass][1]);
    b->step.in[b->step.nin++] = bed_add(b, "b", with[pass][0], with[pass][1]);
    b->step.out[b->step.nout++] = bed_add(b, "c", out[pass][0], out[pass][1]);
}

static enum err measure(struct device *d, const struct bench_options *o, const struct form *f,
                        const struct convolution *c) {
    const char *way = *c->chosen.way ? c->chosen.way : "reference";
    struct bench_row row = bench_row("conv", names[c->work.pass], way);
    struct bed b;
    bed_of(&b, c, f);
    snprintf(row.shape, sizeof row.shape, "%dx%dx%dx%d %dx%dx%d", f->n, f->side, f->side, f->c,
             KERNEL, KERNEL, f->f);
    TRY(bed_open(&b, d));
    enum err rc = bench_measure(o, bed_run, &b, &row);
    struct cost cost = {0};
    conv2d_cost(&c->work, &cost);
    row.flops = cost.flops;
    row.bytes = 0;
    for (int v = 1; v < b.plan.nvalues; v++) row.bytes += (double)value_bytes(&b.values[v]);
    row.launches = program_launches(b.program, 0);
    bed_close(&b);
    if (!rc) o->report(&row, o->user);
    return rc;
}

/* As among the products: what would take seconds a run says nothing that a smaller one does not. */
static bool too_slow(const struct device_info *d, const struct conv2d_work *w, bool plainest) {
    struct cost cost = {0};
    conv2d_cost(w, &cost);
    return d->kind != DEVICE_GPU && plainest && cost.flops > 1e8;
}

static enum err measure_ways(struct device *d, const struct bench_options *o, const struct form *f,
                             const struct conv2d_work *w) {
    struct step_ways ways;
    conv2d_step_ways(&(struct step){0}, device_caps(d), w, &ways);
    for (int i = 0; i < ways.count; i++) {
        struct convolution c = {.work = *w};
        if (too_slow(device_about(d), w, i == 0 && ways.count > 1)) continue;
        snprintf(c.chosen.key, sizeof c.chosen.key, "%s", ways.key);
        snprintf(c.chosen.way, sizeof c.chosen.way, "%s", ways.name[i]);
        TRY(measure(d, o, f, &c));
    }
    return OK;
}

enum err bench_conv(struct device *d, const struct bench_options *o) {
    bool reference = device_about(d)->kind == DEVICE_REFERENCE;
    for (int i = 0; i < FORMS * 3; i++) {
        const struct form *f = &forms[i / 3];
        struct convolution c = {.work = work_of(f, (enum conv2d_pass)(i % 3))};
        if (f->c == 3 && c.work.pass == CONV2D_DX) continue; /* pictures have no gradient */
        if (reference && too_slow(device_about(d), &c.work, true)) continue;
        TRY(reference ? measure(d, o, f, &c) : measure_ways(d, o, f, &c.work));
    }
    return OK;
}
