/* Windows of time. */
#include "base/clock.h"
#include "train/bench_private.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A window is long against the clock and against one wait for the device. Limits are sought in
 * many short ones: on a busy machine only a short one is ever undisturbed. */
struct windows {
    double seconds;
    int count;
};

enum { LEAST_WINDOWS = 3, WINDOWS_MAX = 64, MOST_RUNS = 100000 };
static const struct windows usual = {0.04, 9}, limit = {0.005, WINDOWS_MAX};
static const double MOST_SECONDS = 2;

struct bench_row bench_row(const char *section, const char *name, const char *detail) {
    return (struct bench_row){.section = section,
                              .name = name,
                              .detail = detail,
                              .seconds = NAN,
                              .best = NAN,
                              .processor = NAN,
                              .flops = NAN,
                              .bytes = NAN,
                              .samples = NAN,
                              .elements = NAN,
                              .launches = -1};
}

void bench_note(const struct bench_options *o, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (o->message) o->message(text, o->user);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static enum err time_runs(bench_work work, void *what, int64_t runs, double *seconds,
                          double *processor) {
    double start = clock_seconds(), processor_start = clock_processor_seconds();
    TRY(work(what, runs));
    *seconds = (clock_seconds() - start) / (double)runs;
    *processor = (clock_processor_seconds() - processor_start) / (double)runs;
    return OK;
}

/* What takes seconds (a library's first answer on an unsuitable device) gets fewer windows. */
static enum err measure(const struct bench_options *o, bench_work work, void *what,
                        const struct windows *want, struct bench_row *row) {
    double seconds[WINDOWS_MAX], processor[WINDOWS_MAX], once;
    TRY(work(what, 1));
    TRY(time_runs(work, what, o->steps ? o->steps : 1, &once, &processor[0]));
    double wanted = once > 0 ? want->seconds / once : MOST_RUNS;
    int64_t runs = wanted < 1 ? 1 : wanted > MOST_RUNS ? MOST_RUNS : (int64_t)wanted;
    if (o->steps) runs = o->steps;
    bool slow = o->steps || once * (double)runs * want->count > MOST_SECONDS;
    int windows = slow ? LEAST_WINDOWS : want->count;
    for (int w = 0; w < windows; w++) TRY(time_runs(work, what, runs, &seconds[w], &processor[w]));
    row->seconds = bench_median(seconds, windows);
    row->best = seconds[0];
    row->processor = bench_median(processor, windows);
    return OK;
}

enum err bench_measure(const struct bench_options *o, bench_work work, void *what,
                       struct bench_row *row) {
    return measure(o, work, what, &usual, row);
}

enum err bench_measure_limit(const struct bench_options *o, bench_work work, void *what,
                             struct bench_row *row) {
    return measure(o, work, what, &limit, row);
}
