/* dropcl predict: what a model says of rows of its dataset or of the user's own pictures, one line
 * each. */
#include "train/predict.h"
#include "backend/backend.h"
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/options.h"
#include "cli/rows.h"
#include <stdlib.h>
#include <string.h>

struct arguments {
    const char *model, *data, *device, *split;
    struct range rows;
    struct words images;
    struct number mc;
    bool tta, json;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION(WORDS, images, "FILE...", "pictures of your own: PNG, or IDX files of grey ones", .many = true),
    OPTION(TEXT, split, "S", "rows of the dataset: test (the default) or train"),
    OPTION(RANGE, rows, "A:B", "which of them, A <= row < B; without it all", .max = INT32_MAX),
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION(NUMBER, mc, "K", "Monte-Carlo dropout: the mean of K passes, and uncertainties", .min = 1, .max = PASSES_MAX),
    OPTION(FLAG, tta, NULL, "test-time augmentation: the mean over each picture and its mirror image"),
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

/* What is printed from. */
struct page {
    const struct arguments *a;
    const struct model *model;
    const struct rows *rows;
    const float *p;
    const dropcl_uncertainty *figures;
};

static int label_of(const struct page *page, size_t row) {
    const float *p = page->p + row * (size_t)page->model->classes;
    int best = 0;
    for (int c = 1; c < page->model->classes; c++)
        if (p[c] > p[best]) best = c;
    return best;
}

static const char *name_of(const struct page *page, int label) {
    const char *const *names = page->model->class_names;
    return names ? names[label] : "-";
}

static void print_head(const struct page *page) {
    printf("%-8s %5s %-12s %11s", page->rows->files ? "picture" : "row", "class", "name",
           "probability");
    if (page->a->mc.given)
        printf(" %8s %8s %11s %9s", "entropy", "expected", "information", "variation");
    puts(page->rows->labels ? "  label" : "");
}

/* A label is named where the prediction is another one. */
static void print_row(const struct page *page, size_t row) {
    const dropcl_uncertainty *u = &page->figures[row];
    int label = label_of(page, row);
    printf("%-8zu %5d %-12s %11.4f", page->rows->first + row, label, name_of(page, label),
           u->probability);
    if (page->a->mc.given)
        printf(" %8.4f %8.4f %11.4f %9.4f", u->entropy, u->expected_entropy, u->information,
               u->variation);
    if (page->rows->labels && page->rows->labels[row] != label)
        printf("  %s", name_of(page, page->rows->labels[row]));
    if (page->rows->files) printf("  %s", page->rows->files[row]);
    putchar('\n');
}

static void print_json(const struct page *page, size_t row) {
    const dropcl_uncertainty *u = &page->figures[row];
    const struct rows *rows = page->rows;
    int label = label_of(page, row);
    struct event line = event_new("prediction");
    event_integer(&line, "row", (int64_t)(rows->first + row));
    event_text(&line, "split", rows->split_name);
    event_text(&line, "file", rows->files ? rows->files[row] : NULL);
    event_integer(&line, "class", label);
    event_text(&line, "name", page->model->class_names ? name_of(page, label) : NULL);
    event_real(&line, "probability", u->probability);
    if (rows->labels)
        event_integer(&line, "label", rows->labels[row]);
    else
        event_text(&line, "label", NULL);
    event_integer(&line, "passes", (int64_t)page->a->mc.value);
    event_real(&line, "entropy", u->entropy);
    event_real(&line, "expected_entropy", u->expected_entropy);
    event_real(&line, "information", u->information);
    event_real(&line, "variation", u->variation);
    size_t classes = (size_t)page->model->classes;
    event_reals(&line, "probabilities", page->p + row * classes, classes);
    event_write(&line, stdout);
    event_free(&line);
}

static void print(const struct page *page) {
    if (!page->a->json) print_head(page);
    for (size_t row = 0; row < page->rows->count; row++)
        (page->a->json ? print_json : print_row)(page, row);
}

static enum err predict(const struct arguments *a, struct device *device, const struct model *m,
                        const struct rows *rows) {
    const struct predict_rows all = {.images = rows->images,
                                     .rows = rows->count,
                                     .split = rows->split,
                                     .first = (uint32_t)rows->first,
                                     .passes = (int)a->mc.value,
                                     .flip = a->tta};
    float *p = malloc(rows->count * (size_t)m->classes * sizeof *p + 1);
    dropcl_uncertainty *figures = malloc(rows->count * sizeof *figures + 1);
    enum err rc =
        p && figures ? predict_images(device, m, &all, p, figures) : err_memory("predictions");
    if (!rc) print(&(struct page){a, m, rows, p, figures});
    free(p);
    free(figures);
    return rc;
}

static int check_words(const struct arguments *a) {
    if (a->images.count && (a->rows.given || a->split || a->data))
        return cli_fail(STATUS_USAGE,
                        "predict: --images are pictures of your own, --%s is of the dataset",
                        a->rows.given ? "rows"
                        : a->split    ? "split"
                                      : "data");
    if (a->split && strcmp(a->split, "test") != 0 && strcmp(a->split, "train") != 0)
        return cli_fail(STATUS_USAGE, "predict: --split is test or train, not '%s'", a->split);
    return 0;
}

static enum err open_device(const char *spec, struct device **out) {
    struct device_info info;
    TRY(device_find(spec, &info));
    TRY(device_open(&info, out));
    cli_device(info.name, info.driver);
    return OK;
}

static enum err open_rows(const struct arguments *a, const struct model *m, struct rows *rows) {
    bool train = a->split && !strcmp(a->split, "train");
    if (a->images.count) return rows_of_files(rows, m, a->images.at, a->images.count);
    return rows_of_dataset(rows, m, a->data, train, &a->rows);
}

static int run_predict(const void *arguments) {
    const struct arguments *a = arguments;
    struct model *model = NULL;
    struct device *device = NULL;
    struct rows rows = {0};
    int code = check_words(a);
    if (code) return code;
    enum err rc = model_load(a->model, &model);
    if (!rc) rc = open_device(a->device, &device);
    if (!rc) rc = open_rows(a, model, &rows);
    if (!rc) rc = predict(a, device, model, &rows);
    if (rc) cli_report((int)rc);
    rows_free(&rows);
    device_close(device);
    model_free(model);
    return (int)rc;
}

const struct command predict_command = {
    .name = "predict",
    .operand = "MODEL",
    .summary = "Predict rows of the dataset or pictures of your own",
    .details =
        "MODEL is a model.safetensors or the folder of a run. Pictures have the size that the model\n"
        "reads. With --mc: entropy of the mean, its expected part (what the data leaves open), their\n"
        "difference (information: what the model does not know), in nats; and variation, the share of\n"
        "the passes that vote for another class than most.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_predict,
};
