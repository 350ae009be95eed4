/* y = max(x, 0) with NaN kept; dx = dy where y > 0. */
#define relu_point(x, extra, at)      select((x), (realv)(0.0f), (x) <= 0.0f)
#define relu_grad_point(x, extra, at) select((realv)(0.0f), (x), (extra) > 0.0f)
