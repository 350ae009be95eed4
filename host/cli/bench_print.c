/* The rows of `dropcl bench`, for people and for programs. */
#include "cli/bench_private.h"
#include "cli/event.h"
#include <math.h>
#include <string.h>

/* What a row's numbers come to. */
struct rates {
    double gflops, gbytes, peak, copy, samples, ns;
};

static struct rates rates_of(const struct bench_printer *p, const struct bench_row *r) {
    /* a limit is what was reached at best, everything else what is usual */
    bool limit = !strcmp(r->section, "limit");
    double seconds = limit ? r->best : r->seconds;
    double flops = r->flops > 0 ? r->flops / seconds : NAN;
    double bytes = r->bytes > 0 ? r->bytes / seconds : NAN;
    return (struct rates){.gflops = flops * 1e-9,
                          .gbytes = bytes * 1e-9,
                          .peak = limit ? NAN : 100 * flops / p->limits.flops,
                          .copy = limit ? NAN : 100 * bytes / p->limits.bytes,
                          .samples = r->samples / seconds,
                          .ns = 1e9 * seconds * p->cores / r->elements};
}

static void print_json(const struct bench_printer *p, const struct bench_row *r) {
    struct rates rates = rates_of(p, r);
    struct event line = event_new("bench");
    event_text(&line, "section", r->section);
    event_text(&line, "name", r->name);
    event_text(&line, "detail", r->detail);
    event_text(&line, "shape", *r->shape ? r->shape : NULL);
    event_real(&line, "seconds", r->seconds);
    event_real(&line, "best_seconds", r->best);
    event_real(&line, "processor_seconds", r->processor);
    event_real(&line, "gflops", rates.gflops);
    event_real(&line, "gbytes_per_second", rates.gbytes);
    event_real(&line, "peak_percent", rates.peak);
    event_real(&line, "copy_percent", rates.copy);
    event_real(&line, "samples_per_second", rates.samples);
    event_real(&line, "ns_per_element", rates.ns);
    if (r->launches < 0)
        event_text(&line, "launches", NULL);
    else
        event_integer(&line, "launches", r->launches);
    event_write(&line, stdout);
    event_free(&line);
}

static void print_number(double x, int width, int digits) {
    if (isfinite(x))
        printf(" %*.*f", width, digits, x);
    else
        printf(" %*s", width, "-");
}

static void print_head(const struct bench_row *r) {
    printf("\n%-34s %-16s %-20s %11s %11s %11s %9s %6s %8s %6s %8s %9s\n", r->section, "", "shape",
           "us", "best us", "cpu us", "GFLOP/s", "% peak", "GB/s", "% copy", "launches",
           strcmp(r->section, "dropout") ? "samples/s" : "ns*core");
}

static void print_text(struct bench_printer *p, const struct bench_row *r) {
    struct rates rates = rates_of(p, r);
    if (strcmp(p->section, r->section) != 0) {
        snprintf(p->section, sizeof p->section, "%s", r->section);
        print_head(r);
    }
    printf("%-34s %-16s %-20s", r->name, r->detail ? r->detail : "", r->shape);
    print_number(1e6 * r->seconds, 11, 1);
    print_number(1e6 * r->best, 11, 1);
    print_number(1e6 * r->processor, 11, 1);
    print_number(rates.gflops, 9, 2);
    print_number(rates.peak, 6, 1);
    print_number(rates.gbytes, 8, 2);
    print_number(rates.copy, 6, 1);
    print_number(r->launches < 0 ? NAN : (double)r->launches, 8, 0);
    bool dropout = isfinite(rates.ns);
    print_number(dropout ? rates.ns : rates.samples, 9, dropout ? 2 : 0);
    putchar('\n');
    fflush(stdout);
}

void bench_print_row(struct bench_printer *p, const struct bench_row *r) {
    if (p->json)
        print_json(p, r);
    else
        print_text(p, r);
}
