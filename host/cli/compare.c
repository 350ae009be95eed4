/* dropcl compare: the same steps on two devices, bit by bit. */
#include "train/compare.h"
#include "backend/backend.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/recipe.h"
#include <math.h>
#include <string.h>

struct arguments {
    const char *recipe, *devices, *init, *dump, *data;
    struct number steps;
    struct words set;
    bool json;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION(TEXT, devices, "A,B", "the reference and the device to check"),
    OPTION(NUMBER, steps, "N", "optimizer steps (default 1)", .min = 1, .max = INT32_MAX),
    OPTION_INIT,
    OPTION(TEXT, dump, "DIR", "write every value as safetensors"),
    OPTION_DATA,
    OPTION_SET,
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

/* What one optimizer step adds up to. */
struct sum {
    int64_t step;
    size_t equal, unequal, mask_bits;
    double max_absolute, max_relative;
    uint64_t max_ulp;
};

struct report {
    bool json, disagreed;
    struct sum sum;
    json_t *first; /* the first line that disagreed, NULL while there is none */
};

static void print_sum(const struct sum *s) {
    printf("step %3lld  %10zu equal  %8zu unequal  %9zu mask bits  max error %.3g absolute, %.3g "
           "relative, %llu ulp\n",
           (long long)s->step, s->equal, s->unequal, s->mask_bits, s->max_absolute, s->max_relative,
           (unsigned long long)s->max_ulp);
}

static void add(struct sum *s, const struct compare_line *l) {
    s->equal += l->equal;
    s->unequal += l->unequal;
    if (l->mask) s->mask_bits += l->equal + l->unequal;
    s->max_absolute = fmax(s->max_absolute, l->max_absolute);
    s->max_relative = fmax(s->max_relative, l->max_relative);
    if (l->max_ulp > s->max_ulp) s->max_ulp = l->max_ulp;
}

static struct event line_event(const struct compare_line *l) {
    struct event e = event_new("value");
    event_integer(&e, "step", l->step);
    event_integer(&e, "micro", l->micro);
    event_integer(&e, "plan_step", l->plan_step);
    event_text(&e, "op", l->op);
    event_text(&e, "name", l->name);
    event_text(&e, "value", l->value);
    event_text(&e, "shape", l->shape);
    event_integer(&e, "line", l->line);
    event_bool(&e, "mask", l->mask);
    event_integer(&e, "equal", (int64_t)l->equal);
    event_integer(&e, "unequal", (int64_t)l->unequal);
    event_real(&e, "max_absolute", l->max_absolute);
    event_real(&e, "max_relative", l->max_relative);
    event_integer(&e, "max_ulp", (int64_t)l->max_ulp);
    event_bool(&e, "agrees", l->agrees);
    return e;
}

static void print_first(const struct compare_line *l) {
    printf("first difference: optimizer step %lld, micro-batch %d, plan step %d: %s of %s (recipe "
           "line %d)\n  %s %s %s: %zu of %zu differ, max error %.9g absolute, %.9g relative, %llu "
           "ulp\n",
           (long long)l->step, l->micro, l->plan_step, l->op, l->name, l->line,
           l->mask ? "mask of" : "value", l->value, l->shape, l->unequal, l->equal + l->unequal,
           l->max_absolute, l->max_relative, (unsigned long long)l->max_ulp);
}

static void on_line(const struct compare_line *l, void *user) {
    struct report *r = user;
    if (!r->json && r->sum.step != l->step) {
        print_sum(&r->sum);
        r->sum = (struct sum){.step = l->step};
    }
    add(&r->sum, l);
    struct event e = line_event(l);
    if (r->json) event_write(&e, stdout);
    if (!l->agrees && !r->disagreed) {
        r->disagreed = true;
        r->first = json_incref(e.object);
        if (!r->json) print_first(l);
    }
    event_free(&e);
}

static void print_end(struct report *r, const struct compare_result *result,
                      const struct device_info pair[2]) {
    if (!r->json) {
        const char *verdict = r->disagreed      ? "different"
                              : result->unequal ? "agree within tolerance"
                                                : "equal";
        print_sum(&r->sum);
        printf("%s: %zu numbers equal, %zu unequal, %zu mask bits among them, %lld steps\n",
               verdict, result->equal, result->unequal, result->masks, (long long)result->steps);
        return;
    }
    struct event e = event_new("end");
    event_text(&e, "reference", pair[0].name);
    event_text(&e, "device", pair[1].name);
    event_text(&e, "driver", pair[1].driver);
    event_integer(&e, "steps", result->steps);
    event_integer(&e, "equal", (int64_t)result->equal);
    event_integer(&e, "unequal", (int64_t)result->unequal);
    event_integer(&e, "mask_bits", (int64_t)result->masks);
    event_bool(&e, "agrees", !r->disagreed);
    json_object_set(e.object, "first", r->first ? r->first : json_null());
    event_write(&e, stdout);
    event_free(&e);
}

/* Without --devices: the reference and the default device, which must not be the reference again.
 */
static enum err find_pair(const char *spec, struct device_info pair[2]) {
    if (spec) return device_find_two(spec, &pair[0], &pair[1]);
    TRY(device_find("cpu", &pair[0]));
    TRY(device_find(NULL, &pair[1]));
    if (pair[1].kind == DEVICE_REFERENCE)
        return err_set(ERR_DEVICE, "no OpenCL device here to compare the reference with");
    return OK;
}

static enum err compare(const struct arguments *a, struct report *r, struct device *devices[2],
                        struct model **init) {
    struct recipe *recipe = NULL;
    struct device_info pair[2];
    struct compare_result result = {0};
    struct compare_options o = {.data = a->data, .dump = a->dump, .report = on_line, .user = r};
    o.steps = a->steps.given ? (int64_t)a->steps.value : 1;
    TRY(cli_recipe(a->recipe, &a->set, &recipe));
    enum err rc = a->init ? model_load(a->init, init) : OK;
    if (!rc && a->dump) rc = io_make_folder(a->dump);
    if (!rc) rc = find_pair(a->devices, pair);
    for (int i = 0; i < 2 && !rc; i++) {
        rc = device_open(&pair[i], &devices[i]);
        if (!rc) cli_device(pair[i].name, pair[i].driver);
    }
    o.init = *init;
    if (!rc) rc = compare_run(devices[0], devices[1], recipe, &o, &result);
    if (rc == OK || rc == ERR_NO) print_end(r, &result, pair);
    recipe_free(recipe);
    return rc;
}

static int run_compare(const void *arguments) {
    const struct arguments *a = arguments;
    struct report r = {.json = a->json};
    struct device *devices[2] = {NULL, NULL};
    struct model *init = NULL;
    enum err rc = compare(a, &r, devices, &init);
    if (rc) cli_report((int)rc);
    json_decref(r.first);
    device_close(devices[1]);
    device_close(devices[0]);
    model_free(init);
    return (int)rc;
}

const struct command compare_command = {
    .name = "compare",
    .operand = "RECIPE",
    .summary = "Train on two devices in lock step and compare every value bit by bit",
    .details = "The second device gets the first one's inputs before each operation, so the first\n"
               "difference is where it arises. Without --devices: cpu (the C reference) and the\n"
               "default device. Exit status 1: they disagree.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_compare,
};
