/* dropcl plan: the training and the evaluation step of a recipe, as the lists they are. */
#include "backend/backend.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/recipe.h"
#include "ops/table.h"
#include "plan/advice.h"
#include "plan/op.h"
#include "train/tune.h"
#include <stdlib.h>

struct arguments {
    const char *recipe, *device;
    struct words set;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION(TEXT, device, "D", "count the kernel launches on this device"),
    OPTION_SET,
    OPTION_END,
    /* clang-format on */
};

static enum err print(const struct recipe *recipe, enum plan_mode mode, const struct caps *caps) {
    struct plan_options o = {.mode = mode};
    struct plan *plan = NULL;
    TRY(plan_new(recipe, &op_table_all, &o, &plan));
    struct text text = {0};
    char *page = NULL;
    plan_print(plan, caps, &text);
    plan_free(plan);
    TRY(text_take(&text, &page));
    fputs(page, stdout);
    free(page);
    return OK;
}

/* Without --device nothing is opened: a plan's values and steps are the same everywhere. The ways
 * that the tuner chose, or DROPCL_TUNE forces, are taken over, so that the launches counted are
 * those of training. */
static enum err open_device(const char *spec, const struct recipe *recipe, struct device **device,
                            struct caps *caps) {
    struct device_info info;
    if (!spec) return OK;
    TRY(device_find(spec, &info));
    TRY(device_open(&info, device));
    cli_device(info.name, info.driver);
    TRY(tune_recall(*device, recipe, 0));
    *caps = *device_caps(*device);
    return OK;
}

static enum err print_both(const struct recipe *recipe, const struct caps *caps) {
    TRY(print(recipe, PLAN_TRAIN, caps));
    putchar('\n');
    TRY(print(recipe, PLAN_EVAL, caps));
    if (!caps) puts("launches: name a device with --device to count them");
    return OK;
}

static void warn(const char *sentence, void *user) {
    (void)user;
    fprintf(stderr, "%s\n", sentence);
}

static int run_plan(const void *arguments) {
    const struct arguments *a = arguments;
    struct recipe *recipe = NULL;
    struct device *device = NULL;
    struct caps caps = {0};
    enum err rc = cli_recipe(a->recipe, &a->set, &recipe);
    if (!rc) rc = open_device(a->device, recipe, &device, &caps);
    if (!rc) rc = plan_advise(recipe, warn, NULL);
    if (!rc) rc = print_both(recipe, device ? &caps : NULL);
    device_close(device);
    recipe_free(recipe);
    return rc ? cli_report((int)rc) : 0;
}

const struct command plan_command = {
    .name = "plan",
    .operand = "RECIPE",
    .summary = "Print the training and the evaluation step as lists of operations",
    .details =
        "Values in one numbered slot share its memory; the slots P, G, S, T, M are the parameters,\n"
        "gradients, optimizer state, micro-batch sums and metrics. S is the number of partial sums of\n"
        "a matrix product, part of the result's definition.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_plan,
};
