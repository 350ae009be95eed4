/* The runs of a sweep as processes of their own, `jobs` at a time: one that fails or is killed
 * takes nothing with it, and Ctrl-C stops each one after its running step. */
#include "base/io.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/self.h"
#include "cli/sweep_private.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
    pid_t child; /* 0: free */
    int run;
};

static char *path(const struct sweep_work *w, int run, const char *file) {
    struct text t = {0};
    char *out = NULL;
    text_add(&t, "%s/%s%s%s", w->folder, w->sweep.runs[run].name, file ? "/" : "",
             file ? file : "");
    return text_take(&t, &out) ? NULL : out;
}

/* Options of numbers, as words. */
struct numbers {
    char steps[24], score_every[24];
};

static void write_number(char word[24], const struct number *n) {
    snprintf(word, 24, "%llu", (unsigned long long)n->value);
}

/* The words of `dropcl train` for one run. The settings stay owned by the caller. */
static char **make_words(const struct sweep_arguments *a, const char *folder, char **settings,
                         int count, const struct numbers *numbers) {
    size_t n = 0;
    const char **words = calloc(20 + 2 * (size_t)count, sizeof *words);
    if (!words) return NULL;
    words[n++] = "dropcl";
    words[n++] = "train";
    words[n++] = "--force"; /* what is not finished is done anew */
    words[n++] = "--out";
    words[n++] = folder;
    if (a->device) words[n++] = "--device", words[n++] = a->device;
    if (a->data) words[n++] = "--data", words[n++] = a->data;
    if (a->init) words[n++] = "--init", words[n++] = a->init;
    if (a->steps.given) words[n++] = "--steps", words[n++] = numbers->steps;
    if (a->score_every.given) words[n++] = "--score-every", words[n++] = numbers->score_every;
    for (int i = 0; i < count; i++) words[n++] = "--set", words[n++] = settings[i];
    words[n++] = "--";
    words[n++] = a->recipe;
    return (char **)(uintptr_t)words;
}

static int start(struct sweep_work *w, struct job *job, const char *folder, const char *log) {
    const struct sweep_arguments *a = w->arguments;
    struct numbers numbers;
    char **settings = NULL;
    int count = 0;
    write_number(numbers.steps, &a->steps);
    write_number(numbers.score_every, &a->score_every);
    if (io_make_folder(folder)) return cli_report(STATUS_CREATE);
    if (sweep_settings(&w->sweep, &w->source, job->run, &settings, &count)) return cli_report(71);
    char **words = make_words(a, folder, settings, count, &numbers);
    int status = words ? self_start(words, log, &job->child)
                       : cli_fail(71, "out of memory for the words of a run");
    if (!status) interrupt_add(job->child);
    free(words);
    sweep_settings_free(settings, count);
    return status;
}

static int start_job(struct sweep_work *w, struct job *job) {
    char *folder = path(w, job->run, NULL), *log = path(w, job->run, "log.txt");
    int status = folder && log ? start(w, job, folder, log)
                               : cli_fail(71, "out of memory for the folder of a run");
    free(folder);
    free(log);
    return status;
}

/* The last line a run wrote to stderr: what it said when it failed. */
static void tell_failure(const struct sweep_work *w, int run) {
    enum { LOG_LIMIT = 16 << 20 };
    char *log = path(w, run, "log.txt"), *text = NULL;
    size_t size = 0;
    const char *last = "";
    if (log && !io_read(log, LOG_LIMIT, &text, &size)) {
        while (size > 0 && text[size - 1] == '\n') text[--size] = '\0';
        const char *line = strrchr(text, '\n');
        last = line ? line + 1 : text;
    }
    cli_fail(0, "run %s failed with status %d: %s", w->sweep.runs[run].name,
             w->sweep.runs[run].status, last);
    free(text);
    free(log);
}

/* A run that ended well says so in its folder; anything else is a failure, whatever its status. */
static void finish(struct sweep_work *w, int run, int status) {
    struct sweep_run *r = &w->sweep.runs[run];
    char *folder = path(w, run, NULL);
    r->status = status;
    if (folder && !status && (sweep_take(r, folder) || !r->finished)) r->status = 71;
    free(folder);
    w->done++;
    if (r->status && !(r->status == STATUS_INTERRUPTED && interrupt_asked())) tell_failure(w, run);
    sweep_print_run(w, run);
}

static void wait_for_one(struct sweep_work *w, struct job *jobs, int count) {
    int status = 0;
    pid_t child = self_wait(&status);
    for (int i = 0; i < count; i++) {
        if (!jobs[i].child || (child > 0 && jobs[i].child != child)) continue;
        interrupt_remove(jobs[i].child);
        jobs[i].child = 0;
        finish(w, jobs[i].run, child > 0 ? status : 71);
        return;
    }
}

/* Takes over what an earlier sweep has finished. */
static bool keep(struct sweep_work *w, int run) {
    struct sweep_run *r = &w->sweep.runs[run];
    char *folder = path(w, run, NULL);
    if (folder && record_finished(folder)) r->kept = !sweep_take(r, folder);
    free(folder);
    if (!r->kept) return false;
    w->done++;
    sweep_print_run(w, run);
    return true;
}

static struct job *free_job(struct job *jobs, int count) {
    for (int i = 0; i < count; i++)
        if (!jobs[i].child) return &jobs[i];
    return NULL;
}

static int running(const struct job *jobs, int count) {
    int n = 0;
    for (int i = 0; i < count; i++) n += jobs[i].child != 0;
    return n;
}

static int first_failure(const struct sweep *s) {
    for (int i = 0; i < s->nruns; i++)
        if (!s->runs[i].finished && s->runs[i].status) return s->runs[i].status;
    return 0;
}

int sweep_run_all(struct sweep_work *w) {
    struct job jobs[INTERRUPT_CHILDREN] = {{0}};
    int count = w->arguments->jobs.given ? (int)w->arguments->jobs.value : 1;
    interrupt_catch();
    for (int run = 0; run < w->sweep.nruns && !interrupt_asked(); run++) {
        if (keep(w, run)) continue;
        while (!free_job(jobs, count)) wait_for_one(w, jobs, count);
        if (interrupt_asked()) break;
        struct job *job = free_job(jobs, count);
        job->run = run;
        int status = start_job(w, job);
        if (!status) continue;
        w->sweep.runs[run].status = status;
        w->done++;
        sweep_print_run(w, run);
    }
    while (running(jobs, count)) wait_for_one(w, jobs, count);
    return interrupt_asked() ? STATUS_INTERRUPTED : first_failure(&w->sweep);
}
