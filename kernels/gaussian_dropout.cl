/* y = x N(1, sigma^2): a, b as in dropout.cl; sigma is in the place of the scale. */
static realv gaussian_dropout_apply(realv x, struct point at) {
    float sigma = as_float(at.row[at.a + LAYER_SCALE]);
    return x * fma((realv)(sigma), inverse_normal(dropout_words(at)), (realv)(1.0f));
}

#define gaussian_dropout_point(x, extra, at)                                                       \
    ((at).row[(at).a + LAYER_ACTIVE] ? gaussian_dropout_apply(x, at) : (x))
#define gaussian_dropout_grad_point(x, extra, at) gaussian_dropout_point(x, extra, at)
