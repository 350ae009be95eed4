/* dW on CPU devices: a work-item owns WIDE vectors of 16 output channels, GROUP input channels of all taps, and a
 * chunk of rows. It walks through the chunk in blocks of BLOCK_H rows x BLOCK_W pixels, which may span several
 * samples, copies the block's dy and the GROUP channels of x that its windows cover into private memory, and sweeps
 * it once for TILE rows of dW at a time. Where these have one tap, pixels without it are skipped; elsewhere padding is
 * read as zeros. */
#define ROWS    (KH * KW * GROUP) /* of dW, of one work-item */
#define ONE_TAP (GROUP % TILE == 0)
#define PITCH   (PATCH_W * GROUP)

static void clear(float *to, int n) {
    for (int i = 0; i < n; i++) to[i] = 0.0f;
}

/* GROUP channels from c of `rows` x `columns` pixels from (y, x) of sample n; 0 outside. */
static void load_patch(float *patch, global const float *map, uint n, int y, int x, int rows, int columns, uint c) {
    const uint count = min((uint)GROUP, IN_C - c);
    int left = clamp(-x, 0, columns), right = clamp(IN_W - x, left, columns);
    for (int r = 0; r < rows; r++, patch += PITCH) {
        if (y + r < 0 || y + r >= IN_H) {
            clear(patch, columns * GROUP);
            continue;
        }
        clear(patch, left * GROUP);
        clear(patch + right * GROUP, (columns - right) * GROUP);
        float *to = patch + left * GROUP;
        global const float *from = map + (((size_t)n * IN_H + y + r) * IN_W + x + left) * IN_C + c;
        for (int q = left; q < right; q++, to += GROUP, from += IN_C)
#if GROUP == 16 && IN_C % 16 == 0
            vstore16(vload16(0, from), 0, to);
#else
            for (uint i = 0; i < GROUP; i++) to[i] = i < count ? from[i] : 0.0f;
#endif
    }
}

/* Rows of output pixels: the first `rows` of the patch belongs to each one's windows, and its place in the map. */
struct block {
    uint rows, columns, x;
    int patch[BLOCK_H], y[BLOCK_H];
};

/* Reads what the rows from `row` on need, sample by sample. */
static void load_x(struct block *b, float *patch, global const float *x, uint row, uint c) {
    uint used = 0;
    for (uint r = 0, some; r < b->rows; r += some) {
        uint n = (row + r) / OUT_H, y = (row + r) % OUT_H;
        some = min(b->rows - r, OUT_H - y);
        uint needed = (some - 1) * STRIDE + KH;
        load_patch(patch + used * PITCH, x, n, (int)y * STRIDE - TOP, (int)b->x * STRIDE - LEFT, needed,
                   (b->columns - 1) * STRIDE + KW, c);
        for (uint i = 0; i < some; i++) {
            b->patch[r + i] = (used + i * STRIDE) * PITCH;
            b->y[r + i] = (int)(y + i) * STRIDE - TOP;
        }
        used += needed;
    }
}

static void load_dy(struct block *b, float16 *d, global const float *dy, uint row, uint f) {
    for (uint r = 0; r < b->rows; r++)
        for (uint q = 0; q < b->columns; q++)
            for (uint j = 0; j < WIDE; j++) {
                uint channel = f + j * 16;
                global const float *from = dy + ((size_t)(row + r) * OUT_W + b->x + q) * OUT_C;
                *d++ = channel < OUT_C ? load_lanes(from + channel, OUT_C - channel) : (float16)(0.0f);
            }
}

/* Adds the block's part to rows [m, m + TILE) of dW. */
static void sweep(const struct block *b, const float *patch, const float16 *d, float16 *total, uint m) {
    uint at[TILE]; /* rows past the end repeat the last one and are not kept */
    float16 sum[TILE][WIDE];
#pragma unroll
    for (uint i = 0; i < TILE; i++) {
        uint k = min(m + i, ROWS - 1u);
        at[i] = (k / GROUP / KW * PATCH_W + k / GROUP % KW) * GROUP + k % GROUP;
#pragma unroll
        for (uint j = 0; j < WIDE; j++) sum[i][j] = total[k * WIDE + j];
    }
    int ky = m / GROUP / KW, first = 0, last = b->columns;
#if ONE_TAP
    int left = (int)b->x * STRIDE - LEFT + (int)(m / GROUP % KW);
    first = max((STRIDE - 1 - left) / STRIDE, 0);
    last = left < IN_W ? min((IN_W - 1 - left) / STRIDE + 1, last) : 0;
#endif
    for (uint r = 0; r < b->rows; r++) {
        if (ONE_TAP && (b->y[r] + ky < 0 || b->y[r] + ky >= IN_H)) continue;
        const float *from = patch + b->patch[r] + first * (STRIDE * GROUP);
        const float16 *v = d + (r * b->columns + first) * WIDE;
        for (int q = first; q < last; q++, from += STRIDE * GROUP, v += WIDE)
#pragma unroll
            for (uint i = 0; i < TILE; i++) {
                float a = ONE_TAP ? from[at[0] + i] : from[at[i]];
#pragma unroll
                for (uint j = 0; j < WIDE; j++) sum[i][j] = fma((float16)a, v[j], sum[i][j]);
            }
    }
#pragma unroll
    for (uint i = 0; i < TILE; i++)
#pragma unroll
        for (uint j = 0; j < WIDE; j++)
            if (m + i < ROWS) total[(m + i) * WIDE + j] = sum[i][j];
}

/* The sums of a chunk; +0 makes a zero's sign the same whether padding was read or skipped. */
static void store_rows(DW_PARAMS, const float16 *total, uint chunk, uint c, uint f) {
    for (uint m = 0; m < ROWS; m++) {
        uint channel = c + m % GROUP;
        for (uint j = 0; j < WIDE && channel < IN_C; j++)
            if (f + j * 16 < OUT_C)
                store_lanes(total[m * WIDE + j] + 0.0f, DW_ROW(chunk, m / GROUP * IN_C + channel) + f + j * 16,
                            OUT_C - f - j * 16);
    }
}

kernel void conv_dw(DW_PARAMS) {
    uint f = get_group_id(0) * (16 * WIDE), c = get_group_id(1) * GROUP, chunk = get_group_id(2);
    uint end = min((uint)(SAMPLES * OUT_H), (chunk + 1) * (uint)CHUNK_ROWS);
    float16 total[ROWS * WIDE], d[BLOCK_H * BLOCK_W * WIDE], column[WIDE];
    float patch[PATCH_ROWS * PITCH];
    struct block b;
    for (uint m = 0; m < ROWS * WIDE; m++) total[m] = 0.0f;
    for (uint j = 0; j < WIDE; j++) column[j] = 0.0f;
    for (uint row = chunk * CHUNK_ROWS; row < end; row += b.rows) {
        b.rows = min((uint)BLOCK_H, end - row);
        for (b.x = 0; b.x < OUT_W; b.x += BLOCK_W) {
            b.columns = min((uint)BLOCK_W, OUT_W - b.x);
            load_x(&b, patch, x, row, c);
            load_dy(&b, d, dy, row, f);
            for (uint i = 0; DB && c == 0 && i < b.rows * b.columns * WIDE; i++) column[i % WIDE] += d[i];
            for (uint m = 0; m < ROWS; m += TILE) sweep(&b, patch, d, total, m);
        }
    }
    store_rows(DW_ARGS, total, chunk, c, f);
#if DB
    for (uint j = 0; c == 0 && j < WIDE; j++)
        if (f + j * 16 < OUT_C)
            store_lanes(column[j], DW_ROW(chunk, WEIGHT_ROWS) + f + j * 16, OUT_C - f - j * 16);
#endif
}
