/* y = x P(x), dx = dy (P(x) + x p(x)); P the normal distribution, p its density. */
static realv gelu_normal(realv x) {
    return (pm_erf(x * 0.70710678118654752440f) + 1.0f) * 0.5f;
}

static realv gelu_slope(realv x) {
    return gelu_normal(x) + x * (pm_expv(x * x * -0.5f) * 0.39894228040143267794f);
}

#define gelu_point(x, extra, at)      ((x) * gelu_normal(x))
#define gelu_grad_point(x, extra, at) ((x) * gelu_slope(extra))
