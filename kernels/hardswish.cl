/* y = x min(max(x + 3, 0), 6) / 6; dx = 0 below -3, dy above 3, dy (x / 3 + 1/2) between. */
static realv hardswish(realv x) {
    realv shifted = x + 3.0f;
    shifted = select(shifted, (realv)(0.0f), shifted < 0.0f);
    shifted = select(shifted, (realv)(6.0f), shifted > 6.0f);
    return x * (shifted * (1.0f / 6.0f));
}

static realv hardswish_back(realv dy, realv x) {
    realv slope = fma(x, (realv)(1.0f / 3.0f), (realv)(0.5f));
    slope = select(slope, (realv)(1.0f), x > 3.0f);
    return select(dy * slope, (realv)(0.0f), x < -3.0f);
}

#define hardswish_point(x, extra, at)      hardswish(x)
#define hardswish_grad_point(x, extra, at) hardswish_back(x, extra)
