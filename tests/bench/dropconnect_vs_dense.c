/* The three passes of a DropConnect layer (y; dx, dW and db) against those of the dense layer of
 * the same shape, in turn, round by round, in one process: medians of wall time and of the
 * processor time of all threads, which other programs on the machine disturb less.
 *
 * Usage: dropconnect_vs_dense [DEVICE [ROUNDS [UNITS [BATCH]]]] */
#include "backend/backend.h"
#include "base/clock.h"
#include "train/bench_private.h"
#include "train/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 500, RIVALS = 4 };

struct rival {
    const char *layer; /* the attributes that make it */
    struct recipe *recipe;
    struct world world;
    double wall[ROUNDS_MAX], processor[ROUNDS_MAX];
};

static struct rival rivals[RIVALS] = {{.layer = "dense: {name: middle"},
                                      {.layer = "dropconnect: {name: middle, rate: 0.5"},
                                      {.layer = "dropconnect: {name: middle, rate: 0.25"},
                                      {.layer = "dropconnect: {name: middle, rate: 0.2"}};

static enum err open_rival(struct rival *r, struct device *d, int units, int batch) {
    const struct bench_options options = {0};
    char text[512];
    int size = snprintf(text, sizeof text,
                        "dropcl: 1\nmodel:\n  input: [%d]\n  layers:\n    - dense: {units: %d}\n"
                        "    - %s, units: %d}\n    - dense: {units: 10}\ntrain:\n"
                        "  dataset: mnist\n  batch: %d\n  optimizer: {sgd: {lr: 0.1}}\n",
                        units, units, r->layer, units, batch);
    TRY(recipe_parse("rival", text, (size_t)size, model_vocabulary(), NULL, 0, &r->recipe));
    TRY(world_data(&r->world, r->recipe, &options, batch));
    TRY(world_store(&r->world, d));
    TRY(world_programs(&r->world));
    return setup_epoch(&r->world.setup, &r->world.runner, 0, 1);
}

/* All of the plan once, so that there are numbers to work on; then the steps of the layer. */
static enum err run(struct rival *r, int round) {
    struct program *program = r->world.runner.program;
    const struct plan *p = r->world.runner.plan;
    TRY(program_run(program, 0, p->combine, 0));
    TRY(program_finish(program));
    double wall = clock_seconds();
    clock_t processor = clock();
    for (int i = 0; i < p->combine; i++)
        if (!strcmp(p->steps[i].name, "middle")) TRY(program_run(program, i, i + 1, 0));
    TRY(program_finish(program));
    r->wall[round] = clock_seconds() - wall;
    r->processor[round] = (double)(clock() - processor) / CLOCKS_PER_SEC;
    return OK;
}

static enum err race(struct device *d, int rounds, int units, int batch) {
    for (int i = 0; i < RIVALS; i++) TRY(open_rival(&rivals[i], d, units, batch));
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < RIVALS; i++) TRY(run(&rivals[i], round));
    double wall = bench_median(rivals[0].wall, rounds);
    double processor = bench_median(rivals[0].processor, rounds);
    printf("%-40s %9s %9s %7s %12s %7s\n", "three passes, ms", "median", "best", "ratio",
           "processor", "ratio");
    for (int i = 0; i < RIVALS; i++) {
        double w = bench_median(rivals[i].wall, rounds);
        double c = bench_median(rivals[i].processor, rounds);
        printf("%-40s %9.3f %9.3f %7.2f %12.3f %7.2f\n", rivals[i].layer, 1e3 * w,
               1e3 * rivals[i].wall[0], w / wall, 1e3 * c, c / processor);
    }
    return OK;
}

int main(int argc, char **argv) {
    struct device_info info;
    struct device *device = NULL;
    long given[] = {20, 800, 128};
    for (int i = 2; i < argc && i < 5; i++) given[i - 2] = strtol(argv[i], NULL, 10);
    if (given[0] < 1 || given[0] > ROUNDS_MAX) given[0] = 20;
    enum err rc = device_find(argc > 1 ? argv[1] : "pocl", &info);
    if (!rc) rc = device_open(&info, &device);
    if (!rc) rc = race(device, (int)given[0], (int)given[1], (int)given[2]);
    for (int i = 0; i < RIVALS; i++) {
        world_close(&rivals[i].world);
        recipe_free(rivals[i].recipe);
    }
    device_close(device);
    if (rc) fprintf(stderr, "dropconnect_vs_dense: %s\n", err_message());
    return (int)rc;
}
