/* Expected ReLU of normal sums, in closed form (host/ops/dropconnect_gaussian.c): what dropconnect_moments.cl asks for.
 */
static realv expected_relu(realv mu, realv variance) {
    realv s = sqrt(variance), z = mu / s;
    realv below = (pm_erf(z * 0.70710678118654752440f) + 1.0f) * 0.5f;
    realv density = pm_expv(z * z * -0.5f) * 0.39894228040143267794f;
    realv y = select(mu, fma(mu, below, s * density), s > (realv)(0.0f));
    return select(y, (realv)(0.0f), y <= (realv)(0.0f));
}

static void expected(realv mean[TILE], const realv variance[TILE]) {
#pragma unroll
    for (uint i = 0; i < TILE; i++) mean[i] = expected_relu(mean[i], variance[i]);
}
