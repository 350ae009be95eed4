/* What an evaluation knows of DropConnect's pre-activation u. Over the masks it has the mean mu and
 * the variance s^2,
 *
 *     mu = sum_i x_i W_i + b,   s^2 = T8 / (256 - T8) (sum_i (x_i W_i)^2 + b^2),
 *
 * as a mask times its scale has mean 1 and variance T8 / (256 - T8). Moment matching (Wan et al.
 * 2013, section 3.2) takes u to be normal. x [N][In], W [In][Out], b [Out]; mu and s^2 [N][Out],
 * which are never stored. Both sums in the order of a dense layer's product (ops/gemm.h), the bias
 * last. */
#include "ops/dropconnect.h"
#include "ops/gemm.h"

static struct gemm product_of(const struct plan *p, const struct step *s) {
    const struct shape *y = &p->values[s->out[0]].shape;
    return (struct gemm){y->dim[0], y->dim[1], p->values[s->in[1]].shape.dim[0], false, false};
}

/* Of output o of sample n. */
static struct moments moments_of(const struct cpu_run *run, const struct step *s, size_t n,
                                 size_t o) {
    const struct dropconnect_attr *attr = s->attr;
    struct gemm g = product_of(run->plan, s);
    const real *x = (const real *)run->data[s->in[0]] + n * (size_t)g.k;
    const real *w = (const real *)run->data[s->in[1]] + o;
    real mean = 0, squares = 0;
    int chunk = gemm_chunk_length(&g);
    for (int first = 0; first < g.k; first += chunk) {
        real sum = 0, square = 0;
        for (int k = first; k < first + chunk && k < g.k; k++) {
            real v = w[(size_t)k * (size_t)g.n], product = x[k] * v;
            sum = REAL_FMA(x[k], v, sum);
            square = REAL_FMA(product, product, square);
        }
        mean = first ? mean + sum : sum;
        squares = first ? squares + square : square;
    }
    if (attr->dense.bias) {
        real b = ((const real *)run->data[s->in[2]])[o];
        mean += b;
        squares = REAL_FMA(b, b, squares);
    }
    int extra = CONTROL_LAYERS + CONTROL_LAYER * s->draw + LAYER_EXTRA;
    return (struct moments){mean, squares * (real)control_float(run->control, extra)};
}

void dropconnect_moments_cpu(const struct cpu_run *run, const struct step *s,
                             real (*expected)(const void *user, struct moments), const void *user) {
    struct gemm g = product_of(run->plan, s);
    real *y = run->data[s->out[0]];
    for (size_t n = 0; n < (size_t)g.m; n++)
        for (size_t o = 0; o < (size_t)g.n; o++)
            y[n * (size_t)g.n + o] = expected(user, moments_of(run, s, n, o));
}

enum { TILE = 4 }; /* samples of a work-item */

struct launch *dropconnect_moments_launch(const struct plan *p, const struct step *s,
                                          const struct caps *caps, struct launch_list *list) {
    const struct dropconnect_attr *attr = s->attr;
    struct gemm g = product_of(p, s);
    int tile = g.m < TILE ? g.m : TILE;
    struct launch *l = launch_new(list, "dropconnect_moments", "dropconnect_moments");
    launch_define(l, "-DBATCH=%d -DIN=%d -DOUT=%d -DBIAS=%d", g.m, g.k, g.n, attr->dense.bias);
    launch_define(l, "-DCHUNK=%d -DTILE=%d -DLAYER_AT=%d", gemm_chunk_length(&g), tile,
                  CONTROL_LAYERS + CONTROL_LAYER * s->draw);
    for (int i = 0; i < 2 + attr->dense.bias; i++) launch_value(l, s->in[i]);
    launch_value(l, s->out[0]);
    launch_size(
        l, 2, (size_t[]){divide_up((size_t)g.n, lanes(caps)), divide_up((size_t)g.m, (size_t)tile)},
        (size_t[]){caps->cpu_family ? 1 : 64, 1});
    return l;
}

void dropconnect_moments_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct gemm g = product_of(p, s);
    c->flops = 5.0 * g.m * g.n * g.k;
    c->chunks = gemm_chunks(&g);
}

int dropconnect_moments_append(struct plan *p, const struct op *op, const struct layer *layer,
                               int in, const struct dense_params *params) {
    int s = dense_step_new(p, op, layer->attr, layer, in, params);
    p->steps[s].draw = layer->draw;
    return p->steps[s].out[0];
}
