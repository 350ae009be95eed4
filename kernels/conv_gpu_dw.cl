/* dW on GPUs, as a product: rows are those of dW (tap, input channel), columns output channels, and the sum
 * runs over the output pixels of a chunk; the second axis of the grid counts the chunks. A row reads the same
 * tap of every pixel, so a work-item finds its taps once and then walks over the pixels. */
#define TILES_N ((OUT_C + TILE_N - 1) / TILE_N)
/* Taps among four neighbouring rows: channels in fours have one. */
#define LINKS (IN_C % 4 ? 4 : 1)

struct tap {
    int y, x;
    uint c;
};

/* Of row m. Past the last: a tap that is never inside of the map. */
static struct tap tap_of(uint m) {
    struct tap t;
    t.c = m % IN_C;
    t.x = m / IN_C % KW - LEFT;
    t.y = m < WEIGHT_ROWS ? (int)(m / IN_C / KW) - TOP : -(1 << 30);
    return t;
}

/* What tap t reads for output pixel (y, x) of sample n; -1: padding. */
static long source_at(uint n, int y, int x, struct tap t) {
    long pixel = pixel_at(n, y * STRIDE + t.y, x * STRIDE + t.x, IN_H, IN_W);
    return pixel < 0 ? -1 : pixel * IN_C + t.c;
}

/* Four rows at output pixel p of all samples. Tensors start at multiples of 128 bytes. */
static float4 load_rows(global const float *map, const struct tap *t, uint p, uint end) {
    if (p >= end) return (float4)(FILL_A);
    uint row = p / OUT_W, x = p % OUT_W, n = row / OUT_H, y = row % OUT_H;
    long at = source_at(n, y, x, t[0]);
#if LINKS == 1
    return at < 0 ? (float4)(0.0f) : *(global const float4 *)(map + at);
#else
    long at1 = source_at(n, y, x, t[1]), at2 = source_at(n, y, x, t[2]), at3 = source_at(n, y, x, t[3]);
    return (float4)(at < 0 ? 0.0f : map[at], at1 < 0 ? 0.0f : map[at1], at2 < 0 ? 0.0f : map[at2],
                    at3 < 0 ? 0.0f : map[at3]);
#endif
}

/* This work-item's part of the slice from pixel p0 on. */
static void fetch(global const float *map, global const float *dy, const struct tap *t, uint n0, uint p0, uint end,
                  float4 *a, float4 *b) {
#pragma unroll
    for (uint j = 0; j < LOADS_M; j++)
        a[j] = load_rows(map, t + j * LINKS, p0 + spot_of(j, 0, TILE_M).k, end);
#pragma unroll
    for (uint j = 0; j < LOADS_N; j++) {
        struct spot s = spot_of(j, 0, TILE_N);
        b[j] = load_quad(dy, p0 + s.k, n0 + s.at, end, OUT_C, FILL_B);
    }
}

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void conv_dw(DW_PARAMS) {
    local float4 a_slice[SLICE * PITCH_M], b_slice[SLICE * PITCH_N];
    uint id = get_local_id(0);
    uint m0 = get_group_id(0) / TILES_N * TILE_M, n0 = get_group_id(0) % TILES_N * TILE_N;
    uint chunk = get_group_id(1), first = chunk * (CHUNK_ROWS * OUT_W);
    uint end = min((uint)(SAMPLES * OUT_H * OUT_W), first + (uint)(CHUNK_ROWS * OUT_W));
    struct tap t[LOADS_M * LINKS];
    float4 sum[SUMS], a[LOADS_M], b[LOADS_N];
    float column = 0.0f;
#pragma unroll
    for (uint i = 0; i < LOADS_M * LINKS; i++)
        t[i] = tap_of(m0 + spot_of(i / LINKS, 0, TILE_M).at + i % LINKS);
#pragma unroll
    for (uint i = 0; i < SUMS; i++) sum[i] = 0.0f;
    fetch(x, dy, t, n0, first, end, a, b);
    for (uint p0 = first; p0 < end; p0 += SLICE) {
        put_slices(a_slice, 0, a, b_slice, 0, b);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (p0 + SLICE < end) fetch(x, dy, t, n0, p0 + SLICE, end, a, b);
        multiply(a_slice, b_slice, sum);
        if (DB && m0 == 0 && id < TILE_N) column = add_column(b_slice, id, column);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (uint i = 0; i < ITEM_M; i++)
#pragma unroll
        for (uint q = 0; q < QUADS_N; q++) {
            uint m = m0 + ITEM_ROW(i), n = n0 + ITEM_COLUMN(q);
            if (m < WEIGHT_ROWS && n < OUT_C)
                store_lanes(sum[i * QUADS_N + q] + 0.0f, DW_ROW(chunk, m) + n, min(4u, OUT_C - n));
        }
#if DB
    if (m0 == 0 && id < TILE_N && n0 + id < OUT_C) DW_ROW(chunk, WEIGHT_ROWS)[n0 + id] = column;
#endif
}
