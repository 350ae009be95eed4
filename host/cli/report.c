/* dropcl report: one HTML file on any training runs. */
#include "lab/report.h"
#include "backend/backend.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "lab/runs.h"
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    struct words folders;
    const char *out, *data, *device;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION(TEXT, out, "FILE", "the page to write (default report.html)"),
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION_END,
    /* clang-format on */
};

static void on_message(const char *text, void *user) {
    (void)user;
    fprintf(stderr, "note: %s\n", text);
}

static enum err write_report(const struct arguments *a, const char *out, struct runs *runs) {
    struct device_info info;
    struct report_options o = {.data = a->data, .message = on_message};
    for (int i = 0; i < a->folders.count; i++) TRY(runs_add(runs, a->folders.at[i]));
    TRY(device_find(a->device, &info));
    TRY(device_open(&info, &o.device));
    cli_device(info.name, info.driver);
    enum err rc = report_write(runs->at, runs->count, &o, out);
    device_close(o.device);
    return rc;
}

static int run_report(const void *arguments) {
    const struct arguments *a = arguments;
    const char *out = a->out ? a->out : "report.html";
    struct runs runs = {0};
    enum err rc = write_report(a, out, &runs);
    if (rc)
        cli_report((int)rc);
    else
        printf("%-7s %d\n%-7s %s\n", "runs", runs.count, "report", out);
    runs_free(&runs);
    return (int)rc;
}

const struct command report_command = {
    .name = "report",
    .operand = "DIR...",
    .summary = "Write an HTML page on training runs: curves, differences, mistakes",
    .details =
        "DIR is the folder of a run, or one that holds folders of runs, such as that of a sweep.\n"
        "The page is one file that needs no network.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_report,
};
