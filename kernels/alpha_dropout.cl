/* y = a x + b, x = ALPHA_DROPPED where dropped; a, b, c of the stage as in dropout.cl, c 0: every element decides.
 * a is in the place of the scale. */
#define ALPHA_DROPPED -1.75809934084737685994f

static intv alpha_drops(struct point at) {
    uintv words = at.c ? dropout2d_words(at) : dropout_words(at);
    return words <= (uintv)(at.row[at.a + LAYER_LIMIT]);
}

static realv alpha_dropout_apply(realv x, struct point at) {
    float scale = as_float(at.row[at.a + LAYER_SCALE]), shift = as_float(at.row[at.a + LAYER_EXTRA]);
    return fma((realv)(scale), select(x, (realv)(ALPHA_DROPPED), alpha_drops(at)), (realv)(shift));
}

static realv alpha_dropout_grad_apply(realv dy, struct point at) {
    return select(dy * as_float(at.row[at.a + LAYER_SCALE]), (realv)(0.0f), alpha_drops(at));
}

#define alpha_dropout_point(x, extra, at)                                                          \
    ((at).row[(at).a + LAYER_ACTIVE] ? alpha_dropout_apply(x, at) : (x))
#define alpha_dropout_grad_point(x, extra, at)                                                     \
    ((at).row[(at).a + LAYER_ACTIVE] ? alpha_dropout_grad_apply(x, at)                             \
                                     : (x) * as_float((at).row[(at).a + LAYER_SCALE]))
