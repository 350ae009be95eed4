/* DropConnect on GPUs: behind dropconnect_common.cl. A group of 128 work-items draws the masks of a block of rows and
 * samples into local memory, one Philox block (128 weights) each, then every item sums a column of outputs. */
#define GROUP 128

/* The words of block `block` of a row. */
static uint4 kept_words(struct masks m, uint sample, uint row, uint block) {
    uint4 kept = (uint4)(FIRST_KEPT(m));
    for (uint plane = m.planes; plane-- > 0;) {
        uint4 counter = (uint4)(row * BLOCKS + block, m.sample + sample, m.step, m.counter3 | plane);
        uint4 digit = philox4x32(counter, m.key);
        kept = DIGIT_OF_T8(m, plane) ? kept & digit : kept | digit;
    }
    return kept & existing(block);
}

#if !GRAD
#define SAMPLES 8

/* Bias, scale and stages of SAMPLES x 128 sums, four neighbours at a time for each item. kept [SAMPLES][4]: row IN. */
static void finish(local const float *sums, local const uint *kept, float scale, uint n0, uint block, uint id,
                   global float *y BIAS_PARAM, STAGE_PARAMS) {
    for (uint p = id; p < SAMPLES * 32; p += GROUP) {
        uint s = p / 32, at = p % 32 * 4, column = block * 128 + at;
        if (n0 + s >= BATCH || column >= OUT) continue;
        uint count = min(4u, OUT - column);
        float4 v = vload4(0, sums + s * 128 + at);
#if BIAS
        uint4 bits = (uint4)(kept[s * 4 + at / 32] >> at % 32) & (uint4)(1, 2, 4, 8);
        v = select(v, v + load_lanes(b + column, count), bits != (uint4)(0));
#endif
        size_t index = (size_t)(n0 + s) * OUT + column;
        store_lanes(epilogue(v * scale, n0 + s, column, index, count, STAGE_ARGS), y + index, count);
    }
}

/* A group computes SAMPLES samples of a block of 128 outputs. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void dropconnect(FORWARD_PARAMS, STAGE_PARAMS) {
    local uint kept[SAMPLES * CHUNK_IN * 4];
    local float values[SAMPLES * CHUNK_IN], sums[SAMPLES * 128];
    global const uint *row = control + (size_t)cursor * ROW;
    struct masks m = masks_of(row);
    uint id = get_local_id(0), block = get_group_id(0), n0 = get_group_id(1) * SAMPLES, o = block * 128 + id;
    float total[SAMPLES];
    for (uint s = 0; s < SAMPLES; s++) total[s] = 0.0f;
    for (uint k0 = 0; k0 < IN; k0 += CHUNK_IN) {
        uint depth = min((uint)CHUNK_IN, IN - k0);
        for (uint p = id; p < SAMPLES * CHUNK_IN; p += GROUP) {
            uint s = p / CHUNK_IN, k = p % CHUNK_IN;
            int inside = n0 + s < BATCH && k < depth;
            vstore4(inside ? kept_words(m, n0 + s, k0 + k, block) : (uint4)(0), 0, kept + 4 * p);
            values[p] = inside ? x[(size_t)(n0 + s) * IN + k0 + k] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        float sum[SAMPLES];
        for (uint s = 0; s < SAMPLES; s++) sum[s] = 0.0f;
        for (uint k = 0; k < depth; k++) {
            float weight = o < OUT ? w[(size_t)(k0 + k) * OUT + o] : 0.0f;
            for (uint s = 0; s < SAMPLES; s++) {
                uint p = s * CHUNK_IN + k;
                if (kept[4 * p + id / 32] >> id % 32 & 1) sum[s] = fma(values[p], weight, sum[s]);
            }
        }
        for (uint s = 0; s < SAMPLES; s++) total[s] = k0 ? total[s] + sum[s] : sum[s];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (uint s = 0; s < SAMPLES; s++) sums[s * 128 + id] = total[s];
    if (id < SAMPLES) vstore4(n0 + id < BATCH ? kept_words(m, n0 + id, IN, block) : (uint4)(0), 0, kept + 4 * id);
    barrier(CLK_LOCAL_MEM_FENCE);
#if BIAS
    finish(sums, kept, as_float(row[LAYER_AT + LAYER_SCALE]), n0, block, id, y, b, STAGE_ARGS);
#else
    finish(sums, kept, as_float(row[LAYER_AT + LAYER_SCALE]), n0, block, id, y, STAGE_ARGS);
#endif
}
#endif

#if GRAD
#define ROWS  8
#define WIDTH 129 /* of a row of 128 in local memory, so that neighbouring rows are in different banks */

/* Masks and x of a row and a sample for each item; dy of the samples. Row IN has x = 1. */
static void load_chunk(struct masks m, global const float *x, global const float *dy, uint n0, uint samples, uint i0,
                       uint rows, uint block, local uint *kept, local float *values, local float *panel) {
    uint id = get_local_id(0), s = id / ROWS, r = id % ROWS, o = block * 128 + id;
    int inside = s < samples && r < rows;
    vstore4(inside ? kept_words(m, n0 + s, i0 + r, block) : (uint4)(0), 0, kept + 4 * id);
    values[id] = !inside ? 0.0f : i0 + r < IN ? x[(size_t)(n0 + s) * IN + i0 + r] : 1.0f;
    for (uint n = 0; n < CHUNK_BATCH; n++)
        panel[n * WIDTH + id] = n < samples && o < OUT ? dy[(size_t)(n0 + n) * OUT + o] : 0.0f;
}

/* A chunk of samples of output o of a row of dW, or of db. */
static float chunk_sum(local const uint *kept, local const float *values, local const float *panel, uint samples,
                       uint i) {
    uint id = get_local_id(0);
    float sum = 0.0f;
    for (uint n = 0; n < samples; n++)
        if (kept[4 * (n * ROWS + i) + id / 32] >> id % 32 & 1)
            sum = fma(values[n * ROWS + i], panel[n * WIDTH + id], sum);
    return sum;
}

#if DX
static void load_weights(global const float *w, uint i0, uint block, local float *weights) {
    uint id = get_local_id(0), o = block * 128 + id;
    for (uint i = 0; i < ROWS; i++)
        weights[i * WIDTH + id] = i0 + i < IN && o < OUT ? w[(size_t)(i0 + i) * OUT + o] : 0.0f;
}

/* 128 outputs more of the 16 chains of an item's row and sample. */
static void add_chains(local const uint *kept, local const float *weights, local const float *panel, float *chain) {
    uint id = get_local_id(0), s = id / ROWS, r = id % ROWS;
    for (uint at = 0; at < 128; at += 16)
#pragma unroll
        for (uint l = 0; l < 16; l++)
            if (kept[4 * id + at / 32] >> (at % 32 + l) & 1)
                chain[l] = fma(weights[r * WIDTH + at + l], panel[s * WIDTH + at + l], chain[l]);
}

static float tree(float *chain) {
    for (uint half_ = 8; half_; half_ /= 2)
        for (uint l = 0; l < half_; l++) chain[l] = chain[l] + chain[l + half_];
    return chain[0];
}

/* Stages and stores, four rows of a sample for each item. */
static void store_dx(local const float *results, uint n0, uint samples, uint i0, global float *dx, STAGE_PARAMS) {
    for (uint p = get_local_id(0); p < CHUNK_BATCH * ROWS / 4; p += GROUP) {
        uint n = p / (ROWS / 4), i = i0 + p % (ROWS / 4) * 4;
        if (n >= samples || i >= IN) continue;
        uint count = min(4u, IN - i);
        size_t index = (size_t)(n0 + n) * IN + i;
        store_lanes(epilogue(vload4(0, results + 4 * p), n0 + n, i, index, count, STAGE_ARGS), dx + index, count);
    }
}
#endif

/* A group has ROWS rows of W, over the whole batch; row IN is the bias. In dW an item has a column, in dx a pair of a
 * row and a sample, with its 16 chains. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void dropconnect_grad(GRAD_PARAMS, STAGE_PARAMS) {
    local uint kept[CHUNK_BATCH * ROWS * 4];
    local float values[CHUNK_BATCH * ROWS], panel[CHUNK_BATCH * WIDTH];
#if DX
    local float weights[ROWS * WIDTH], results[CHUNK_BATCH * ROWS];
#endif
    global const uint *row = control + (size_t)cursor * ROW;
    struct masks m = masks_of(row);
    float scale = as_float(row[LAYER_AT + LAYER_SCALE]);
    uint id = get_local_id(0), i0 = get_group_id(0) * ROWS, rows = min((uint)ROWS, IN + BIAS - i0);
    for (uint n0 = 0; n0 < BATCH; n0 += CHUNK_BATCH) {
        uint samples = min((uint)CHUNK_BATCH, BATCH - n0);
        float factor = n0 + CHUNK_BATCH < BATCH ? 1.0f : scale;
#if DX
        float chain[16];
        for (uint l = 0; l < 16; l++) chain[l] = 0.0f;
#endif
        for (uint block = 0; block < BLOCKS; block++) {
            uint o = block * 128 + id;
            load_chunk(m, x, dy, n0, samples, i0, rows, block, kept, values, panel);
#if DX
            load_weights(w, i0, block, weights);
#endif
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint i = 0; i < rows && o < OUT; i++) {
                global float *gradient = dw + (size_t)(i0 + i) * OUT + o;
#if BIAS
                if (i0 + i == IN) gradient = db + o;
#endif
                float sum = chunk_sum(kept, values, panel, samples, i);
                *gradient = (n0 ? *gradient + sum : sum) * factor;
            }
#if DX
            add_chains(kept, weights, panel, chain);
#endif
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#if DX
        results[id] = tree(chain) * scale;
        barrier(CLK_LOCAL_MEM_FENCE);
        store_dx(results, n0, samples, i0, dx, STAGE_ARGS);
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
    }
}
#endif
