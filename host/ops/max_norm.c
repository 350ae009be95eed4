/* Max-norm constraints (Srivastava et al. 2014, section 5.1; Srebro, Shraibman 2005): after each
 * optimizer step the weights into a unit, a column w of [rows][units], are rescaled to the norm c
 * where it is larger: w = w (c / |w|). Rows of a convolution are all taps of a filter. The square
 * of a norm is summed in chunks of rows (64, more where that would be over 64 chunks), each one
 * ascending chain of fma from 0; chunks are added in order. Columns with an infinite or NaN sum are
 * left for the loss to tell of. Like the optimizer it stands still once a loss was not finite. */
#include "ops/internal.h"
#include <math.h>

enum { IN_WEIGHT, IN_METRIC, CHUNK = 64, CHUNKS = 64 };

struct extent {
    size_t rows, units, chunk;
};

static struct extent extent_of(const struct plan *p, const struct step *s) {
    const struct shape *shape = &p->values[s->in[IN_WEIGHT]].shape;
    struct extent e = {.units = (size_t)shape->dim[shape->rank - 1]};
    e.rows = shape_elements(shape) / e.units;
    e.chunk = divide_up(e.rows, CHUNKS);
    if (e.chunk < CHUNK) e.chunk = CHUNK;
    return e;
}

static real square_of(const struct extent *e, const real *w, size_t unit) {
    real total = 0;
    for (size_t first = 0; first < e->rows; first += e->chunk) {
        real sum = 0;
        for (size_t i = first; i < first + e->chunk && i < e->rows; i++)
            sum = REAL_FMA(w[i * e->units + unit], w[i * e->units + unit], sum);
        total = first ? total + sum : sum;
    }
    return total;
}

static void max_norm_cpu(const struct cpu_run *run, const struct step *s) {
    const struct extent e = extent_of(run->plan, s);
    const double *limit = s->attr;
    real *w = run->data[s->in[IN_WEIGHT]];
    if (((const uint32_t *)run->data[s->in[IN_METRIC]])[METRIC_LATCH]) return;
    for (size_t unit = 0; unit < e.units; unit++) {
        real square = square_of(&e, w, unit);
        if (!(square > (real)(float)(*limit * *limit)) || !isfinite(square)) continue;
        real factor = (real)(float)*limit / REAL_SQRT(square);
        for (size_t i = 0; i < e.rows; i++) w[i * e.units + unit] *= factor;
    }
}

static struct launch *start(const struct step *s, const struct extent *e, const struct caps *caps,
                            struct launch_list *list, const char *kernel) {
    struct launch *l = launch_new(list, "max_norm", kernel);
    size_t chunks = divide_up(e->rows, e->chunk);
    launch_define(l, "-DROWS=%zu -DUNITS=%zu -DCHUNK=%zu", e->rows, e->units, e->chunk);
    launch_value(l, s->in[IN_WEIGHT]);
    launch_scratch(l);
    launch_value(l, s->in[IN_METRIC]);
    if (caps->cpu_family)
        launch_size(l, 2, (size_t[]){divide_up(e->units, lanes(caps)), chunks}, (size_t[]){1, 1});
    else
        launch_size(l, 2, (size_t[]){e->units, chunks}, (size_t[]){64, 1});
    return l;
}

static void max_norm_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                            struct launch_list *list) {
    const struct extent e = extent_of(p, s);
    const double *limit = s->attr;
    list->scratch = divide_up(e.rows, e.chunk) * e.units * sizeof(float);
    start(s, &e, caps, list, "max_norm_squares");
    struct launch *l = start(s, &e, caps, list, "max_norm_rescale");
    launch_float(l, (float)*limit);
    launch_float(l, (float)(*limit * *limit));
}

const struct op op_max_norm = {.name = "max_norm", .cpu = max_norm_cpu, .launch = max_norm_launch};
