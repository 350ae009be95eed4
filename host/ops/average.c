/* An exponential moving average of the model (Polyak, Juditsky 1992; Tarvainen, Valpola 2017), once
 * an optimizer step: mean = mean + rate (w - mean), rate of this step in CONTROL. w, mean: the
 * whole parameter buffer, running statistics included, as flat f32. Like the optimizer it stands
 * still once a loss was not finite. */
#include "ops/internal.h"

static void average_cpu(const struct cpu_run *run, const struct step *s) {
    const uint32_t *metric = run->data[s->in[2]];
    if (metric[METRIC_LATCH]) return;
    const real *w = run->data[s->in[0]];
    real *mean = run->data[s->out[0]], rate = (real)control_float(run->control, CONTROL_AVERAGE);
    size_t n = shape_elements(&run->plan->values[s->out[0]].shape);
    for (size_t i = 0; i < n; i++) mean[i] = REAL_FMA(rate, w[i] - mean[i], mean[i]);
}

static void average_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                           struct launch_list *list) {
    struct launch *l = launch_new(list, "average", "average");
    size_t n = shape_elements(&p->values[s->out[0]].shape) / lanes(caps); /* a multiple of 256 */
    launch_define(l, "-DROW=%d -DLENGTH=%zu", control_row_words(p), n);
    for (int i = 0; i < 3; i++) launch_value(l, s->in[i]);
    launch_value(l, p->control);
    launch_cursor(l);
    sizes_shares(l, caps, n);
}

const struct op op_average = {.name = "average", .cpu = average_cpu, .launch = average_launch};
