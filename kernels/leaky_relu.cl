/* y = x where x > 0, else slope x; dx likewise by the sign of y. at.a: the bits of the slope. */
#define leaky_relu_point(x, extra, at)      select((x) * as_float((at).a), (x), (x) > 0.0f)
#define leaky_relu_grad_point(x, extra, at) select((x) * as_float((at).a), (x), (extra) > 0.0f)
