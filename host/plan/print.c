/* The table of `dropcl plan`: one row a step, like EXPLAIN of a database. */
#include "base/text.h"
#include "plan/op.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *unit(double x, char *out) {
    static const char suffix[] = " kMGTP";
    int i = 0;
    while (x >= 1000 && suffix[i + 1]) x /= 1000, i++;
    snprintf(out, 24, i ? "%.1f%c" : "%.0f%c", x, i ? suffix[i] : '\0');
    return out;
}

struct cost step_cost(const struct plan *p, const struct step *s) {
    struct cost c = {0};
    for (int i = 0; i < s->nin; i++)
        if (p->values[s->in[i]].role != ROLE_DATA)
            c.bytes += (double)value_bytes(&p->values[s->in[i]]);
    for (int i = 0; i < s->nout; i++)
        if (p->values[s->out[i]].role != ROLE_METRIC)
            c.bytes += (double)value_bytes(&p->values[s->out[i]]);
    if (s->op->cost) s->op->cost(p, s, &c);
    return c;
}

static void names(const struct plan *p, const int *values, int n, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
                                 p->values[values[i]].name);
}

void step_title(const struct step *s, char *out, size_t size) {
    size_t used = 0;
    if (!s->nstages || strcmp(s->op->name, "pointwise"))
        used = (size_t)snprintf(out, size, "%s", s->op->name);
    for (int k = 0; k < s->nstages && used < size; k++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "+" : "",
                                 s->stage[k].op->name);
}

static void slot_text(const struct plan *p, const struct step *s, char *out) {
    int buffer = s->nout ? p->values[s->out[0]].buffer : -1;
    static const char *const fixed[] = {
        [BUFFER_PARAM] = "P",  [BUFFER_GRAD] = "G",    [BUFFER_STATE] = "S", [BUFFER_PARTIAL] = "T",
        [BUFFER_METRIC] = "M", [BUFFER_AVERAGE] = "A", [BUFFER_PASSES] = "E"};
    if (buffer >= BUFFER_EXTERNAL)
        snprintf(out, 16, "%d", buffer - BUFFER_EXTERNAL);
    else
        snprintf(out, 16, "%s", buffer >= BUFFER_PARAM && fixed[buffer] ? fixed[buffer] : "-");
}

static int launches_of(const struct plan *p, const struct step *s, const struct caps *caps) {
    struct launch_list *list = calloc(1, sizeof *list);
    if (!list) return 0;
    struct caps own = step_caps(p, s, caps);
    s->op->launch(p, s, &own, list);
    int n = list->count;
    free(list);
    return n;
}

static const char *range_of(const struct plan *p, int i) {
    if (p->options.mode == PLAN_MC) return i < p->pass ? "once" : "pass";
    if (p->options.mode == PLAN_EVAL) return "forward";
    if (i < p->backward) return "forward";
    if (i < p->combine) return "backward";
    return i < p->update ? "combine" : "update";
}

static void print_step(const struct plan *p, int i, const struct caps *caps, struct cost *total,
                       int *launches, struct text *out) {
    const struct step *s = &p->steps[i];
    struct cost c = step_cost(p, s);
    char op[96], in[160], to[96], shape[64] = "-", slot[16], flops[24], bytes[24], count[16] = "-";
    char chunks[16] = "-", line[16] = "-";
    step_title(s, op, sizeof op);
    names(p, s->in, s->nin, in, sizeof in);
    names(p, s->out, s->nout, to, sizeof to);
    if (s->nout) shape_text(&p->values[s->out[0]].shape, shape);
    slot_text(p, s, slot);
    if (caps && s->op->launch) {
        int n = launches_of(p, s, caps);
        snprintf(count, sizeof count, "%d", n);
        *launches += i < p->combine || i >= p->update ? n : 0;
    }
    if (c.chunks) snprintf(chunks, sizeof chunks, "%d", c.chunks);
    if (s->line) snprintf(line, sizeof line, "%d", s->line);
    text_add(out, "%4d  %-8s  %-33s %-14s %-5s %4s %9s %9s %7s %5s  %s -> %s\n", i, range_of(p, i),
             op, shape, slot, chunks, unit(c.flops, flops), unit(c.bytes, bytes), count, line, in,
             to);
    if (p->nrepeats)
        for (int r = 0; r < p->nrepeats; r++)
            if (p->repeats[r].first == i)
                text_add(out, "      repeat: steps %d to %d, %d times, %s\n", i,
                         p->repeats[r].last - 1, p->repeats[r].count,
                         p->repeats[r].backward ? "backward" : "forward");
    total->flops += c.flops;
    total->bytes += c.bytes;
}

void plan_print(const struct plan *p, const struct caps *caps, struct text *out) {
    static const char *const modes[] = {"training", "evaluation", "Monte-Carlo evaluation"};
    struct cost total = {0};
    int launches = 0;
    text_add(out, "%s plan of %s, batch %d", modes[p->options.mode], p->recipe->model.name,
             p->options.batch);
    if (p->micro_batches > 1) text_add(out, " (%d micro-batches a step)", p->micro_batches);
    text_add(out, "\n%4s  %-8s  %-33s %-14s %-5s %4s %9s %9s %7s %5s  %s\n", "step", "range", "op",
             "shape", "slot", "S", "flops", "bytes", "launches", "line", "values");
    for (int i = 0; i < p->nsteps; i++) print_step(p, i, caps, &total, &launches, out);
    size_t slots = 0, parameters = 0, running = 0;
    for (int i = 0; i < p->nslots; i++) slots += p->slot_bytes[i];
    for (int i = 0; i < p->nparams; i++)
        *(p->params[i].running ? &running : &parameters) +=
            shape_elements(&p->values[p->params[i].value].shape);
    char a[24], b[24], c[24], d[24], e[24];
    text_add(out, "steps: %d, %s flops, %s bytes moved", p->nsteps, unit(total.flops, a),
             unit(total.bytes, b));
    if (caps) text_add(out, ", %d launches", launches);
    text_add(
        out,
        "\nslots: %d, %s bytes (%s without sharing); masks stored: 0 bytes (%s as bytes in memory)\n",
        p->nslots, unit((double)slots, c), unit((double)p->unshared_bytes, d),
        unit((double)p->mask_bytes_saved, e));
    draw_print(p, out);
    text_add(out, "parameters: %zu", parameters);
    if (running) text_add(out, ", running statistics: %zu", running);
    if (p->state_tensors) text_add(out, ", optimizer state: %d per parameter", p->state_tensors);
    text_add(out, "\n");
}
