/* What products on GPUs share. A group computes a tile of TILE_M x TILE_N sums, each work-item ITEM_M x ITEM_N
 * of them, in blocks of 4 x 4 that lie STEP_ apart, over slices of SLICE products in local memory (17 KiB at
 * 128 x 128): a slice of A is [SLICE][TILE_M], of B [SLICE][TILE_N]. While one slice is multiplied, the next
 * is on its way from global memory into registers. Every sum is one ascending chain of fma. */
#define SLICE   16
#define SIDE    (TILE_N / ITEM_N)           /* work-items along a row of the tile */
#define GROUP   (TILE_M / ITEM_M * SIDE)
#define QUADS_M (ITEM_M / 4)
#define QUADS_N (ITEM_N / 4)
#define STEP_M  (TILE_M / QUADS_M)
#define STEP_N  (TILE_N / QUADS_N)
#define SUMS    (ITEM_M * QUADS_N)          /* vectors of sums of a work-item */
#define LOADS_M (SLICE * TILE_M / 4 / GROUP) /* vectors of a slice that a work-item moves */
#define LOADS_N (SLICE * TILE_N / 4 / GROUP)
/* Vectors from k to k + 1; the odd one keeps transposed stores out of one bank. */
#define PITCH_M (TILE_M / 4 + 1)
#define PITCH_N (TILE_N / 4 + 1)

/* This work-item's sums: vector i * QUADS_N + q holds columns ITEM_COLUMN(q).. of row ITEM_ROW(i) of the tile. */
#define ITEM_ROW(i)    (get_local_id(0) / SIDE * 4 + (i) / 4 * STEP_M + (i) % 4)
#define ITEM_COLUMN(q) (get_local_id(0) % SIDE * 4 + (q) * STEP_N)

/* Where in a slice load number j of this work-item goes: four elements from (k, at) on, along k where memory
 * is contiguous in k, else along the tile. */
struct spot {
    uint k, at;
};

static struct spot spot_of(uint j, int along_k, uint tile) {
    uint i = get_local_id(0) + j * GROUP;
    struct spot s;
    s.k = along_k ? i % (SLICE / 4) * 4 : i / (tile / 4);
    s.at = along_k ? i / (SLICE / 4) : i % (tile / 4) * 4;
    return s;
}

static void put(local float4 *slice, uint pitch, int along_k, struct spot s, float4 v) {
    if (!along_k) {
        slice[s.k * pitch + s.at / 4] = v;
        return;
    }
    local float *to = (local float *)slice + s.k * pitch * 4 + s.at;
    to[0] = v.x;
    to[pitch * 4] = v.y;
    to[pitch * 8] = v.z;
    to[pitch * 12] = v.w;
}

/* What this work-item has loaded of both slices. */
static void put_slices(local float4 *a_slice, int a_along_k, const float4 *a, local float4 *b_slice,
                       int b_along_k, const float4 *b) {
#pragma unroll
    for (uint j = 0; j < LOADS_M; j++) put(a_slice, PITCH_M, a_along_k, spot_of(j, a_along_k, TILE_M), a[j]);
#pragma unroll
    for (uint j = 0; j < LOADS_N; j++) put(b_slice, PITCH_N, b_along_k, spot_of(j, b_along_k, TILE_N), b[j]);
}

/* Past the end of a sum A is filled with +0 and B with -0: fma(+0, -0, s) is s for every s, be it -0, as is
 * s + -0. So slices are always multiplied as a whole. */
#define FILL_A 0.0f
#define FILL_B (-0.0f)

/* Four neighbours in a matrix [rows][columns]; outside of it `fill`. Tensors start at multiples of 128 bytes. */
static float4 load_quad(global const float *x, uint row, uint column, uint rows, uint columns, float fill) {
    if (row >= rows || column >= columns) return (float4)(fill);
    global const float *at = x + (size_t)row * columns + column;
    if (columns % 4 == 0) return *(global const float4 *)at;
    return (float4)(at[0], column + 1 < columns ? at[1] : fill, column + 2 < columns ? at[2] : fill,
                    column + 3 < columns ? at[3] : fill);
}

/* sum += A B over a slice. */
static void multiply(local const float4 *a, local const float4 *b, float4 *sum) {
    a += ITEM_ROW(0) / 4;
    b += ITEM_COLUMN(0) / 4;
#pragma unroll 4
    for (uint k = 0; k < SLICE; k++) {
#pragma unroll
        for (uint i = 0; i < QUADS_M; i++) {
            float4 u = a[k * PITCH_M + i * (STEP_M / 4)];
#pragma unroll
            for (uint q = 0; q < QUADS_N; q++) {
                float4 v = b[k * PITCH_N + q * (STEP_N / 4)], *to = sum + 4 * i * QUADS_N + q;
                to[0 * QUADS_N] = fma((float4)(u.x), v, to[0 * QUADS_N]);
                to[1 * QUADS_N] = fma((float4)(u.y), v, to[1 * QUADS_N]);
                to[2 * QUADS_N] = fma((float4)(u.z), v, to[2 * QUADS_N]);
                to[3 * QUADS_N] = fma((float4)(u.w), v, to[3 * QUADS_N]);
            }
        }
    }
}

/* Adds a column of a slice of B to a chain. */
static float add_column(local const float4 *b, uint column, float sum) {
    for (uint k = 0; k < SLICE; k++) sum += ((local const float *)(b + k * PITCH_N))[column];
    return sum;
}
