/* Convolutions as plainly as can be: a work-item computes LANES channels of one pixel (on CPU devices of one
 * row of pixels), or of one row of dW. What every other way must agree with before it may be used, and
 * what serves depthwise layers, which are memory traffic. */
#if PASS != DW

static realv link(global const float *at, global const float *row, uint count, realv sum) {
#if DEPTHWISE
    return fma(load_lanes(at, count), load_lanes(row, count), sum);
#else
    for (uint k = 0; k < SRC_C; k++)
        sum = fma((realv)at[k], load_lanes(row + (size_t)k * DST_C, count), sum);
    return sum;
#endif
}

kernel void conv(CONV_PARAMS, STAGE_PARAMS) {
#ifdef FAMILY_CPU
    uint channel = get_global_id(0) * LANES, row = get_global_id(1), first = 0, last = DST_W;
#else
    uint vectors = (DST_C + LANES - 1) / LANES, place = get_global_id(0) / vectors;
    uint channel = get_global_id(0) % vectors * LANES, row = place / DST_W, first = place % DST_W, last = first + 1;
#endif
    if (channel >= DST_C || row >= SAMPLES * DST_H) return;
    uint count = min((uint)LANES, DST_C - channel), n = row / DST_H;
    int y = row % DST_H;
    for (int x = first; x < last; x++) {
        realv sum = 0.0f;
        for (int ky = 0; ky < KH; ky++)
            for (int kx = 0; kx < KW; kx++) {
#if PASS == FORWARD
                int sy = y * STRIDE - TOP + ky, sx = x * STRIDE - LEFT + kx;
#else
                int sy = y + TOP - ky, sx = x + LEFT - kx;
                if (sy % STRIDE || sx % STRIDE) continue;
                sy /= STRIDE;
                sx /= STRIDE;
#endif
                long pixel = pixel_at(n, sy, sx, SRC_H, SRC_W);
                if (pixel < 0) continue;
                global const float *at = src + pixel * SRC_C + (DEPTHWISE ? channel : 0);
                sum = link(at, weights + (size_t)(ky * KW + kx) * DEPTH * DST_C + channel, count, sum);
            }
        FINISH(sum, n, (uint)(y * DST_W + x), channel, count);
    }
}

#else

/* Row WEIGHT_ROWS is db. */
kernel void conv_dw(DW_PARAMS) {
    uint f = get_global_id(0) * LANES, row = get_global_id(1), chunk = get_global_id(2);
    if (f >= OUT_C || row >= WEIGHT_ROWS + DB || chunk >= CHUNKS) return;
    uint count = min((uint)LANES, OUT_C - f);
    int ky = row / DEPTH / KW, kx = row / DEPTH % KW;
    realv sum = 0.0f;
    uint last = min((uint)(SAMPLES * OUT_H), (chunk + 1) * (uint)CHUNK_ROWS);
    for (uint r = chunk * CHUNK_ROWS; r < last; r++)
        for (int ox = 0; ox < OUT_W; ox++) {
            realv d = load_lanes(dy + ((size_t)r * OUT_W + ox) * OUT_C + f, count);
            if (row >= WEIGHT_ROWS) {
                sum += d;
                continue;
            }
            int iy = (int)(r % OUT_H) * STRIDE - TOP + ky, ix = ox * STRIDE - LEFT + kx;
            long pixel = pixel_at(r / OUT_H, iy, ix, IN_H, IN_W);
            if (pixel < 0) continue;
#if DEPTHWISE
            realv v = load_lanes(x + pixel * IN_C + f, count);
#else
            realv v = x[pixel * IN_C + row % DEPTH];
#endif
            sum = fma(v, d, sum);
        }
    store_lanes(sum + 0.0f, DW_ROW(chunk, row) + f, count);
}
#endif
