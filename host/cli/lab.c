/* dropcl lab: the lecture on dropout as experiments, with a report. */
#include "lab/lab.h"
#include "cli/cli.h"
#include "cli/event.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    const char *recipe, *data, *device, *out;
    struct words only;
    bool full, json;
};

static const struct option options[] = {
    /* clang-format off */
    OPTION_DATA,
    OPTION_DEVICE,
    OPTION(TEXT, out, "DIR", "folder of the report (default runs/lab)"),
    OPTION(FLAG, full, NULL, "all rows, more seeds and epochs: an hour or more instead of minutes"),
    OPTION(WORDS, only, "NAME", "run this experiment only; may be repeated"),
    OPTION_JSON,
    OPTION_END,
    /* clang-format on */
};

static const char *const verdicts[] = {"held", "DID NOT HOLD", "not decided"};

static void on_message(const char *text, void *user) {
    (void)user;
    fprintf(stderr, "note: %s\n", text);
}

static void print_json(const struct experiment *e, const struct finding *f, double seconds) {
    struct event line = event_new("experiment");
    event_text(&line, "name", e->name);
    event_text(&line, "claim", e->claim);
    event_text(&line, "measured", f->measured);
    event_text(&line, "result", f->result);
    event_text(&line, "verdict", verdict_words[f->verdict]);
    event_text(&line, "seeds", f->seeds);
    event_real(&line, "seconds", seconds);
    event_write(&line, stdout);
    event_free(&line);
}

static void on_report(const struct experiment *e, const struct finding *f, double seconds,
                      void *user) {
    const struct arguments *a = user;
    if (!f) {
        fprintf(stderr, "%s: %s\n", e->name, e->title);
        return;
    }
    if (a->json)
        print_json(e, f, seconds);
    else
        printf("%-13s %-13s %s\n", e->name, verdicts[f->verdict], f->result);
    fflush(stdout);
    fprintf(stderr, "%s: %s, %.1f s\n", e->name, verdicts[f->verdict], seconds);
}

static int on_stop(void *user) {
    (void)user;
    return interrupt_asked();
}

static void print_end(const struct arguments *a, const struct lab_summary *s, const char *folder) {
    if (!a->json) {
        printf("%d held, %d did not, %d not decided, on %s%s\nreport %s/report.html\n", s->held,
               s->failed, s->open, s->dataset, s->synthetic ? " (the built-in digits)" : "",
               folder);
        return;
    }
    char path[4096];
    struct event line = event_new("end");
    event_text(&line, "dataset", s->dataset);
    event_bool(&line, "synthetic", s->synthetic);
    event_integer(&line, "held", s->held);
    event_integer(&line, "failed", s->failed);
    event_integer(&line, "open", s->open);
    snprintf(path, sizeof path, "%s/report.html", folder);
    event_text(&line, "report", path);
    snprintf(path, sizeof path, "%s/numbers.json", folder);
    event_text(&line, "numbers", path);
    event_write(&line, stdout);
    event_free(&line);
}

static enum err run(const struct arguments *a, const char *folder, struct lab_summary *summary) {
    struct device_info info;
    struct lab_options o = {.recipe = a->recipe,
                            .data = a->data,
                            .full = a->full,
                            .only = a->only.at,
                            .only_count = a->only.count,
                            .message = on_message,
                            .report = on_report,
                            .stop = on_stop,
                            .user = (void *)(uintptr_t)a};
    TRY(device_find(a->device, &info));
    TRY(device_open(&info, &o.device));
    cli_device(info.name, info.driver);
    interrupt_catch();
    enum err rc = lab_run(&o, folder, summary);
    device_close(o.device);
    return rc;
}

static int run_lab(const void *arguments) {
    const struct arguments *a = arguments;
    const char *folder = a->out ? a->out : "runs/lab";
    struct lab_summary summary;
    enum err rc = run(a, folder, &summary);
    if (rc) return cli_report((int)rc);
    print_end(a, &summary, folder);
    return 0;
}

const struct command lab_command = {
    .name = "lab",
    .operand = "[RECIPE]",
    .summary = "Run the lecture on dropout as experiments, with a report",
    .details =
        "Without RECIPE: the lecture's network, 784-256-128-10. Without MNIST here: on the built-in\n"
        "digits. Experiments: mechanism, scaling, ensemble, samples, rate, size, coadaptation,\n"
        "variants, connect, batchnorm, rotated. DIR gets report.html and numbers.json. A claim that\n"
        "does not hold is reported as such; the exit status is 0 all the same.\n",
    .options = options,
    .size = sizeof(struct arguments),
    .run = run_lab,
};
