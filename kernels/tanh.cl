/* y = tanh x, dx = dy (1 - y^2). */
#define tanh_point(x, extra, at)      pm_tanh(x)
#define tanh_grad_point(x, extra, at) ((x) * fma(-(extra), extra, (realv)(1.0f)))
