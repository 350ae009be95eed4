/* Matrix products one by one. */
#include "ops/gemm_ways.h"
#include "train/bench_private.h"
#include <stdio.h>

/* The products of an 784-256-128-10 network at batch 128 (forward, weights' gradient, input's
 * gradient), its first layer at other batches, and squares. */
struct form {
    struct gemm gemm;
    const char *letters;
};

static const struct form forms[] = {
    {{128, 256, 784, false, false}, "NN"},    {{784, 256, 128, true, false}, "TN"},
    {{128, 128, 256, false, false}, "NN"},    {{256, 128, 128, true, false}, "TN"},
    {{128, 256, 128, false, true}, "NT"},     {{128, 10, 128, false, false}, "NN"},
    {{128, 10, 128, true, false}, "TN"},      {{128, 128, 10, false, true}, "NT"},
    {{32, 256, 784, false, false}, "NN"},     {{784, 256, 32, true, false}, "TN"},
    {{1024, 256, 784, false, false}, "NN"},   {{784, 256, 1024, true, false}, "TN"},
    {{512, 512, 512, false, false}, "NN"},    {{1024, 1024, 1024, false, false}, "NN"},
    {{4096, 4096, 4096, false, false}, "NN"},
};

enum { FORMS = sizeof forms / sizeof forms[0] };

struct product {
    struct gemm gemm;
    const struct gemm_way *way; /* NULL: the reference */
};

static void product_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    const struct product *product = s->attr;
    const struct gemm_values v = {s->in[0], s->in[1], -1, s->out[0], -1};
    const struct gemm_parts parts = {p, s, caps, &product->gemm, &v, list};
    product->way->launch(&parts, product->way);
}

static void product_cpu(const struct cpu_run *run, const struct step *s) {
    const struct product *product = s->attr;
    gemm_cpu(&product->gemm, run->data[s->in[0]], run->data[s->in[1]], NULL, run->data[s->out[0]]);
}

static const struct op op_product = {
    .name = "product", .cpu = product_cpu, .launch = product_launch};

static void set_bed(struct bed *b, const struct product *product) {
    const struct gemm *g = &product->gemm;
    size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k;
    bed_init(b, &op_product, product);
    b->step.in[b->step.nin++] = bed_add(b, "a", g->a_transposed ? k : m, g->a_transposed ? m : k);
    b->step.in[b->step.nin++] = bed_add(b, "b", g->b_transposed ? n : k, g->b_transposed ? k : n);
    b->step.out[b->step.nout++] = bed_add(b, "c", m, n);
}

static enum err measure(struct device *d, const struct bench_options *o, const struct form *form,
                        const struct gemm_way *way) {
    const struct gemm *g = &form->gemm;
    const struct product product = {*g, way};
    struct bench_row row = bench_row("gemm", form->letters, way ? way->name : "reference");
    struct bed b;
    set_bed(&b, &product);
    snprintf(row.shape, sizeof row.shape, "%dx%dx%d", g->m, g->n, g->k);
    TRY(bed_open(&b, d));
    enum err rc = bench_measure(o, bed_run, &b, &row);
    struct cost cost = {0};
    gemm_cost(g, &cost);
    row.flops = cost.flops;
    row.bytes = 0;
    for (int v = 1; v < b.plan.nvalues; v++) row.bytes += (double)value_bytes(&b.values[v]);
    row.launches = program_launches(b.program, 0);
    bed_close(&b);
    if (!rc) o->report(&row, o->user);
    return rc;
}

/* What would take seconds a run: there it says nothing that a smaller one does not. */
static bool too_large(const struct device_info *d, const struct gemm *g) {
    struct cost cost = {0};
    gemm_cost(g, &cost);
    if (d->kind == DEVICE_REFERENCE) return cost.flops > 5e8;
    return d->kind != DEVICE_GPU && cost.flops > 1e10;
}

/* The plainest way is there to check the others; on large products its time is only a long wait. */
static bool too_slow(const struct device_info *d, const struct gemm *g,
                     const struct gemm_way *way) {
    struct cost cost = {0};
    gemm_cost(g, &cost);
    return way->launch == gemm_launch_simple && d->kind != DEVICE_GPU && cost.flops > 1e8;
}

static enum err measure_ways(struct device *d, const struct bench_options *o,
                             const struct form *form) {
    const struct gemm_way *ways[GEMM_WAYS];
    struct caps all = *device_caps(d);
    all.gemm_any = true; /* the library as a row for comparison */
    int n = gemm_ways(&all, &form->gemm, ways);
    for (int w = 0; w < n; w++) {
        if (too_slow(device_about(d), &form->gemm, ways[w])) continue;
        enum err rc = measure(d, o, form, ways[w]);
        if (rc && ways[w]->launch != gemm_launch_library) return rc;
        if (rc) bench_note(o, "no figure for %s: %s", ways[w]->name, err_message());
    }
    return OK;
}

enum err bench_gemm(struct device *d, const struct bench_options *o) {
    bool reference = device_about(d)->kind == DEVICE_REFERENCE;
    for (int f = 0; f < FORMS; f++) {
        if (too_large(device_about(d), &forms[f].gemm)) continue;
        TRY(reference ? measure(d, o, &forms[f], NULL) : measure_ways(d, o, &forms[f]));
    }
    return OK;
}
