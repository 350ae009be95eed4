/* dW on CPU devices: a work-item owns 16 output channels, GROUP input channels of all taps, and a chunk of
 * rows. It walks through the chunk in blocks of BLOCK_H x BLOCK_W pixels, copying the block's dy and the
 * GROUP channels of x that its windows cover, padding included, into private memory, and sweeps it once for
 * TILE rows of dW at a time. */
#define ROWS (KH * KW * GROUP) /* of dW, of one work-item */

/* GROUP channels from c of `rows` x `columns` pixels from (y, x) of sample n; 0 outside. */
static void load_patch(float *patch, global const float *map, uint n, int y, int x, int rows, int columns, uint c) {
    uint left = IN_C - c;
    for (int r = 0; r < rows; r++) {
        float *to = patch + r * (PATCH_W * GROUP);
        for (int q = 0; q < columns; q++, to += GROUP) {
            long pixel = pixel_at(n, y + r, x + q, IN_H, IN_W);
            global const float *from = map + (pixel < 0 ? 0 : pixel) * IN_C + c;
#if GROUP == 8 && IN_C % 8 == 0
            vstore8(pixel < 0 ? (float8)(0.0f) : vload8(0, from), 0, to);
#else
            for (uint i = 0; i < GROUP; i++) to[i] = pixel >= 0 && i < left ? from[i] : 0.0f;
#endif
        }
    }
}

kernel void conv_dw(DW_PARAMS) {
    uint f = get_group_id(0) * 16, c = get_group_id(1) * GROUP, chunk = get_group_id(2);
    uint count = min(16u, OUT_C - f), end = min((uint)(SAMPLES * OUT_H), (chunk + 1) * (uint)CHUNK_ROWS);
    float16 total[ROWS], d[BLOCK_H * BLOCK_W];
    float patch[PATCH_H * PATCH_W * GROUP];
    float16 column = 0.0f;
    for (uint m = 0; m < ROWS; m++) total[m] = 0.0f;
    for (uint row = chunk * CHUNK_ROWS, rows; row < end; row += rows) {
        uint n = row / OUT_H, oy = row % OUT_H;
        rows = min(min((uint)BLOCK_H, OUT_H - oy), end - row);
        for (uint ox = 0; ox < OUT_W; ox += BLOCK_W) {
            uint columns = min((uint)BLOCK_W, OUT_W - ox), p = 0;
            load_patch(patch, x, n, (int)oy * STRIDE - TOP, (int)ox * STRIDE - LEFT, (rows - 1) * STRIDE + KH,
                       (columns - 1) * STRIDE + KW, c);
            for (uint r = 0; r < rows; r++)
                for (uint q = 0; q < columns; q++)
                    d[p++] = load_lanes(dy + ((size_t)(row + r) * OUT_W + ox + q) * OUT_C + f, count);
            if (DB && c == 0)
                for (uint i = 0; i < p; i++) column += d[i];
            for (uint m = 0; m < ROWS; m += TILE) {
                uint at[TILE]; /* rows past the end repeat the last one and are not kept */
                float16 sum[TILE];
#pragma unroll
                for (uint i = 0; i < TILE; i++) {
                    uint k = min(m + i, ROWS - 1u);
                    at[i] = (k / GROUP / KW * PATCH_W + k / GROUP % KW) * GROUP + k % GROUP;
                    sum[i] = total[k];
                }
                for (uint r = 0; r < rows; r++) {
                    uint base = r * (STRIDE * PATCH_W * GROUP);
                    for (uint q = 0; q < columns; q++, base += STRIDE * GROUP) {
                        float16 v = d[r * columns + q];
#pragma unroll
                        for (uint i = 0; i < TILE; i++) {
#if GROUP % TILE == 0
                            float a = patch[base + at[0] + i];
#else
                            float a = patch[base + at[i]];
#endif
                            sum[i] = fma((float16)a, v, sum[i]);
                        }
                    }
                }
#pragma unroll
                for (uint i = 0; i < TILE; i++)
                    if (m + i < ROWS) total[m + i] = sum[i];
            }
        }
    }
    for (uint m = 0; m < ROWS; m++) {
        uint channel = c + m % GROUP;
        if (channel < IN_C) store_lanes(total[m], DW_ROW(chunk, m / GROUP * IN_C + channel) + f, count);
    }
#if DB
    if (c == 0) store_lanes(column, DW_ROW(chunk, WEIGHT_ROWS) + f, count);
#endif
}
