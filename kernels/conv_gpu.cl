/* Forward and dx on GPUs, as a product without an im2col buffer: rows are pixels of all samples, columns
 * channels, and the sum runs over (tap, source channel). A group gathers each slice of its pixels' windows
 * straight from the map; where a window hangs over the border it reads 0. Weights are read as they are: for
 * dx they are contiguous along the sum. The phases of dx (conv_common.cl) are the second axis of the grid. */
#define BACKWARDS (PASS == DX)
#define ALONG_K (PASS == DX) /* of the weights */
#define TILES_N ((DST_C + TILE_N - 1) / TILE_N)
/* Taps among four neighbours of the sum: channels in fours have one. */
#define LINKS   (SRC_C % 4 ? 4 : 1)
#define NOWHERE (-(1 << 29)) /* outside of any map, also twice */

/* The source of a pixel: coordinates at which it reads its first tap, and their pixel in the map. */
struct window {
    int y, x, pixel;
};

/* Of row m. Past the last: where no tap is inside of the map. */
static struct window window_of(uint m, uint rows, struct phase v, struct phase h) {
    struct window w;
    w.y = w.x = w.pixel = NOWHERE;
    if (m >= rows) return w;
    uint size = v.size * h.size, at = m % size;
    w.y = v.start + (int)(at / h.size) * STEP + (BACKWARDS ? v.taps - 1 : 0);
    w.x = h.start + (int)(at % h.size) * STEP + (BACKWARDS ? h.taps - 1 : 0);
    w.pixel = ((int)(m / size) * SRC_H + w.y) * SRC_W + w.x;
    return w;
}

/* A link of the chains: from the first tap to this one, its number in [KH][KW], and the channel. Past the
 * end of the sum: a tap that no window has. */
struct link {
    int y, x;
    uint tap, c;
};

static struct link link_of(uint k, uint k_end, struct phase v, struct phase h) {
    uint t = k / SRC_C;
    int ty = t / h.taps, tx = t % h.taps;
    struct link l;
    l.y = k >= k_end ? NOWHERE : BACKWARDS ? -ty : ty;
    l.x = BACKWARDS ? -tx : tx;
    l.tap = (v.phase + PHASES * ty) * KW + h.phase + PHASES * tx;
    l.c = k % SRC_C;
    return l;
}

/* Offsets of a link's factors; -1: it is 0. */
static long source_at(struct window w, struct link l) {
    int y = w.y + l.y, x = w.x + l.x;
    if ((uint)y >= SRC_H || (uint)x >= SRC_W) return -1;
    return (long)(w.pixel + l.y * SRC_W + l.x) * SRC_C + l.c;
}

static long weight_at(uint channel, struct link l) {
    return channel < DST_C && l.y != NOWHERE ? ((long)l.tap * DST_C + channel) * SRC_C + l.c : -1;
}

/* The factors of four links; `fill` for what is not there. Tensors start at multiples of 128 bytes. */
static float4 load_links(global const float *from, const long *at, float fill) {
#if LINKS == 1
    return at[0] < 0 ? (float4)(fill) : *(global const float4 *)(from + at[0]);
#else
    return (float4)(at[0] < 0 ? fill : from[at[0]], at[1] < 0 ? fill : from[at[1]],
                    at[2] < 0 ? fill : from[at[2]], at[3] < 0 ? fill : from[at[3]]);
#endif
}

/* This work-item's part of the slice from k0 on. Four along k are the same for all its loads. */
static void fetch(global const float *src, global const float *weights, const struct window *w, uint n0, uint k0,
                  uint k_end, struct phase v, struct phase h, float4 *a, float4 *b) {
    uint k = k0 + spot_of(0, 1, TILE_M).k;
    struct link l[LINKS];
    long at[LINKS];
#pragma unroll
    for (uint i = 0; i < LINKS; i++) l[i] = link_of(k + i, k_end, v, h);
#pragma unroll
    for (uint j = 0; j < LOADS_M; j++) {
#pragma unroll
        for (uint i = 0; i < LINKS; i++) at[i] = source_at(w[j], l[i]);
        a[j] = load_links(src, at, FILL_A);
    }
#pragma unroll
    for (uint j = 0; j < LOADS_N; j++) {
        struct spot s = spot_of(j, ALONG_K, TILE_N);
#if ALONG_K
#pragma unroll
        for (uint i = 0; i < LINKS; i++) at[i] = weight_at(n0 + s.at, l[i]);
        b[j] = load_links(weights, at, FILL_B);
#else
        b[j] = load_quad(weights, k0 + s.k, n0 + s.at, k_end, DST_C, FILL_B);
#endif
    }
}

kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void conv(CONV_PARAMS, STAGE_PARAMS) {
    local float4 a_slice[SLICE * PITCH_M], b_slice[SLICE * PITCH_N];
    uint m0 = get_group_id(0) / TILES_N * TILE_M, n0 = get_group_id(0) % TILES_N * TILE_N;
    struct phase v = phase_of(get_group_id(1) / PHASES, DST_H, KH, TOP);
    struct phase h = phase_of(get_group_id(1) % PHASES, DST_W, KW, LEFT);
    uint rows = SAMPLES * v.size * h.size, k_end = m0 < rows ? v.taps * h.taps * SRC_C : 0;
    struct window w[LOADS_M];
    float4 sum[SUMS], a[LOADS_M], b[LOADS_N];
#pragma unroll
    for (uint j = 0; j < LOADS_M; j++) w[j] = window_of(m0 + spot_of(j, 1, TILE_M).at, rows, v, h);
#pragma unroll
    for (uint i = 0; i < SUMS; i++) sum[i] = 0.0f;
    if (k_end) fetch(src, weights, w, n0, 0, k_end, v, h, a, b);
    for (uint k0 = 0; k0 < k_end; k0 += SLICE) {
        put_slices(a_slice, 1, a, b_slice, ALONG_K, b);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (k0 + SLICE < k_end) fetch(src, weights, w, n0, k0 + SLICE, k_end, v, h, a, b);
        multiply(a_slice, b_slice, sum);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (uint i = 0; i < ITEM_M; i++) {
        uint m = m0 + ITEM_ROW(i);
        if (m >= rows) continue;
        uint sample = m / (v.size * h.size), at = m % (v.size * h.size);
        uint pixel = (v.first + at / h.size * PHASES) * DST_W + h.first + at % h.size * PHASES;
#pragma unroll
        for (uint q = 0; q < QUADS_N; q++) {
            uint channel = n0 + ITEM_COLUMN(q);
            if (channel < DST_C)
                FINISH(sum[i * QUADS_N + q], sample, pixel, channel, min(4u, DST_C - channel));
        }
    }
}
