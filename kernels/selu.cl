/* y = l x where x > 0, else l a (e^x - 1); dx = l dy where y > 0, else dy (y + l a). */
#define SELU_SCALE        1.05070098735548049342f
#define SELU_SCALED_ALPHA 1.75809934084737685994f
#define selu_point(x, extra, at) \
    select(pm_expm1(x) * SELU_SCALED_ALPHA, (x) * SELU_SCALE, (x) > 0.0f)
#define selu_grad_point(x, extra, at) \
    select((x) * ((extra) + SELU_SCALED_ALPHA), (x) * SELU_SCALE, (extra) > 0.0f)
