/* dropcl train: an ordinary user of the public library. Everything that trains comes from dropcl.h.
 */
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/folder.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "dropcl.h"
#include <math.h>
#include <stdlib.h>

struct arguments {
    const char *recipe, *data, *device, *out, *init;
    struct words set;
    struct number seed, epochs, steps, score_every;
    bool force, json;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION(TEXT, out, "DIR", "folder of the run (default runs/NAME-SEED)"),
    OPTION(FLAG, force, NULL, "replace the run that --out holds"),
    OPTION(NUMBER, seed, "N", "train.seed of the recipe", .max = UINT64_MAX),
    OPTION(NUMBER, epochs, "N", "train.epochs of the recipe", .min = 1, .max = INT32_MAX),
    OPTION(NUMBER, steps, "N", "stop after N optimizer steps", .min = 1, .max = INT64_MAX),
    OPTION_SCORE_EVERY,
    OPTION_INIT,
    OPTION_SET,
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

/* One run: what the callback needs, and everything that is released at the end. */
struct run {
    const struct arguments *arguments;
    dropcl_recipe *recipe;
    dropcl_device *device;
    dropcl_model *init, *model;
    struct folder folder;
    struct progress progress;
    int status;        /* of the run's own files; the library's codes come from dropcl_train */
    bool metrics_lost; /* said once                                                          */
};

/* --seed and --epochs are settings too, applied after --set: the named option wins. */
static int read_recipe(struct run *run) {
    const struct arguments *a = run->arguments;
    char seed[48], epochs[48];
    int count = a->set.count;
    const char **settings = calloc((size_t)count + 2, sizeof *settings);
    if (!settings) return cli_fail(DROPCL_SYSTEM, "out of memory for the settings");
    for (int i = 0; i < count; i++) settings[i] = a->set.at[i];
    if (a->seed.given) {
        snprintf(seed, sizeof seed, "train.seed=%llu", (unsigned long long)a->seed.value);
        settings[count++] = seed;
    }
    if (a->epochs.given) {
        snprintf(epochs, sizeof epochs, "train.epochs=%llu", (unsigned long long)a->epochs.value);
        settings[count++] = epochs;
    }
    int code = dropcl_recipe_read(a->recipe, settings, count, &run->recipe);
    free(settings);
    return code ? cli_report(code) : 0;
}

static void add_epoch(struct event *line, const dropcl_event *e) {
    event_integer(line, "epoch", e->epoch);
    event_real(line, "train_loss", e->train_loss);
    event_real(line, "train_accuracy", e->train_accuracy);
    event_real(line, "val_loss", e->val_loss);
    event_real(line, "val_accuracy", e->val_accuracy);
    event_real(line, "test_loss", e->test_loss);
    event_real(line, "test_accuracy", e->test_accuracy);
    event_real(line, "seconds", e->seconds);
    event_real(line, "samples_per_second", e->samples_per_second);
}

/* Training goes on when a line cannot be written (a full disk): the model is worth more. */
static void write_line(struct run *run, const struct event *line) {
    if (run->folder.metrics && !event_write(line, run->folder.metrics) && !run->metrics_lost) {
        run->metrics_lost = true;
        progress_note(&run->progress, "metrics.jsonl cannot be written; training goes on");
    }
    if (run->arguments->json) event_write(line, stdout); /* main reports a broken stdout */
}

static int on_event(const dropcl_event *e, void *user) {
    struct run *run = user;
    if (!run->folder.started)
        run->status = folder_start(&run->folder, dropcl_recipe_text(run->recipe));
    if (run->status) return 1;
    if (e->kind == DROPCL_STEP) {
        progress_step(&run->progress, e);
    } else {
        progress_epoch(&run->progress, e);
        struct event line = event_new("epoch");
        add_epoch(&line, e);
        write_line(run, &line);
        event_free(&line);
    }
    return interrupt_asked();
}

static void on_message(const char *text, void *user) {
    struct run *run = user;
    progress_note(&run->progress, text);
}

static int on_stop(void *user) {
    (void)user;
    return interrupt_asked();
}

static void print_end(struct run *run, const dropcl_event *last, bool interrupted) {
    struct event line = event_new("end");
    add_epoch(&line, last);
    event_real(&line, "test_error", 1 - last->test_accuracy);
    event_integer(&line, "steps", last->step);
    event_bool(&line, "interrupted", interrupted);
    event_text(&line, "device", dropcl_device_name(run->device));
    event_text(&line, "driver", dropcl_device_driver(run->device));
    event_integer(&line, "parameters", (int64_t)dropcl_model_parameters(run->model));
    event_text(&line, "parameters_sha256", dropcl_model_sha256(run->model));
    event_text(&line, "model", run->folder.model);
    write_line(run, &line);
    event_free(&line);
}

static void print_number(const char *what, const char *format, double value) {
    if (!isfinite(value)) return;
    printf("%-15s ", what);
    printf(format, value);
    putchar('\n');
}

static void print_table(const struct run *run, const dropcl_event *last) {
    print_number("test accuracy", "%.4f", last->test_accuracy);
    print_number("test error", "%.2f %%", 100 * (1 - last->test_accuracy));
    print_number("test loss", "%.4f", last->test_loss);
    print_number("val accuracy", "%.4f", last->val_accuracy);
    print_number("samples/s", "%.0f", last->samples_per_second);
    print_number("seconds", "%.1f", last->seconds);
    printf("%-15s %zu\n", "parameters", dropcl_model_parameters(run->model));
    printf("%-15s %s\n", "sha256", dropcl_model_sha256(run->model));
    printf("%-15s %s\n", "model", run->folder.model);
}

/* Trains and saves; the model is kept whenever there is one, also after an interruption. */
static int train(struct run *run) {
    const struct arguments *a = run->arguments;
    dropcl_options o = {.data = a->data, .init = run->init, .callback = on_event, .user = run};
    o.steps = (int64_t)a->steps.value;
    o.score_every = (int)a->score_every.value;
    o.message = on_message;
    o.stop = on_stop;
    dropcl_event last = {0};
    interrupt_catch();
    progress_open(&run->progress);
    int code = dropcl_train(run->device, run->recipe, &o, &run->model, &last);
    progress_close(&run->progress);
    if (run->status) return run->status;
    if (code && code != DROPCL_INTERRUPTED) return cli_report(code);
    if (!run->model) return cli_fail(STATUS_INTERRUPTED, "interrupted before the first step");
    int saved = dropcl_model_save(run->model, run->folder.model);
    if (saved) return cli_report(saved);
    print_end(run, &last, code == DROPCL_INTERRUPTED);
    if (!a->json) print_table(run, &last);
    if (code)
        return cli_fail(code, "interrupted after step %lld of %lld; the model is as of that step",
                        (long long)last.step, (long long)last.steps);
    return run->metrics_lost ? cli_fail(STATUS_IO, "metrics.jsonl is incomplete") : 0;
}

/* In the order of what is cheapest to get wrong: nothing is opened for a bad recipe, no device for
 * a folder that cannot be written. */
static int prepare(struct run *run) {
    const struct arguments *a = run->arguments;
    int status = read_recipe(run);
    if (status) return status;
    int code = a->init ? dropcl_model_load(a->init, &run->init) : 0;
    if (code) return cli_report(code);
    status = folder_reserve(&run->folder, a->out, a->force, dropcl_recipe_name(run->recipe),
                            dropcl_recipe_seed(run->recipe));
    if (status) return status;
    code = dropcl_device_open(a->device, &run->device);
    if (code) return cli_report(code);
    cli_device(dropcl_device_name(run->device), dropcl_device_driver(run->device));
    return 0;
}

static int run_train(const void *arguments) {
    struct run run = {.arguments = arguments};
    int status = prepare(&run);
    if (!status) status = train(&run);
    folder_close(&run.folder);
    dropcl_model_close(run.model);
    dropcl_model_close(run.init);
    dropcl_device_close(run.device);
    dropcl_recipe_close(run.recipe);
    return status;
}

const struct command train_command = {
    .name = "train",
    .operand = "RECIPE",
    .summary = "Train the model a recipe describes",
    .details =
        "The folder of the run gets model.safetensors, metrics.jsonl and recipe.yaml (as run).\n"
        "Ctrl-C stops after the running step, saves the model and exits with 75.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_train,
};
