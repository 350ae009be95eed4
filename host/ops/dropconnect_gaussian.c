/* The expected ReLU of DropConnect's pre-activation u, normal with its moments: Wan et al. 2013
 * sample it (dropconnect_sampling.c), but the mean of a ReLU needs no samples,
 *
 *     E max(u, 0) = mu P(mu / s) + s p(mu / s),
 *
 * P the normal distribution, p its density; never below 0, where rounding might put it. */
#include "ops/dropconnect.h"
#include "ops/real_math.h"

static const real ROOT_HALF = (real)0.70710678118654752440;
static const real DENSITY_AT_0 = (real)0.39894228040143267794; /* 1 / sqrt(2 pi) */

static real expected_relu(const void *user, struct moments u) {
    (void)user;
    real s = REAL_SQRT(u.variance), z = u.mean / s;
    real below = (1 + REAL_ERF(z * ROOT_HALF)) * (real)0.5;
    real density = REAL_EXPV(z * z * (real)-0.5) * DENSITY_AT_0;
    real y = REAL_FMA(u.mean, below, s * density);
    if (!(s > 0)) y = u.mean; /* nothing varies; or a NaN */
    return y <= 0 ? 0 : y;
}

static void gaussian_cpu(const struct cpu_run *run, const struct step *s) {
    dropconnect_moments_cpu(run, s, expected_relu, NULL);
}

static void gaussian_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                            struct launch_list *list) {
    struct launch *l = dropconnect_moments_launch(p, s, caps, list);
    launch_piece(l, "dropconnect_gaussian");
    stages_launch(p, s, l);
}

const struct op op_dropconnect_gaussian = {.name = "dropconnect_gaussian",
                                           .producer = true,
                                           .cpu = gaussian_cpu,
                                           .launch = gaussian_launch,
                                           .cost = dropconnect_moments_cost};
