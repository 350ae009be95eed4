/* Matrix products of `dropcl bench` against OpenBLAS, in turn, window by window, in one process:
 * own kernel, CLBlast, OpenBLAS at one thread and at as many as the device has. Prints the medians
 * and, for the own kernel over the faster OpenBLAS of the same round, the ratio with its spread.
 *
 * Usage: gemm_vs_openblas [DEVICE [ROUNDS]] */
#include "backend/backend.h"
#include "base/clock.h"
#include "train/bench.h"
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, ROUNDS_MAX = 64 };
static const double WINDOW = 0.04; /* seconds, as bench's */

struct row {
    char shape[64], letters[8];
    double flops;
    int own, library; /* filled rounds */
    double best;      /* of our ways in this round so far */
    double ours[ROUNDS_MAX], clblast[ROUNDS_MAX], blas[ROUNDS_MAX], ratio[ROUNDS_MAX];
    int threads[ROUNDS_MAX]; /* of the faster OpenBLAS */
};

struct table {
    struct row rows[ROWS];
    int count, threads;
};

extern void openblas_set_num_threads(int);

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    if (!count) return NAN;
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static float *numbers(size_t n) {
    float *x = malloc(n * sizeof *x);
    if (!x) exit(71);
    for (size_t i = 0; i < n; i++) x[i] = (float)(i * 2654435761u % 1024) / 512 - 1;
    return x;
}

struct operands {
    int m, n, k;
    bool ta, tb;
    float *a, *b, *c;
};

static double time_runs(const struct operands *o, int runs) {
    double start = clock_seconds();
    for (int r = 0; r < runs; r++)
        cblas_sgemm(CblasRowMajor, o->ta ? CblasTrans : CblasNoTrans,
                    o->tb ? CblasTrans : CblasNoTrans, o->m, o->n, o->k, 1, o->a,
                    o->ta ? o->m : o->k, o->b, o->tb ? o->k : o->n, 0, o->c, o->n);
    return (clock_seconds() - start) / runs;
}

/* Median of nine windows, as bench measures its own. */
static double measure_blas(const struct operands *o) {
    double seconds[9];
    time_runs(o, 1);
    double once = time_runs(o, 1), runs = fmin(fmax(WINDOW / once, 1), 100000);
    for (int w = 0; w < 9; w++) seconds[w] = time_runs(o, (int)runs);
    return median(seconds, 9);
}

static double best_blas(const struct row *r, int most, int *threads) {
    struct operands o = {.ta = r->letters[0] == 'T', .tb = r->letters[1] == 'T'};
    if (sscanf(r->shape, "%dx%dx%d", &o.m, &o.n, &o.k) != 3) exit(71);
    o.a = numbers((size_t)o.m * (size_t)o.k);
    o.b = numbers((size_t)o.k * (size_t)o.n);
    o.c = numbers((size_t)o.m * (size_t)o.n);
    double best = INFINITY;
    for (int t = 1; t <= most; t++) {
        openblas_set_num_threads(t);
        double seconds = measure_blas(&o);
        if (seconds < best) best = seconds, *threads = t;
    }
    free(o.a);
    free(o.b);
    free(o.c);
    return best;
}

static struct row *find(struct table *t, const struct bench_row *row) {
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->rows[i].shape, row->shape) && !strcmp(t->rows[i].letters, row->name))
            return &t->rows[i];
    if (t->count == ROWS) exit(71);
    struct row *new = &t->rows[t->count++];
    snprintf(new->shape, sizeof new->shape, "%s", row->shape);
    snprintf(new->letters, sizeof new->letters, "%s", row->name);
    new->flops = row->flops;
    return new;
}

/* Our ways come first and the library last: then it is the peer's turn, against the best of ours,
 * which is what the tuner would choose. */
static void on_row(const struct bench_row *row, void *user) {
    struct table *t = user;
    struct row *r = find(t, row);
    if (strcmp(row->detail, "clblast") != 0) {
        if (!r->best || row->seconds < r->best) r->best = row->seconds;
        return;
    }
    if (r->own == ROUNDS_MAX) return;
    int i = r->own++;
    r->clblast[r->library++] = row->seconds;
    r->ours[i] = r->best;
    r->best = 0;
    r->blas[i] = best_blas(r, t->threads, &r->threads[i]);
    r->ratio[i] = r->blas[i] / r->ours[i];
}

static void print(struct row *r) {
    double ours = median(r->ours, r->own), blas = median(r->blas, r->own);
    double library = median(r->clblast, r->library), ratio = median(r->ratio, r->own);
    printf("%-15s %-3s %9.1f %9.1f %9.1f   %5.2f  (%.2f to %.2f, %d rounds)\n", r->shape,
           r->letters, 1e-9 * r->flops / ours, 1e-9 * r->flops / library, 1e-9 * r->flops / blas,
           ratio, r->ratio[0], r->ratio[r->own - 1], r->own);
}

int main(int argc, char **argv) {
    static struct table table;
    struct device_info info;
    struct device *device = NULL;
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    if (rounds < 1 || rounds > ROUNDS_MAX) rounds = 5;
    enum err rc = device_find(argc > 1 ? argv[1] : "pocl", &info);
    if (!rc) rc = device_open(&info, &device);
    table.threads = info.kind == DEVICE_CPU ? info.compute_units : 1;
    const struct bench_options options = {.report = on_row, .user = &table};
    for (long r = 0; r < rounds && !rc; r++) rc = bench_gemm(device, &options);
    device_close(device);
    if (rc) {
        fprintf(stderr, "gemm_vs_openblas: %s\n", err_message());
        return (int)rc;
    }
    printf("%s, OpenBLAS up to %d threads, GFLOP/s\n%-15s %-3s %9s %9s %9s   %s\n", info.name,
           table.threads, "m x n x k", "", "dropcl", "CLBlast", "OpenBLAS",
           "dropcl / OpenBLAS (spread)");
    for (int i = 0; i < table.count; i++) print(&table.rows[i]);
    return 0;
}
