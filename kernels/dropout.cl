/* Dropout by the mask contract (docs/masks.md): a = where the layer's words are in the CONTROL row,
 * b = domain << 28 | layer << 16, c = channels. A decision is to drop iff its Philox word is below T. */

/* The words of four decisions, or of the LANES / 4 blocks of four that a vector needs. */
static uint4 dropout_block(struct point at, uint block) {
    uint2 key = (uint2)(at.row[CONTROL_SEED_LOW], at.row[CONTROL_SEED_HIGH]);
    return philox4x32((uint4)(block, at.row[CONTROL_SAMPLE] + at.sample, at.row[CONTROL_STEP],
                              at.b | at.row[CONTROL_AUX]), key);
}

#ifdef FAMILY_CPU
static uintv dropout_blocks(struct point at, uint4 blocks) {
    uint2 key = (uint2)(at.row[CONTROL_SEED_LOW], at.row[CONTROL_SEED_HIGH]);
    return philox16_blocks(blocks, at.row[CONTROL_SAMPLE] + at.sample, at.row[CONTROL_STEP],
                           at.b | at.row[CONTROL_AUX], key);
}
#endif

/* Every element decides for itself. */
static uintv dropout_words(struct point at) {
#ifdef FAMILY_CPU
    return dropout_blocks(at, (uint4)(at.element >> 2) + (uint4)(0, 1, 2, 3));
#else
    return dropout_block(at, at.element >> 2);
#endif
}

/* The channel decides: e % C, in blocks of four where no block holds elements of two pixels. */
static uintv dropout2d_words(struct point at) {
    if (at.c % 4 == 0) {
#ifdef FAMILY_CPU
        return dropout_blocks(at, (((uint4)(at.element) + (uint4)(0, 4, 8, 12)) % (uint4)(at.c)) >> 2);
#else
        return dropout_block(at, (at.element % at.c) >> 2);
#endif
    }
    uint words[LANES];
    for (uint lane = 0; lane < LANES; lane++) {
        uint channel = (at.element + lane) % at.c, four[4];
        vstore4(dropout_block(at, channel >> 2), 0, four);
        words[lane] = four[channel & 3];
    }
    return load_full(words);
}

/* The sample decides: element 0. */
static uintv droppath_words(struct point at) {
    return (uintv)(dropout_block(at, 0).x);
}

/* Select, not multiply: a dropped element is +0 whatever it was. */
static realv dropout_apply(realv x, struct point at, uintv words) {
    float scale = as_float(at.row[at.a + LAYER_SCALE]);
    intv drop = words <= (uintv)(at.row[at.a + LAYER_LIMIT]);
    return select(x * scale, (realv)(0.0f), drop);
}

#define DROPOUT(x, at, words)                                                                      \
    ((at).row[(at).a + LAYER_ACTIVE] ? dropout_apply(x, at, words)                                 \
                                     : (x) * as_float((at).row[(at).a + LAYER_SCALE]))
#define dropout_point(x, extra, at)        DROPOUT(x, at, dropout_words(at))
#define dropout_grad_point(x, extra, at)   DROPOUT(x, at, dropout_words(at))
#define dropout2d_point(x, extra, at)      DROPOUT(x, at, dropout2d_words(at))
#define dropout2d_grad_point(x, extra, at) DROPOUT(x, at, dropout2d_words(at))
#define droppath_point(x, extra, at)       DROPOUT(x, at, droppath_words(at))
#define droppath_grad_point(x, extra, at)  DROPOUT(x, at, droppath_words(at))
#define dropout_scale_point(x, extra, at)  ((x) * as_float((at).row[(at).a + LAYER_SCALE]))
