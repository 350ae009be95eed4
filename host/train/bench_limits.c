/* The limits of a device, by kernels that do one thing only. */
#include "train/bench_private.h"
#include <math.h>

/* ---- arithmetic ---- */

/* A way to keep the arithmetic units busy. Which one does depends on the registers there are, so
 * all are tried and the best one counts. 8 lanes and 12 chains fill AVX2's 16 registers, 16 lanes
 * AVX-512's 32; a GPU hides latency by its work-items. */
struct peak {
    int width, chains;
    bool cpu_family;
    const char *name;
    size_t items, iterations; /* filled in for the device */
};

static const struct peak peaks[] = {
    {8, 8, true, "8 chains of float8", 0, 0},     {8, 10, true, "10 chains of float8", 0, 0},
    {8, 12, true, "12 chains of float8", 0, 0},   {16, 8, true, "8 chains of float16", 0, 0},
    {16, 12, true, "12 chains of float16", 0, 0}, {4, 2, false, "2 chains of float4", 0, 0},
    {4, 4, false, "4 chains of float4", 0, 0},    {4, 8, false, "8 chains of float4", 0, 0},
};

enum { PEAKS = sizeof peaks / sizeof peaks[0], GPU_GROUP = 256 };

static void peak_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    const struct peak *peak = s->attr;
    (void)p;
    struct launch *l = launch_new(list, "peak", "peak");
    launch_define(l, "-DWIDTH=%d -DCHAINS=%d -DITERATIONS=%zu", peak->width, peak->chains,
                  peak->iterations);
    launch_value(l, s->out[0]);
    launch_float(l, 0.999f);
    launch_float(l, 0.001f);
    launch_size(l, 1, &peak->items, (size_t[]){caps->cpu_family ? 1 : GPU_GROUP});
}

static const struct op op_peak = {.name = "peak", .launch = peak_launch};

static enum err measure_peak(struct device *d, const struct bench_options *o, struct peak peak,
                             struct bench_row *row) {
    /* Many groups, so that one processor being taken away for a moment does not cost a whole share.
     */
    size_t units = (size_t)device_caps(d)->compute_units;
    peak.items = peak.cpu_family ? 16 * units : 8 * units * GPU_GROUP;
    peak.iterations = peak.cpu_family ? 20000 : 2000;
    struct bed b;
    bed_init(&b, &op_peak, &peak);
    b.step.out[b.step.nout++] = bed_add(&b, "out", peak.items, (size_t)peak.width);
    TRY(bed_open(&b, d));
    enum err rc = bench_measure_limit(o, bed_run, &b, row);
    row->flops = 2.0 * peak.width * peak.chains * (double)(peak.items * peak.iterations);
    bed_close(&b);
    return rc;
}

enum err bench_peak(struct device *d, const struct bench_options *o, double *out) {
    *out = NAN;
    for (int i = 0; i < PEAKS; i++) {
        if (peaks[i].cpu_family != device_caps(d)->cpu_family) continue;
        struct bench_row row = bench_row("limit", "fma", peaks[i].name);
        TRY(measure_peak(d, o, peaks[i], &row));
        o->report(&row, o->user);
        if (!(*out > row.flops / row.best)) *out = row.flops / row.best;
    }
    return OK;
}

/* ---- memory ---- */

enum { COPY_BLOCK = 1024, COPY_CPU = 1 << 24, COPY_GPU = 1 << 26 }; /* vectors; floats a buffer */

static void copy_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                        struct launch_list *list) {
    size_t n = shape_elements(&p->values[s->in[0]].shape);
    struct launch *l = launch_new(list, "copy", "copy");
    launch_define(l, "-DBLOCK=%d", COPY_BLOCK);
    launch_value(l, s->in[0]);
    launch_value(l, s->out[0]);
    if (caps->cpu_family)
        launch_size(l, 1, (size_t[]){n / (16 * COPY_BLOCK)}, (size_t[]){1});
    else
        launch_size(l, 1, (size_t[]){n / 4}, (size_t[]){GPU_GROUP});
}

static const struct op op_copy = {.name = "copy", .launch = copy_launch};

static enum err measure_copy(struct device *d, const struct bench_options *o, const char *detail,
                             size_t floats, double *out) {
    struct bench_row row = bench_row("limit", "copy", detail);
    struct bed b;
    bed_init(&b, &op_copy, NULL);
    b.step.in[b.step.nin++] = bed_add(&b, "from", 1, floats);
    b.step.out[b.step.nout++] = bed_add(&b, "to", 1, floats);
    row.bytes = 2.0 * (double)(floats * sizeof(float));
    shape_text(&b.values[1].shape, row.shape);
    TRY(bed_open(&b, d));
    enum err rc = bench_measure_limit(o, bed_run, &b, &row);
    bed_close(&b);
    if (rc) return rc;
    o->report(&row, o->user);
    *out = row.bytes / row.best;
    return OK;
}

/* ---- launches ---- */

static void nothing_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    (void)p;
    (void)caps;
    struct launch *l = launch_new(list, "nothing", "nothing");
    launch_value(l, s->out[0]);
    launch_size(l, 1, (size_t[]){1}, (size_t[]){1});
}

static const struct op op_nothing = {.name = "nothing", .launch = nothing_launch};

static enum err run_and_wait(void *bed, int64_t runs) {
    for (int64_t i = 0; i < runs; i++) TRY(bed_run(bed, 1));
    return OK;
}

static enum err measure_launch(struct device *d, const struct bench_options *o,
                               struct bench_limits *out) {
    struct bench_row queued = bench_row("limit", "launch", "queued");
    struct bench_row waited = bench_row("limit", "launch", "waited for");
    struct bed b;
    bed_init(&b, &op_nothing, NULL);
    b.step.out[b.step.nout++] = bed_add(&b, "out", 1, 1);
    TRY(bed_open(&b, d));
    enum err rc = bench_measure(o, bed_run, &b, &queued);
    if (!rc) rc = bench_measure(o, run_and_wait, &b, &waited);
    bed_close(&b);
    if (rc) return rc;
    queued.launches = waited.launches = 1;
    o->report(&queued, o->user);
    o->report(&waited, o->user);
    out->launch = queued.seconds;
    out->wait = waited.seconds;
    return OK;
}

enum err bench_limits(struct device *d, const struct bench_options *o, struct bench_limits *out) {
    *out = (struct bench_limits){NAN, NAN, NAN, NAN};
    if (device_about(d)->kind == DEVICE_REFERENCE) {
        bench_note(o, "the C reference has no kernels: its limits are not measured");
        return OK;
    }
    size_t floats = device_caps(d)->cpu_family ? COPY_CPU : COPY_GPU;
    double in_cache;
    TRY(bench_peak(d, o, &out->flops));
    TRY(measure_copy(d, o, "memory", floats, &out->bytes));
    TRY(measure_copy(d, o, "cache", floats / 64, &in_cache));
    return measure_launch(d, o, out);
}
