/* Expected ReLU of DropConnect's pre-activation u, by moment matching (Wan et al. 2013,
 * section 3.2, which samples; the mean of a ReLU needs no samples). Over the masks, u has mean and
 * variance
 *
 *     mu = sum_i x_i W_i + b,   s^2 = T8 / (256 - T8) (sum_i (x_i W_i)^2 + b^2),
 *
 * as a mask times its scale has mean 1 and variance T8 / (256 - T8). For u normal,
 * E max(u, 0) = mu P(mu / s) + s p(mu / s), P the normal distribution, p its density; never below
 * 0, where rounding might put it. x [N][In], W [In][Out], b [Out]; out [N][Out]. Both sums in the
 * order of a dense layer's product (ops/gemm.h), the bias last. */
#include "ops/dropconnect.h"
#include "ops/gemm.h"
#include "ops/real_math.h"

static const real ROOT_HALF = (real)0.70710678118654752440;
static const real DENSITY_AT_0 = (real)0.39894228040143267794; /* 1 / sqrt(2 pi) */

static real expected_relu(real mu, real variance) {
    real s = REAL_SQRT(variance), z = mu / s;
    real below = (1 + REAL_ERF(z * ROOT_HALF)) * (real)0.5;
    real density = REAL_EXPV(z * z * (real)-0.5) * DENSITY_AT_0;
    real y = REAL_FMA(mu, below, s * density);
    if (!(s > 0)) y = mu; /* nothing varies; or a NaN */
    return y <= 0 ? 0 : y;
}

static struct gemm product_of(const struct plan *p, const struct step *s) {
    const struct shape *y = &p->values[s->out[0]].shape;
    return (struct gemm){y->dim[0], y->dim[1], p->values[s->in[1]].shape.dim[0], false, false};
}

static real element(const struct cpu_run *run, const struct step *s, size_t n, size_t o) {
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
    return expected_relu(mean, squares * (real)control_float(run->control, extra));
}

static void gaussian_cpu(const struct cpu_run *run, const struct step *s) {
    struct gemm g = product_of(run->plan, s);
    real *y = run->data[s->out[0]];
    for (size_t n = 0; n < (size_t)g.m; n++)
        for (size_t o = 0; o < (size_t)g.n; o++) y[n * (size_t)g.n + o] = element(run, s, n, o);
}

enum { TILE = 4 }; /* samples of a work-item */

static void gaussian_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                            struct launch_list *list) {
    const struct dropconnect_attr *attr = s->attr;
    struct gemm g = product_of(p, s);
    struct launch *l = launch_new(list, "dropconnect_gaussian", "dropconnect_gaussian");
    launch_define(l, "-DBATCH=%d -DIN=%d -DOUT=%d -DBIAS=%d", g.m, g.k, g.n, attr->dense.bias);
    launch_define(l, "-DCHUNK=%d -DTILE=%d -DLAYER_AT=%d", gemm_chunk_length(&g), TILE,
                  CONTROL_LAYERS + CONTROL_LAYER * s->draw);
    for (int i = 0; i < 2 + attr->dense.bias; i++) launch_value(l, s->in[i]);
    launch_value(l, s->out[0]);
    stages_launch(p, s, l);
    launch_size(l, 2, (size_t[]){divide_up((size_t)g.n, lanes(caps)), divide_up((size_t)g.m, TILE)},
                (size_t[]){caps->cpu_family ? 1 : 64, 1});
}

static void gaussian_cost(const struct plan *p, const struct step *s, struct cost *c) {
    struct gemm g = product_of(p, s);
    c->flops = 5.0 * g.m * g.n * g.k;
    c->chunks = gemm_chunks(&g);
}

static const struct op op_dropconnect_gaussian = {.name = "dropconnect_gaussian",
                                                  .producer = true,
                                                  .cpu = gaussian_cpu,
                                                  .launch = gaussian_launch,
                                                  .cost = gaussian_cost};

int dropconnect_gaussian_append(struct plan *p, const struct layer *layer, int in,
                                const struct dense_params *params) {
    int s = dense_step_new(p, &op_dropconnect_gaussian, layer->attr, layer, in, params);
    p->steps[s].draw = layer->draw;
    return p->steps[s].out[0];
}
