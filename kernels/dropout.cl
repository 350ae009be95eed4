/* Dropout by the mask contract (docs/masks.md): a = where the layer's words are in the CONTROL row,
 * b = domain << 28 | layer << 16. Element e is dropped iff its Philox word is below T. */
static uintv dropout_words(struct point at) {
    uint2 key = (uint2)(at.row[CONTROL_SEED_LOW], at.row[CONTROL_SEED_HIGH]);
    uint sample = at.row[CONTROL_SAMPLE] + at.sample, step = at.row[CONTROL_STEP];
    uint counter3 = at.b | at.row[CONTROL_AUX];
#ifdef FAMILY_CPU
    return philox16(at.element >> 2, sample, step, counter3, key);
#else
    return philox4x32((uint4)(at.element >> 2, sample, step, counter3), key);
#endif
}

/* Select, not multiply: a dropped element is +0 whatever it was. */
static realv dropout_apply(realv x, struct point at) {
    float scale = as_float(at.row[at.a + LAYER_SCALE]);
    if (!at.row[at.a + LAYER_ACTIVE]) return x * scale;
    intv drop = dropout_words(at) <= (uintv)(at.row[at.a + LAYER_LIMIT]);
    return select(x * scale, (realv)(0.0f), drop);
}

#define dropout_point(x, extra, at)       dropout_apply(x, at)
#define dropout_grad_point(x, extra, at)  dropout_apply(x, at)
#define dropout_scale_point(x, extra, at) ((x) * as_float((at).row[(at).a + LAYER_SCALE]))
