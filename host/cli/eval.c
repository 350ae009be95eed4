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
    OPTION(NUMBER, mc, "K", "Monte-Carlo dropout: the mean of K passes, and uncertainties", .min = 1, .max = 65536),
    OPTION(FLAG, tta, NULL, "test-time augmentation: the mean over each picture and its mirror image"),
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

/* ---- text ---- */

static void print_groups(const dropcl_score *score) {
    const dropcl_group *groups[] = {&score->all, &score->right, &score->wrong};
    static const char *const names[] = {"all", "right", "wrong"};
    printf("\n%-8s %8s %11s %8s %8s %11s %9s\n", "rows", "", "confidence", "entropy", "expected",
           "information", "variation");
    for (int i = 0; i < 3; i++) {
        const dropcl_uncertainty *u = &groups[i]->mean;
        if (groups[i]->rows)
            printf("%-8s %8lld %11.4f %8.4f %8.4f %11.4f %9.4f\n", names[i],
                   (long long)groups[i]->rows, u->probability, u->entropy, u->expected_entropy,
                   u->information, u->variation);
    }
}

static void print_points(const dropcl_score *score) {
    printf("\n%-8s %8s %8s %8s %8s\n", "passes", "accuracy", "loss", "brier", "ece");
    for (int i = 0; i < score->points; i++) {
        const dropcl_point *p = &score->point[i];
        char passes[16] = "off"; /* the scaled weights of dropout-free evaluation */
        if (p->passes) snprintf(passes, sizeof passes, "%d", p->passes);
        printf("%-8s %8.4f %8.4f %8.4f %8.4f\n", passes, p->accuracy, p->loss, p->brier,
               p->calibration_error);
    }
}

static void print_text(const struct arguments *a, const dropcl_model *model,
                       const dropcl_score *score) {
    printf("%-15s %.4f\n", "test accuracy", score->accuracy);
    printf("%-15s %.2f %%\n", "test error", 100 * (1 - score->accuracy));
    printf("%-15s %.4f\n", "test loss", score->loss);
    printf("%-15s %.4f\n", "brier score", score->brier);
    printf("%-15s %.4f\n", "calibration err", score->calibration_error);
    printf("%-15s %lld\n", "rows", (long long)score->rows);
    if (a->mc.given) printf("%-15s %llu\n", "passes", (unsigned long long)a->mc.value);
    if (a->tta) printf("%-15s picture and mirror image\n", "mean of");
    printf("%-15s %s\n", "sha256", dropcl_model_sha256(model));
    if (!a->mc.given) return;
    print_points(score);
    print_groups(score);
}

/* ---- JSON ---- */

static void finish(struct event *line) {
    event_write(line, stdout);
    event_free(line);
}

static void write_point(const dropcl_point *p) {
    struct event line = event_new("point");
    event_integer(&line, "passes", p->passes);
    event_real(&line, "loss", p->loss);
    event_real(&line, "accuracy", p->accuracy);
    event_real(&line, "brier", p->brier);
    event_real(&line, "calibration_error", p->calibration_error);
    finish(&line);
}

static void write_group(const char *name, const dropcl_group *g) {
    struct event line = event_new("group");
    event_text(&line, "group", name);
    event_integer(&line, "rows", g->rows);
    event_real(&line, "probability", g->mean.probability);
    event_real(&line, "entropy", g->mean.entropy);
    event_real(&line, "expected_entropy", g->mean.expected_entropy);
    event_real(&line, "information", g->mean.information);
    event_real(&line, "variation", g->mean.variation);
    finish(&line);
}

static void print(const struct arguments *a, const dropcl_device *device, const dropcl_model *model,
                  const dropcl_score *score) {
    if (!a->json) {
        print_text(a, model, score);
        return;
    }
    for (int i = 0; i < score->points; i++) write_point(&score->point[i]);
    write_group("all", &score->all);
    write_group("right", &score->right);
    write_group("wrong", &score->wrong);
    struct event line = event_new("eval");
    event_real(&line, "test_loss", score->loss);
    event_real(&line, "test_accuracy", score->accuracy);
    event_real(&line, "test_error", 1 - score->accuracy);
    event_real(&line, "brier", score->brier);
    event_real(&line, "calibration_error", score->calibration_error);
    event_integer(&line, "rows", score->rows);
    event_integer(&line, "passes", (int64_t)a->mc.value);
    event_bool(&line, "tta", a->tta);
    event_text(&line, "device", dropcl_device_name(device));
    event_text(&line, "driver", dropcl_device_driver(device));
    event_integer(&line, "parameters", (int64_t)dropcl_model_parameters(model));
    event_text(&line, "parameters_sha256", dropcl_model_sha256(model));
    event_text(&line, "model", a->model);
    finish(&line);
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
    .details =
        "MODEL is a model.safetensors or the folder of a run. With --mc, scores after 1, 2, 5, ... passes\n"
        "stand beside those without dropout, and uncertainties beside what was right and wrong: entropy\n"
        "of the mean, its expected part (what the data leaves open), their difference (information: what\n"
        "the model does not know), in nats; variation, the share of the passes that vote for another\n"
        "class than most.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_eval,
};
