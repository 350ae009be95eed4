/* Forward and dx on CPU devices: a work-item owns a panel of 16 channels and a block of pixels,
 * BLOCK_N samples x BLOCK_H x BLOCK_W. It copies what the block's windows cover, padding included, into a
 * private patch, so that no sum has to ask where it is, and sweeps the block in register tiles of
 * TILE pixels x 16 channels. Weights come in panels (conv_pack.cl). For dx the patch is read
 * backwards; the third axis of the grid counts the phases (conv_common.cl). */

static void clear(float *to, int n) {
    int i = 0;
    for (; i + 16 <= n; i += 16) vstore16((float16)(0.0f), 0, to + i);
    for (; i < n; i++) to[i] = 0.0f;
}

static void copy(float *to, global const float *from, int n) {
    int i = 0;
    for (; i + 16 <= n; i += 16) vstore16(vload16(0, from + i), 0, to + i);
    for (; i < n; i++) to[i] = from[i];
}

/* `rows` x `columns` pixels from (y, x) of sample n; what lies outside of the map is 0. */
static void load_patch(float *patch, global const float *src, uint n, int y, int x, int rows, int columns) {
    int left = clamp(-x, 0, columns), right = clamp(SRC_W - x, left, columns);
    for (int r = 0; r < rows; r++, patch += PATCH_W * SRC_C) {
        if (y + r < 0 || y + r >= SRC_H) {
            clear(patch, columns * SRC_C);
            continue;
        }
        clear(patch, left * SRC_C);
        copy(patch + left * SRC_C, src + (((size_t)n * SRC_H + y + r) * SRC_W + x + left) * SRC_C,
             (right - left) * SRC_C);
        clear(patch + right * SRC_C, (columns - right) * SRC_C);
    }
}

/* The rows of taps that read the map, and not only padding, for some pixel in block rows [top, bottom]. */
static int2 taps_inside(struct phase v, int y0, int top, int bottom) {
    int first = max(-(v.start + (y0 + bottom) * STEP), 0), last = min(SRC_H - (v.start + (y0 + top) * STEP), v.taps);
    return PASS == FORWARD ? (int2)(first, last) : (int2)(v.taps - last, v.taps - first);
}

kernel void conv(CONV_PARAMS, STAGE_PARAMS) {
    uint channel = get_group_id(0) * 16, count = min(16u, DST_C - channel), block = get_group_id(1);
    uint phase_y = PHASES == 1 ? 0 : get_group_id(2) / PHASES, phase_x = PHASES == 1 ? 0 : get_group_id(2) % PHASES;
    struct phase v = phase_of(phase_y, DST_H, KH, TOP), h = phase_of(phase_x, DST_W, KW, LEFT);
    int x0 = block % BLOCKS_W * BLOCK_W, y0 = block / BLOCKS_W % BLOCKS_H * BLOCK_H;
    int n0 = block / BLOCKS_W / BLOCKS_H * BLOCK_N;
    int columns = min(BLOCK_W, h.size - x0), rows = min(BLOCK_H, v.size - y0), samples = min(BLOCK_N, SAMPLES - n0);
    if (columns <= 0 || rows <= 0) return;
    float patch[BLOCK_N * PATCH_H * PATCH_W * SRC_C];
    for (int n = 0; n < samples; n++)
        load_patch(patch + n * PATCH_H * PATCH_W * SRC_C, src, n0 + n, v.start + y0 * STEP, h.start + x0 * STEP,
                   (rows - 1) * STEP + v.taps, (columns - 1) * STEP + h.taps);
    global const float *panel = weights + (size_t)get_group_id(0) * (KH * KW * SRC_C * 16);
    int pixels = samples * rows * columns, n = 0, y = 0, x = 0;
    for (int first = 0; first < pixels; first += TILE) {
        uint base[TILE]; /* pixels past the end repeat the last one and are not stored */
        int at_n[TILE], at_pixel[TILE];
        float16 sum[TILE], done[TILE];
        int n_first = n, last_n = n, top = y, bottom = y;
#pragma unroll
        for (int i = 0; i < TILE; i++) {
            base[i] = ((n * PATCH_H + y * STEP) * PATCH_W + x * STEP) * SRC_C;
            at_n[i] = n0 + n;
            at_pixel[i] = (v.first + (y0 + y) * PHASES) * DST_W + h.first + (x0 + x) * PHASES;
            sum[i] = 0.0f;
            bottom = y;
            last_n = n;
            if (first + i + 1 >= pixels) continue;
            if (++x == columns) x = 0, y++;
            if (y == rows) y = 0, n++;
        }
        int2 taps = n_first == last_n ? taps_inside(v, y0, top, bottom) : (int2)(0, v.taps);
        for (int ty = taps.x; ty < taps.y; ty++) {
#if PASS == FORWARD
            { /* the taps of a row are neighbours in patch and panel */
                uint length = KW * SRC_C, offset = ty * PATCH_W * SRC_C;
                global const float *row = panel + (size_t)ty * (KW * SRC_C * 16);
#else
            for (int tx = 0; tx < h.taps; tx++) {
                uint length = SRC_C, offset = ((v.taps - 1 - ty) * PATCH_W + h.taps - 1 - tx) * SRC_C;
                global const float *row =
                    panel + (size_t)((phase_y + PHASES * ty) * KW + phase_x + PHASES * tx) * (SRC_C * 16);
#endif
                for (uint k = 0; k < length; k++) {
                    float16 w = vload16(k, row);
#pragma unroll
                    for (int i = 0; i < TILE; i++) sum[i] = fma((float16)patch[base[i] + offset + k], w, sum[i]);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < TILE; i++) done[i] = sum[i];
        for (int i = 0; i < min(TILE, pixels - first); i++) FINISH(done[i], at_n[i], (uint)at_pixel[i], channel, count);
    }
}
