/* The peak kernel against a C loop: the same chains of fused multiply-adds, by intrinsics, on as
 * many threads as the device has compute units. Both are measured in turn; the kernel must reach 95
 * % of the loop, or what `dropcl bench` calls a percentage of peak is none. The best of each
 * counts, because both are limits: on a shared machine the median says more about the neighbours.
 *
 * Usage: peak [DEVICE [ROUNDS]]; exit status 1 when the kernel is below 95 %, 77 when there is no
 * such loop for this processor or no CPU device. */
#include "backend/backend.h"
#include "base/clock.h"
#include "train/bench.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#if !defined(__x86_64__)
int main(void) {
    puts("skipped: the loop is written for x86-64");
    return 77;
}
#else
#include <immintrin.h>

enum { CHAINS = 12, WORKERS = 256 };
static const long ITERATIONS = 1000000; /* about 4 ms, as the windows of the kernel */
enum { TRIES = 128 };

struct work {
    pthread_barrier_t *start;
    void (*run)(struct work *);
    long iterations;
    double from, to;
    float result; /* read by nobody, but the compiler cannot know */
};

__attribute__((target("avx2,fma"))) static void loop_avx2(struct work *w) {
    __m256 x[CHAINS], scale = _mm256_set1_ps(0.999f), shift = _mm256_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) x[i] = _mm256_set1_ps(0.001f * (float)i);
    for (long k = 0; k < w->iterations; k++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) x[i] = _mm256_fmadd_ps(x[i], scale, shift);
    for (int i = 1; i < CHAINS; i++) x[0] = _mm256_add_ps(x[0], x[i]);
    w->result = _mm256_cvtss_f32(x[0]);
}

__attribute__((target("avx512f"))) static void loop_avx512(struct work *w) {
    __m512 x[CHAINS], scale = _mm512_set1_ps(0.999f), shift = _mm512_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) x[i] = _mm512_set1_ps(0.001f * (float)i);
    for (long k = 0; k < w->iterations; k++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) x[i] = _mm512_fmadd_ps(x[i], scale, shift);
    for (int i = 1; i < CHAINS; i++) x[0] = _mm512_add_ps(x[0], x[i]);
    w->result = _mm512_cvtss_f32(x[0]);
}

struct loop {
    const char *name;
    void (*run)(struct work *);
    int lanes;
};

static const struct loop loops[] = {{"AVX2", loop_avx2, 8}, {"AVX-512", loop_avx512, 16}};

static int usable(int i) {
    return i == 0 ? __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                  : __builtin_cpu_supports("avx512f");
}

static void *run_work(void *argument) {
    struct work *w = argument;
    pthread_barrier_wait(w->start);
    w->from = clock_seconds();
    w->run(w);
    w->to = clock_seconds();
    return NULL;
}

/* Operations per second of `threads` copies of the loop, from the first start to the last end. */
static double run_loop(const struct loop *loop, int threads) {
    pthread_t id[WORKERS];
    struct work work[WORKERS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        work[i] = (struct work){.start = &start, .run = loop->run, .iterations = ITERATIONS};
        if (pthread_create(&id[i], NULL, run_work, &work[i])) {
            fputs("peak: a thread cannot be started\n", stderr);
            exit(71);
        }
    }
    double from = INFINITY, to = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        from = fmin(from, work[i].from);
        to = fmax(to, work[i].to);
    }
    pthread_barrier_destroy(&start);
    return 2.0 * CHAINS * loop->lanes * (double)ITERATIONS * threads / (to - from);
}

static void ignore(const struct bench_row *row, void *user) {
    (void)row, (void)user;
}

static int fail(void) {
    fprintf(stderr, "peak: %s\n", err_message());
    return 71;
}

int main(int argc, char **argv) {
    struct device_info info;
    struct device *device = NULL;
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 7;
    if (device_find(argc > 1 ? argv[1] : "pocl", &info)) return fail();
    if (info.kind != DEVICE_CPU || info.compute_units > WORKERS || !usable(0)) {
        printf("skipped: %s is no CPU device with AVX2\n", info.name);
        return 77;
    }
    if (device_open(&info, &device)) return fail();
    const struct bench_options options = {.report = ignore};
    double kernel = 0, best = 0, one;
    printf("%s, %d threads\n%5s %14s %14s\n", info.name, info.compute_units, "round",
           "kernel GFLOP/s", "loop GFLOP/s");
    for (int r = 0; r < rounds; r++) {
        double c = 0;
        if (bench_peak(device, &options, &one)) return fail();
        for (int i = 0; i < TRIES; i++)
            if (usable(i % 2)) c = fmax(c, run_loop(&loops[i % 2], info.compute_units));
        printf("%5d %14.1f %14.1f\n", r, 1e-9 * one, 1e-9 * c);
        kernel = fmax(kernel, one);
        best = fmax(best, c);
    }
    device_close(device);
    printf("best: kernel %.1f, loop %.1f GFLOP/s: %.1f %%\n", 1e-9 * kernel, 1e-9 * best,
           100 * kernel / best);
    return kernel < 0.95 * best;
}
#endif
