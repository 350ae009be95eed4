/* dropcl sweep: many trainings that differ in a few keys of the recipe and in their seeds. */
#include "backend/backend.h"
#include "base/io.h"
#include "cli/interrupt.h"
#include "cli/lock.h"
#include "cli/sweep_private.h"
#include "lab/sweep_page.h"
#include "train/setup.h"
#include <stdlib.h>
#include <string.h>

#define arguments sweep_arguments /* the name that OPTION expects */
static const struct option options[] = {
    /* clang-format off */
    OPTION(WORDS, vary, "KEY=V1,V2", "a key of the recipe and its values; several make a grid"),
    OPTION(TEXT, seeds, "1,2,3", "the seeds of every point (default: train.seed of the recipe)"),
    OPTION(NUMBER, jobs, "N", "trainings at a time (default 1)", .min = 1, .max = INTERRUPT_CHILDREN),
    OPTION(TEXT, out, "DIR", "folder of the sweep (default runs/NAME-sweep)"),
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION(NUMBER, epochs, "N", "train.epochs of the recipe", .min = 1, .max = INT32_MAX),
    OPTION(NUMBER, steps, "N", "stop each run after N optimizer steps", .min = 1, .max = INT64_MAX),
    OPTION_SCORE_EVERY,
    OPTION_INIT,
    OPTION_SET,
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};
#undef arguments

/* The settings that all runs have: --set, then --epochs, which wins. */
struct shared {
    const char **settings;
    char epochs[48];
    struct model *init;
};

static int make_source(struct sweep_work *w, struct shared *shared) {
    const struct sweep_arguments *a = w->arguments;
    int count = 0;
    shared->settings = calloc((size_t)a->set.count + 1, sizeof *shared->settings);
    if (!shared->settings) return cli_fail(71, "out of memory for the settings");
    for (; count < a->set.count; count++) shared->settings[count] = a->set.at[count];
    if (a->epochs.given) {
        snprintf(shared->epochs, sizeof shared->epochs, "train.epochs=%llu",
                 (unsigned long long)a->epochs.value);
        shared->settings[count++] = shared->epochs;
    }
    enum err rc = a->init ? model_load(a->init, &shared->init) : OK;
    if (rc) return cli_report((int)rc);
    w->source = (struct sweep_source){.recipe = a->recipe,
                                      .settings = shared->settings,
                                      .nsettings = count,
                                      .steps = (int64_t)a->steps.value,
                                      .init = shared->init ? shared->init->sha256 : NULL,
                                      .data = a->data};
    return 0;
}

static int make_grid(struct sweep_work *w) {
    const struct sweep_arguments *a = w->arguments;
    grid_init(&w->grid);
    for (int i = 0; i < a->vary.count; i++) {
        enum err rc = grid_add(&w->grid, a->vary.at[i]);
        if (rc) return cli_report((int)rc);
        if (!strcmp(w->grid.axes[i].key, "train.seed"))
            return cli_fail(STATUS_USAGE, "sweep: seeds are given by --seeds, not by --vary");
    }
    return 0;
}

/* The recipe without the grid: its name and seed, and whether its data is there. */
static enum err check_recipe(struct sweep_work *w, uint64_t *seed) {
    const struct sweep_arguments *a = w->arguments;
    struct setting *settings = calloc((size_t)w->source.nsettings + 1, sizeof *settings);
    struct recipe *recipe = NULL;
    struct dataset *data = NULL;
    int read = 0;
    enum err rc = settings ? OK : err_memory("the settings");
    for (; !rc && read < w->source.nsettings; read++)
        rc = recipe_setting(w->source.settings[read], &settings[read]);
    if (!rc) rc = recipe_read(a->recipe, model_vocabulary(), settings, read, &recipe);
    if (!rc) rc = setup_open_data(recipe, a->data, &data);
    if (!rc) {
        struct text folder = {0};
        *seed = recipe->train.seed;
        text_add(&folder, a->out ? "%s" : "runs/%s-sweep", a->out ? a->out : recipe->model.name);
        rc = text_take(&folder, &w->folder);
        w->name = strdup(recipe->model.name);
        if (!rc && !w->name) rc = err_memory("the name of a sweep");
    }
    for (int i = 0; settings && i < read; i++) free((void *)(uintptr_t)settings[i].key);
    free(settings);
    dataset_close(data);
    recipe_free(recipe);
    return rc;
}

/* Errors that every run would have are told once, before any starts. */
static int make_runs(struct sweep_work *w) {
    const struct sweep_arguments *a = w->arguments;
    uint64_t seed = 0, *seeds = NULL;
    struct device_info device;
    int count = 1;
    enum err rc = a->seeds ? grid_seeds(a->seeds, &seeds, &count) : OK;
    if (!rc) rc = check_recipe(w, &seed);
    if (!rc) rc = sweep_new(&w->sweep, &w->grid, &w->source, seeds ? seeds : &seed, count);
    if (!rc) rc = device_find(a->device, &device);
    free(seeds);
    if (rc) return cli_report((int)rc);
    cli_device(device.name, device.driver);
    return 0;
}

/* A page that cannot be written takes nothing from the runs. */
static void write_page(struct sweep_work *w) {
    struct text path = {0};
    text_add(&path, "%s/report.html", w->folder);
    enum err rc = text_take(&path, &w->report);
    if (!rc) rc = sweep_page(&w->sweep, w->name, w->folder, w->report);
    if (!rc) return;
    cli_report((int)rc);
    free(w->report);
    w->report = NULL;
}

static int sweep_alone(struct sweep_work *w) {
    int status = sweep_run_all(w);
    bool interrupted = status == STATUS_INTERRUPTED;
    write_page(w);
    sweep_print_points(w);
    sweep_print_end(w, interrupted);
    if (interrupted)
        return cli_fail(status, "interrupted; the same command again runs what is not finished");
    return status;
}

static int sweep(struct sweep_work *w) {
    int lock;
    if (io_exists(w->folder) && !io_is_folder(w->folder))
        return cli_fail(STATUS_CREATE, "--out %s is a file, not a folder", w->folder);
    if (io_make_folder(w->folder)) return cli_report(STATUS_CREATE);
    int status = lock_take(w->folder, "sweep", &lock);
    if (status) return status;
    status = sweep_alone(w);
    lock_leave(lock);
    return status;
}

static int run_sweep(const void *arguments) {
    struct sweep_work w = {.arguments = arguments};
    struct shared shared = {0};
    int status = make_grid(&w);
    if (!status) status = make_source(&w, &shared);
    if (!status) status = make_runs(&w);
    if (!status) status = sweep(&w);
    sweep_free(&w.sweep);
    grid_free(&w.grid);
    model_free(shared.init);
    free(shared.settings);
    free(w.folder);
    free(w.name);
    free(w.report);
    return status;
}

const struct command sweep_command = {
    .name = "sweep",
    .operand = "RECIPE",
    .summary = "Train over a grid of recipe keys and seeds, and compare",
    .details =
        "  dropcl sweep models/mnist-mlp.yaml --seeds 1,2,3 --set train.validation=10000 \\\n"
        "      --vary 'model.layers.*.dropout.rate=0,0.25,0.5' --vary train.optimizer.sgd.lr=0.02,0.05\n"
        "\n"
        "Each run has a folder in DIR, named by what it is made of; one that is finished is not run\n"
        "again. A run that fails is told, and the others go on; the exit status is then that of the\n"
        "first one. Points are compared by validation rows, never by the test set. Ctrl-C stops\n"
        "after the running steps and keeps what is finished (75). A folder takes one sweep at a time\n"
        "(73).\n",
    .options = options,
    .size = sizeof(struct sweep_arguments),
    .run = run_sweep,
};
