/* The double build's question: are the gradients right? They are compared with central differences
 * of the loss, which is computed here from the logits, on the reference. Masks stay fixed because
 * they are a function of the CONTROL row. With h = 1e-5 a difference is good to about h^2 + 2^-53 /
 * h = 1e-10 relative to values near 1, four orders below what is asked for. */
#include "control_words.h"
#include "harness/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Coordinates of a tensor that are tried: all of a small one, a fixed random choice of a large one.
 */
enum { COORDINATES = 48 };

static const double STEP = 1e-5, TOLERANCE = 1e-5;
/* Rows beyond this are there for the kernels' tiles; hundreds of runs of them would take minutes.
 */
static const double LARGE_FLOPS = 2e7;

/* The share of the label that is spread over all classes. */
static double smoothing(const struct choice *chosen) {
    for (const struct attr *a = chosen->schema->attrs; a && a->name; a++)
        if (!strcmp(a->name, "smoothing"))
            return *(const double *)((const char *)chosen->attr + a->offset);
    return 0;
}

/* Mean cross-entropy of the rows that count. The mean is CONTROL's float, as gradients use it. */
static double loss(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    const struct shape *shape = &p->values[p->logits].shape;
    const uint32_t *control = m->world->content[BUFFER_CONTROL];
    int classes = shape_features(shape);
    real *logits = op_machine_value(m, p->logits);
    uint32_t *label = op_machine_value(m, p->label);
    double sum = 0, spread = smoothing(&p->recipe->train.loss);
    for (uint32_t n = 0; n < control[CONTROL_VALID]; n++) {
        const real *row = logits + (size_t)n * (size_t)classes;
        double largest = -INFINITY, total = 0;
        for (int c = 0; c < classes; c++) largest = fmax(largest, (double)row[c]);
        for (int c = 0; c < classes; c++) total += exp((double)row[c] - largest);
        for (int c = 0; c < classes; c++)
            sum += (spread / classes + (1 - spread) * ((uint32_t)c == label[n])) *
                   (log(total) + largest - (double)row[c]);
    }
    free(logits);
    free(label);
    return sum * (double)control_float(control, CONTROL_MEAN);
}

static double loss_with(struct op_machine *m, int value, real *data, size_t at, double x) {
    double before = (double)data[at];
    data[at] = (real)x;
    op_machine_put(m, value, data);
    data[at] = (real)before;
    op_machine_run(m, 0, m->world->plan->backward, 0);
    return loss(m);
}

static void check_tensor(struct op_machine *m, const struct param *param, const real *gradient) {
    const struct value *v = &m->world->plan->values[param->value];
    size_t n = shape_elements(&v->shape), tried = n < COORDINATES ? n : COORDINATES;
    real *data = op_machine_value(m, param->value);
    double difference = 0, norm = 0;
    for (size_t k = 0; k < tried; k++) {
        size_t at = tried == n ? k : op_random(9, (uint32_t)k) % n;
        double x = (double)data[at];
        double up = loss_with(m, param->value, data, at, x + STEP);
        double down = loss_with(m, param->value, data, at, x - STEP);
        double want = (up - down) / (2 * STEP), got = (double)gradient[at];
        difference += (got - want) * (got - want);
        norm += want * want;
    }
    op_machine_put(m, param->value, data);
    free(data);
    /* A tensor behind a dropout of rate 1 has no gradient at all; then both must be 0. */
    double limit = norm > 1e-16 ? TOLERANCE * sqrt(norm) : 1e-9;
    if (!(sqrt(difference) <= limit))
        ck_abort_msg("%s: the gradient of %s is off by %g of %g", m->world->row->name, v->name,
                     sqrt(difference), sqrt(norm));
}

void op_gradient_check(const struct op_case *row) {
    struct op_world world;
    struct op_machine machine;
    struct op_target cpu = op_reference();
    op_world_open(&world, row);
    const struct plan *p = world.plan;
    if (row->mode == PLAN_TRAIN && op_world_flops(&world) < LARGE_FLOPS) {
        op_world_guard(&world); /* keeps the logits to the end of the run */
        op_machine_open(&machine, &world, &cpu);
        op_machine_run(&machine, 0, p->combine, 0);
        for (int i = 0; i < p->nparams; i++) {
            if (p->params[i].running) continue;
            real *gradient = op_machine_value(&machine, p->values[p->params[i].value].grad);
            check_tensor(&machine, &p->params[i], gradient);
            free(gradient);
        }
        op_machine_close(&machine);
    }
    op_world_close(&world);
}
