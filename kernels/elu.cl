/* y = x where x > 0, else alpha (e^x - 1); dx = dy where y > 0, else dy (y + alpha). at.a: the bits of
 * alpha. */
#define elu_point(x, extra, at)      select(pm_expm1(x) * as_float((at).a), (x), (x) > 0.0f)
#define elu_grad_point(x, extra, at) select((x) * ((extra) + as_float((at).a)), (x), (extra) > 0.0f)
