/* DropConnect on CPU devices: behind dropconnect_common.cl. Masks are drawn for a block of rows and samples into
 * private memory, then swept 32 outputs (two vectors, one word of bits for a row and sample) at a time. */
#define CHUNK_SAMPLES CHUNK_BATCH /* samples and rows that are drawn at once */
#define DRAWN         (GRAD ? 16 : CHUNK_IN)

/* The lanes that a word of bits keeps. */
#define LOW_BITS          ((uint16)(1) << LANE_NUMBERS)
#define HIGH_BITS         ((uint16)(1) << (LANE_NUMBERS + 16))
#define KEEPS(word, bits) (((uint16)(word) & (bits)) != (uint16)(0))

/* kept[w]: word w of block `block` of rows row .. row + 7. */
static void kept_words(struct masks m, uint sample, uint row, uint block, uint8 kept[4]) {
    uint8 blocks = ((uint8)(row) + (uint8)(0, 1, 2, 3, 4, 5, 6, 7)) * BLOCKS + block;
    ulong8 all[4], digit[4];
    for (uint w = 0; w < 4; w++) all[w] = (ulong8)(FIRST_KEPT(m));
    for (uint plane = m.planes; plane-- > 0;) {
        philox8_lanes(blocks, m.sample + sample, m.step, m.counter3 | plane, m.key, digit);
        int set = DIGIT_OF_T8(m, plane);
#pragma unroll
        for (uint w = 0; w < 4; w++) all[w] = set ? all[w] & digit[w] : all[w] | digit[w];
    }
    uint4 valid = existing(block);
    kept[0] = convert_uint8(all[0]) & valid.x;
    kept[1] = convert_uint8(all[1]) & valid.y;
    kept[2] = convert_uint8(all[2]) & valid.z;
    kept[3] = convert_uint8(all[3]) & valid.w;
}

/* Rows first .. first + rows - 1 of samples n0 ..: kept[word][sample][row], DRAWN rows apart. */
static void draw_chunk(struct masks m, uint n0, uint samples, uint first, uint rows, uint block,
                       uint kept[4][CHUNK_SAMPLES][DRAWN]) {
    for (uint n = 0; n < samples; n++)
        for (uint r = 0; r < rows; r += 8) {
            uint8 words[4];
            kept_words(m, n0 + n, first + r, block, words);
            for (uint w = 0; w < 4; w++) vstore8(words[w], 0, &kept[w][n][r]);
        }
}

/* Outputs column .. column + 31 of a row of `p`; those that do not exist read as 0. */
static void load_pair(global const float *p, uint column, float16 *low, float16 *high) {
    uint left = OUT - column;
    *low = load_lanes(p + column, min(left, 16u));
    *high = left > 16 ? load_lanes(p + column + 16, min(left - 16, 16u)) : (float16)(0.0f);
}

static void store_pair(float16 low, float16 high, global float *p, uint column) {
    uint left = OUT - column;
    store_lanes(low, p + column, min(left, 16u));
    if (left > 16) store_lanes(high, p + column + 16, min(left - 16, 16u));
}

#if !GRAD
#define TILE 8 /* samples at once */

/* Adds a chunk to the totals of TILE samples from `first` on; past the end, the last one is summed for nothing. */
static void sweep(global const float *x, const float16 *panel, uint depth, uint first, uint samples, int fresh,
                  uint kept[CHUNK_SAMPLES][DRAWN], float16 total[CHUNK_SAMPLES][2]) {
    float16 low[TILE], high[TILE];
    uint n[TILE];
#pragma unroll
    for (uint i = 0; i < TILE; i++) {
        low[i] = high[i] = 0.0f;
        n[i] = min(first + i, samples - 1);
    }
    for (uint k = 0; k < depth; k++) {
        float16 w_low = panel[2 * k], w_high = panel[2 * k + 1];
#pragma unroll
        for (uint i = 0; i < TILE; i++) {
            float16 v = x[(size_t)n[i] * IN + k];
            uint word = kept[n[i]][k];
            low[i] = select(low[i], fma(v, w_low, low[i]), KEEPS(word, LOW_BITS));
            high[i] = select(high[i], fma(v, w_high, high[i]), KEEPS(word, HIGH_BITS));
        }
    }
#pragma unroll
    for (uint i = 0; i < TILE; i++) {
        if (first + i >= samples) continue;
        total[n[i]][0] = fresh ? low[i] : total[n[i]][0] + low[i];
        total[n[i]][1] = fresh ? high[i] : total[n[i]][1] + high[i];
    }
}

/* Bias, scale, stages. The words of row IN: those of rows behind it belong to nothing. */
static void finish(struct masks m, float scale, uint n0, uint samples, uint block, uint units,
                   float16 total[4][CHUNK_SAMPLES][2], global float *y BIAS_PARAM, STAGE_PARAMS) {
    for (uint n = 0; n < samples; n++) {
        uint8 words[4];
        kept_words(m, n0 + n, IN, block, words);
        for (uint u = 0; u < units; u++)
            for (uint half_ = 0; half_ < 2; half_++) {
                uint column = block * 128 + u * 32 + half_ * 16;
                if (column >= OUT) continue;
                uint count = min(16u, OUT - column);
                float16 v = total[u][n][half_];
#if BIAS
                v = select(v, v + load_lanes(b + column, count), KEEPS(words[u].s0 >> half_ * 16, LOW_BITS));
#endif
                size_t index = (size_t)(n0 + n) * OUT + column;
                store_lanes(epilogue(v * scale, n0 + n, column, index, count, STAGE_ARGS), y + index, count);
            }
    }
}

/* A work-item computes CHUNK_SAMPLES samples of a block of 128 outputs. */
kernel void dropconnect(FORWARD_PARAMS, STAGE_PARAMS) {
    global const uint *row = control + (size_t)cursor * ROW;
    struct masks m = masks_of(row);
    uint block = get_group_id(0), n0 = get_group_id(1) * CHUNK_SAMPLES;
    uint samples = min((uint)CHUNK_SAMPLES, BATCH - n0), units = min(4u, (OUT - block * 128 + 31) / 32);
    float16 total[4][CHUNK_SAMPLES][2];
    uint kept[4][CHUNK_SAMPLES][DRAWN];
    for (uint k0 = 0; k0 < IN; k0 += CHUNK_IN) {
        uint depth = min((uint)CHUNK_IN, IN - k0);
        draw_chunk(m, n0, samples, k0, depth, block, kept);
        for (uint u = 0; u < units; u++) {
            float16 panel[2 * CHUNK_IN];
            for (uint k = 0; k < depth; k++)
                load_pair(w + (size_t)(k0 + k) * OUT, block * 128 + u * 32, &panel[2 * k], &panel[2 * k + 1]);
            for (uint first = 0; first < samples; first += TILE)
                sweep(x + (size_t)n0 * IN + k0, panel, depth, first, samples, k0 == 0, kept[u], total[u]);
        }
    }
#if BIAS
    finish(m, as_float(row[LAYER_AT + LAYER_SCALE]), n0, samples, block, units, total, y, b, STAGE_ARGS);
#else
    finish(m, as_float(row[LAYER_AT + LAYER_SCALE]), n0, samples, block, units, total, y, STAGE_ARGS);
#endif
}
#endif

#if GRAD
#define ROWS 16 /* of W a work-item has, over the whole batch; row IN is the bias */

/* A chunk of samples of 32 outputs of row i of dW, and what these outputs add to the chains of dx. The
 * finished chunks wait in `gradient`, the row; scale comes with the last one. */
static void sweep(const float16 *panel, const float *v, const uint *kept, uint samples, uint column, int fresh,
                  float scale, global float *gradient, float16 w_low, float16 w_high, float16 *chains) {
    float16 low = 0.0f, high = 0.0f;
    for (uint n = 0; n < samples; n++) {
        float16 d_low = panel[2 * n], d_high = panel[2 * n + 1];
        int16 keep_low = KEEPS(kept[n * ROWS], LOW_BITS), keep_high = KEEPS(kept[n * ROWS], HIGH_BITS);
        low = select(low, fma((float16)(v[n * ROWS]), d_low, low), keep_low);
        high = select(high, fma((float16)(v[n * ROWS]), d_high, high), keep_high);
#if DX
        float16 chain = chains[n];
        chain = select(chain, fma(w_low, d_low, chain), keep_low);
        chains[n] = select(chain, fma(w_high, d_high, chain), keep_high);
#endif
    }
    if (!fresh) {
        float16 before_low, before_high;
        load_pair(gradient, column, &before_low, &before_high);
        low = before_low + low;
        high = before_high + high;
    }
    store_pair(low * scale, high * scale, gradient, column);
}

static float tree(float16 v) {
    float8 eight = v.lo + v.hi;
    float4 four = eight.lo + eight.hi;
    float2 two = four.lo + four.hi;
    return two.x + two.y;
}

/* x of a chunk, 1 for the bias; the chains start. */
static void start_chunk(global const float *x, uint n0, uint samples, uint i0, uint rows, float v[CHUNK_BATCH][ROWS],
                        float16 chains[ROWS][CHUNK_BATCH]) {
    for (uint n = 0; n < samples; n++)
        for (uint r = 0; r < rows; r++) {
            v[n][r] = i0 + r < IN ? x[(size_t)(n0 + n) * IN + i0 + r] : 1.0f;
            chains[r][n] = 0.0f;
        }
}

#if DX
static void store_dx(float16 chains[ROWS][CHUNK_BATCH], float scale, uint n0, uint samples, uint i0, global float *dx,
                     STAGE_PARAMS) {
    uint count = min((uint)ROWS, IN - min((uint)IN, i0));
    for (uint n = 0; n < samples && count; n++) {
        float lane[16];
        for (uint r = 0; r < 16; r++) lane[r] = r < count ? tree(chains[r][n]) * scale : 0.0f;
        size_t index = (size_t)(n0 + n) * IN + i0;
        store_lanes(epilogue(load_full(lane), n0 + n, i0, index, count, STAGE_ARGS), dx + index, count);
    }
}
#endif

kernel void dropconnect_grad(GRAD_PARAMS, STAGE_PARAMS) {
    global const uint *row = control + (size_t)cursor * ROW;
    struct masks m = masks_of(row);
    float scale = as_float(row[LAYER_AT + LAYER_SCALE]);
    uint i0 = get_group_id(0) * ROWS, rows = min((uint)ROWS, IN + BIAS - i0);
    uint kept[4][CHUNK_SAMPLES][DRAWN];
    float16 chains[ROWS][CHUNK_BATCH], panel[2 * CHUNK_BATCH];
    float v[CHUNK_BATCH][ROWS];
    for (uint n0 = 0; n0 < BATCH; n0 += CHUNK_BATCH) {
        uint samples = min((uint)CHUNK_BATCH, BATCH - n0);
        float factor = n0 + CHUNK_BATCH < BATCH ? 1.0f : scale;
        start_chunk(x, n0, samples, i0, rows, v, chains);
        for (uint column = 0; column < OUT; column += 32) {
            uint unit = column / 32 % 4;
            if (unit == 0) draw_chunk(m, n0, samples, i0, rows, column / 128, kept);
            for (uint n = 0; n < samples; n++)
                load_pair(dy + (size_t)(n0 + n) * OUT, column, &panel[2 * n], &panel[2 * n + 1]);
            for (uint r = 0; r < rows; r++) {
                float16 w_low = 0.0f, w_high = 0.0f;
                global float *gradient = dw + (size_t)(i0 + r) * OUT;
#if DX
                if (i0 + r < IN) load_pair(w + (size_t)(i0 + r) * OUT, column, &w_low, &w_high);
#endif
#if BIAS
                if (i0 + r == IN) gradient = db;
#endif
                sweep(panel, &v[0][r], &kept[unit][0][r], samples, column, n0 == 0, factor, gradient, w_low, w_high,
                      chains[r]);
            }
        }
#if DX
        store_dx(chains, scale, n0, samples, i0, dx, STAGE_ARGS);
#endif
    }
}
#endif
