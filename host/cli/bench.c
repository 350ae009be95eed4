/* dropcl bench: what this device can do, and how much of it a recipe gets. */
#include "base/clock.h"
#include "cli/bench_private.h"
#include "cli/event.h"
#include "cli/recipe.h"
#include <math.h>
#include <string.h>

#define arguments bench_arguments
static const struct option options[] = {
    /* clang-format off */
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION_SET,
    OPTION(NUMBER, steps, "N", "N runs in every window, instead of as many as give it a length",
           .min = 1, .max = 1000000),
    OPTION(WORDS, only, "PART", "measure only this part; may be repeated (see below)"),
    OPTION(FLAG, tune, NULL, "choose kernels by timing them again, whatever is kept"),
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};
#undef arguments

enum part {
    LIMITS = 1,
    GEMM = 2,
    DROPOUT = 4,
    START = 8,
    TRAIN = 16,
    INFER = 32,
    STEPS = 64,
    OPEN = 128,
    CONV = 256,
    RATES = TRAIN | INFER,
    WITHOUT_RECIPE = LIMITS | GEMM | CONV | DROPOUT,
    WITH_RECIPE = LIMITS | START | RATES | STEPS,
};

static const struct {
    const char *word;
    int part;
} words[] = {{"limits", LIMITS}, {"gemm", GEMM},   {"conv", CONV},   {"dropout", DROPOUT},
             {"start", START},   {"rates", RATES}, {"train", TRAIN}, {"infer", INFER},
             {"steps", STEPS},   {"open", OPEN}};

enum { WORDS = sizeof words / sizeof words[0] };

/* Of what was asked for, only what makes sense: a recipe has rates, none has matrix products. */
static int read_parts(const struct bench_arguments *a, int *parts) {
    int allowed = a->recipe ? WITH_RECIPE | OPEN | DROPOUT | CONV | GEMM : WITHOUT_RECIPE;
    *parts = a->only.count ? 0 : a->recipe ? WITH_RECIPE : WITHOUT_RECIPE;
    for (int i = 0; i < a->only.count; i++) {
        int found = 0;
        for (int k = 0; k < WORDS; k++)
            if (!strcmp(words[k].word, a->only.at[i])) found = words[k].part;
        if (!found)
            return cli_fail(STATUS_USAGE,
                            "bench: --only wants limits, gemm, conv, dropout, start, rates, train, "
                            "infer, steps or open, not '%s'",
                            a->only.at[i]);
        if (!(found & allowed))
            return cli_fail(STATUS_USAGE, "bench: --only %s needs a recipe", a->only.at[i]);
        *parts |= found;
    }
    return 0;
}

struct run {
    const struct bench_arguments *arguments;
    struct bench_options options;
    struct bench_printer printer;
    struct recipe *recipe;
    struct device_info info;
    struct bench_summary summary;
    int parts;
};

static void on_row(const struct bench_row *row, void *user) {
    bench_print_row(&((struct run *)user)->printer, row);
}

/* A start that is measured says nothing: the one who measures it does. */
static void on_message(const char *text, void *user) {
    if (((struct run *)user)->parts != OPEN) fprintf(stderr, "note: %s\n", text);
}

/* What needs a device but no recipe. */
static enum err measure_device(struct run *run) {
    struct device *device = NULL;
    if (!(run->parts & WITHOUT_RECIPE)) return OK;
    TRY(device_open(&run->info, &device));
    enum err rc = OK;
    if (run->parts & LIMITS) rc = bench_limits(device, &run->options, &run->printer.limits);
    if (!rc && run->parts & GEMM) rc = bench_gemm(device, &run->options);
    if (!rc && run->parts & CONV) rc = bench_conv(device, &run->options);
    if (!rc && run->parts & DROPOUT) rc = bench_dropout(device, &run->options);
    device_close(device);
    return rc;
}

static enum err measure_recipe(struct run *run, double age, double at) {
    int parts = (run->parts & TRAIN ? BENCH_TRAIN : 0) | (run->parts & INFER ? BENCH_INFER : 0) |
                (run->parts & STEPS ? BENCH_STEPS : 0) | (run->parts & OPEN ? BENCH_OPEN : 0);
    if (!parts) return OK;
    return bench_recipe(run->arguments->device, run->recipe, &run->options, parts, age, at,
                        &run->summary);
}

static void print_end(const struct run *run) {
    const struct bench_limits *limits = &run->printer.limits;
    const struct bench_summary *s = &run->summary;
    struct event line = event_new("end");
    event_text(&line, "device", run->info.name);
    event_text(&line, "driver", run->info.driver);
    event_integer(&line, "compute_units", run->info.compute_units);
    event_text(&line, "recipe", run->recipe ? run->recipe->model.name : NULL);
    event_bool(&line, "random_data", s->random_data);
    event_integer(&line, "batch", s->batch);
    event_integer(&line, "launches", s->launches);
    event_real(&line, "train_samples_per_second", s->train);
    event_real(&line, "infer_samples_per_second", s->infer);
    event_real(&line, "milliseconds_per_step", 1000 * s->batch / s->train);
    event_real(&line, "peak_gflops", 1e-9 * limits->flops);
    event_real(&line, "copy_gbytes_per_second", 1e-9 * limits->bytes);
    event_real(&line, "launch_seconds", limits->launch);
    event_real(&line, "wait_seconds", limits->wait);
    event_write(&line, stdout);
    event_free(&line);
}

static void print_summary(const struct run *run) {
    const struct bench_summary *s = &run->summary;
    if (!isfinite(s->train) && !isfinite(s->infer)) return;
    putchar('\n');
    if (isfinite(s->train))
        printf("%-24s %.0f samples/s, %.3f ms per step of %d, %d launches\n", "training", s->train,
               1000 * s->batch / s->train, s->batch, s->launches);
    if (isfinite(s->infer)) printf("%-24s %.0f samples/s\n", "inference", s->infer);
    if (s->random_data) printf("%-24s %s\n", "data", "random bytes");
}

static int run_bench(const void *words_given) {
    double age = bench_process_age(), at = clock_seconds();
    const struct bench_arguments *a = words_given;
    struct run run = {.arguments = a, .summary = {.train = NAN, .infer = NAN}};
    run.options =
        (struct bench_options){a->data, (int64_t)a->steps.value, a->tune, on_row, on_message, &run};
    run.printer = (struct bench_printer){.json = a->json, .limits = {NAN, NAN, NAN, NAN}};
    int status = read_parts(a, &run.parts);
    if (status) return status;
    enum err rc = a->recipe ? cli_recipe(a->recipe, &a->set, &run.recipe) : OK;
    if (!rc && run.parts & START) status = bench_starts(a, &run.printer);
    if (!rc && !status) rc = device_find(a->device, &run.info);
    run.printer.cores = run.info.compute_units;
    if (!rc && !status && run.parts != OPEN) cli_device(run.info.name, run.info.driver);
    if (!rc && !status) rc = measure_device(&run);
    if (!rc && !status && run.recipe) rc = measure_recipe(&run, age, at);
    if (!rc && !status) (a->json ? print_end : print_summary)(&run);
    recipe_free(run.recipe);
    return rc ? cli_report((int)rc) : status;
}

const struct command bench_command = {
    .name = "bench",
    .operand = "[RECIPE]",
    .summary = "Measure the device, and how much of it a recipe gets",
    .details =
        "Without a recipe: limits, gemm, conv, dropout. With one: start (this program started anew with\n"
        "empty caches, and again), limits, rates (train and infer), steps. open is the start of this very process.\n"
        "us is the median of several windows; a limit is the best of them. cpu us is processor time of\n"
        "all threads, which others on the same machine lengthen less. % peak and % copy are shares of\n"
        "the measured limits, and dropout's ns*core is the time of one number on one core.\n",
    .options = options,
    .size = sizeof(struct bench_arguments),
    .run = run_bench,
};
