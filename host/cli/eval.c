/* dropcl eval: scores a saved model on its dataset's test set. */
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/options.h"
#include "dropcl.h"
#include <string.h>

struct arguments {
    const char *model, *data, *device;
    struct number mc;
    bool tta, json;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION(NUMBER, mc, "K", "Monte-Carlo dropout: the mean of K passes", .min = 1, .max = 65536),
    OPTION(FLAG, tta, NULL, "test-time augmentation: the mean over each picture and its mirror image"),
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

static void print(const struct arguments *a, const dropcl_device *device, const dropcl_model *model,
                  const dropcl_score *score) {
    if (!a->json) {
        printf("%-15s %.4f\n", "test accuracy", score->accuracy);
        printf("%-15s %.2f %%\n", "test error", 100 * (1 - score->accuracy));
        printf("%-15s %.4f\n", "test loss", score->loss);
        printf("%-15s %lld\n", "rows", (long long)score->rows);
        if (a->mc.given) printf("%-15s %llu\n", "passes", (unsigned long long)a->mc.value);
        if (a->tta) printf("%-15s picture and mirror image\n", "mean of");
        printf("%-15s %s\n", "sha256", dropcl_model_sha256(model));
        return;
    }
    struct event line = event_new("eval");
    event_real(&line, "test_loss", score->loss);
    event_real(&line, "test_accuracy", score->accuracy);
    event_real(&line, "test_error", 1 - score->accuracy);
    event_integer(&line, "rows", score->rows);
    event_integer(&line, "passes", (int64_t)a->mc.value);
    event_bool(&line, "tta", a->tta);
    event_text(&line, "device", dropcl_device_name(device));
    event_text(&line, "driver", dropcl_device_driver(device));
    event_integer(&line, "parameters", (int64_t)dropcl_model_parameters(model));
    event_text(&line, "parameters_sha256", dropcl_model_sha256(model));
    event_text(&line, "model", a->model);
    event_write(&line, stdout);
    event_free(&line);
}

/* The file of a recipe is easily given for that of a model. */
static void hint_recipe(const char *path) {
    const char *ending = strrchr(path, '.');
    if (ending && (!strcmp(ending, ".yaml") || !strcmp(ending, ".yml")))
        fputs("a recipe is for `dropcl train`, which saves a model to score\n", stderr);
}

static int run_eval(const void *arguments) {
    const struct arguments *a = arguments;
    dropcl_model *model = NULL;
    dropcl_device *device = NULL;
    dropcl_score score = {0};
    int code = dropcl_model_load(a->model, &model);
    if (!code) code = dropcl_device_open(a->device, &device);
    if (!code) {
        cli_device(dropcl_device_name(device), dropcl_device_driver(device));
        const dropcl_inference how = {.passes = (int)a->mc.value, .flip = a->tta};
        code = dropcl_evaluate(device, model, a->data, &how, &score);
    }
    if (code)
        cli_report(code);
    else
        print(a, device, model, &score);
    if (code == DROPCL_DATA && !model) hint_recipe(a->model);
    dropcl_device_close(device);
    dropcl_model_close(model);
    return code;
}

const struct command eval_command = {
    .name = "eval",
    .operand = "MODEL",
    .summary = "Score a saved model on the test set of its dataset",
    .details = "MODEL is a model.safetensors or the folder of a run.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_eval,
};
