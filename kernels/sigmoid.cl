/* y = 1 / (1 + e^-x), dx = dy y (1 - y). */
#define sigmoid_point(x, extra, at)      pm_sigmoid(x)
#define sigmoid_grad_point(x, extra, at) ((x) * sigmoid_slope(extra))

static realv sigmoid_slope(realv y) {
    return y * (1.0f - y);
}
