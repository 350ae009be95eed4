#include "cli/progress.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 32 };

static const double REDRAW_SECONDS =
    0.1; /* often enough to look alive, rare enough to cost nothing */

static bool set_in_environment(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

void progress_open(struct progress *p) {
    const char *term = getenv("TERM");
    *p = (struct progress){0};
    p->bar = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    p->color = p->bar && !set_in_environment("NO_COLOR");
    p->drawn = -REDRAW_SECONDS;
}

static void clear(struct progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    p->shown = false;
}

void progress_step(struct progress *p, const dropcl_event *e) {
    if (!p->bar || e->seconds - p->drawn < REDRAW_SECONDS || e->steps <= 0) return;
    p->drawn = e->seconds;
    double share = (double)e->step / (double)e->steps;
    int full = (int)(share * BAR_WIDTH);
    char bar[BAR_WIDTH + 1] = {0};
    for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < full ? '#' : '.';
    clear(p);
    fprintf(stderr, "epoch %d/%d %s[%s]%s %3.0f %%", e->epoch, e->epochs,
            p->color ? "\033[32m" : "", bar, p->color ? "\033[0m" : "", 100 * share);
    if (share > 0.02) fprintf(stderr, "  %.0f s left", e->seconds * (1 - share) / share);
    fflush(stderr);
    p->shown = true;
}

static void score(const char *what, double loss, double accuracy) {
    if (isfinite(loss)) fprintf(stderr, "  %s loss %.4f accuracy %.4f", what, loss, accuracy);
}

void progress_epoch(struct progress *p, const dropcl_event *e) {
    clear(p);
    fprintf(stderr, "epoch %*d/%d", e->epochs > 99 ? 3 : 2, e->epoch, e->epochs);
    score("train", e->train_loss, e->train_accuracy);
    score("val", e->val_loss, e->val_accuracy);
    score("test", e->test_loss, e->test_accuracy);
    fprintf(stderr, "  %.1f s", e->seconds);
    if (isfinite(e->samples_per_second)) fprintf(stderr, "  %.0f samples/s", e->samples_per_second);
    fputc('\n', stderr);
}

void progress_note(struct progress *p, const char *text) {
    clear(p);
    fprintf(stderr, "note: %s\n", text);
}

void progress_close(struct progress *p) {
    clear(p);
    fflush(stderr);
}
