/* dropcl devices: what --device can choose from. */
#include "backend/backend.h"
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/options.h"
#include <stdlib.h>
#include <string.h>

struct arguments {
    bool json;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

static const char *const kind_names[] = {
    [DEVICE_REFERENCE] = "reference",
    [DEVICE_CPU] = "cpu",
    [DEVICE_GPU] = "gpu",
    [DEVICE_OTHER] = "other",
};

/* The word that selects exactly this device. */
static void selector(const struct device_info *d, char out[32]) {
    if (d->kind == DEVICE_REFERENCE)
        snprintf(out, 32, "cpu");
    else
        snprintf(out, 32, "%d:%d", d->platform_index, d->device_index);
}

static void print_json(const struct device_info *d, bool preferred) {
    char device[32];
    selector(d, device);
    struct event line = event_new("device");
    event_text(&line, "device", device);
    event_bool(&line, "default", preferred);
    event_text(&line, "kind", kind_names[d->kind]);
    event_text(&line, "name", d->name);
    event_text(&line, "platform", d->platform);
    event_text(&line, "driver", d->driver);
    event_text(&line, "version", d->version);
    event_integer(&line, "compute_units", d->compute_units);
    event_integer(&line, "global_bytes", (int64_t)d->global_bytes);
    event_integer(&line, "max_alloc_bytes", (int64_t)d->max_alloc_bytes);
    event_integer(&line, "local_bytes", (int64_t)d->local_bytes);
    event_integer(&line, "max_work_group", (int64_t)d->max_work_group);
    event_bool(&line, "fma", d->fma);
    event_bool(&line, "denormals", d->denormals);
    event_bool(&line, "exact_divide", d->exact_divide);
    event_bool(&line, "fp64", d->fp64);
    event_bool(&line, "portable", d->portable);
    event_write(&line, stdout);
    event_free(&line);
}

static const char *lacks(const struct device_info *d) {
    if (d->portable) return "yes";
    if (!d->fma) return "no: fma";
    if (!d->denormals) return "no: denormals";
    return d->exact_divide ? "no" : "no: exact division";
}

static void print_row(const struct device_info *d, bool preferred) {
    char device[32];
    selector(d, device);
    printf("%c %-6s %-9s %5d %8.1f  %-18s %s%s%s\n", preferred ? '*' : ' ', device,
           kind_names[d->kind], d->compute_units, (double)d->global_bytes / (1 << 30), lacks(d),
           d->name, *d->platform ? ", " : "", d->platform);
}

static bool same(const struct device_info *a, const struct device_info *b) {
    return a->platform_index == b->platform_index && a->device_index == b->device_index;
}

static int run_devices(const void *arguments) {
    const struct arguments *a = arguments;
    struct device_info *list = NULL, preferred;
    int count = 0;
    int code = (int)device_list(&list, &count);
    if (!code) code = (int)device_find(NULL, &preferred);
    if (code) {
        free(list);
        return cli_report(code);
    }
    if (!a->json)
        printf("  %-6s %-9s %5s %8s  %-18s %s\n", "device", "kind", "units", "GiB", "portable bits",
               "name");
    for (int i = 0; i < count; i++)
        (a->json ? print_json : print_row)(&list[i], same(&list[i], &preferred));
    if (!a->json) puts("* is the default; --device takes the first column or part of a name.");
    free(list);
    return 0;
}

const struct command devices_command = {
    .name = "devices",
    .summary = "List the devices that can train",
    .details =
        "portable bits: the device offers fma, denormals and correctly rounded division and square\n"
        "root, so that a recipe and a seed give the same 32-bit floats as everywhere else.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_devices,
};
