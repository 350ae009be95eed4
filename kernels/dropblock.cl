/* DropBlock by the mask contract (docs/masks.md). x, y [SAMPLES][HEIGHT][WIDTH][CHANNELS]. Corner (i, j) of the
 * GRID_H x GRID_W corners whose block of BLOCK_H x BLOCK_W lies in the map decides for each channel; y is +0 in
 * every block of a corner that drops, else x * scale, then the stages. No mask is ever in global memory.
 *
 * TILED: corners are drawn once, as bits, and spread over their blocks along the rows and then down the columns.
 * A slice of SLICE channels at a time: position p of a slice is element
 * p / SLICE * CHANNELS + first + p % SLICE of the sample. Otherwise every element asks all corners that reach it.
 *
 * BY_SAMPLE: kept elements are scaled by the sample's own count, which a first launch (COUNTING) leaves in
 * counts [SAMPLES][PARTS], the dropped elements of each part. LAYER_AT, COUNTER3: as in dropout.cl. */
#define GRID_H   (HEIGHT - BLOCK_H + 1)
#define GRID_W   (WIDTH - BLOCK_W + 1)
#define FEATURES ((uint)(HEIGHT * WIDTH * CHANNELS))

#if COUNTING
#define DATA_PARAMS global uint *counts
#elif BY_SAMPLE
#define DATA_PARAMS global const float *x, global float *y, global const uint *counts
#else
#define DATA_PARAMS global const float *x, global float *y
#endif

/* Where the decisions of a sample come from. */
struct corners {
    uint2 key;
    uint sample, step, counter3, limit, active, first;
};

static struct corners corners_of(global const uint *row, uint n, uint first) {
    struct corners s;
    s.key = (uint2)(row[CONTROL_SEED_LOW], row[CONTROL_SEED_HIGH]);
    s.sample = row[CONTROL_SAMPLE] + n;
    s.step = row[CONTROL_STEP];
    s.counter3 = COUNTER3 | row[CONTROL_AUX];
    s.limit = row[LAYER_AT + LAYER_LIMIT];
    s.active = row[LAYER_AT + LAYER_ACTIVE];
    s.first = first;
    return s;
}

#if !COUNTING
#if BY_SAMPLE
#define SCALE(row, n) sample_scale(counts, n)
static float sample_scale(global const uint *counts, uint n) {
    uint kept = FEATURES;
    for (uint part = 0; part < PARTS; part++) kept -= counts[(size_t)n * PARTS + part];
    return kept ? (float)FEATURES / (float)kept : 0.0f;
}
#else
#define SCALE(row, n) as_float((row)[LAYER_AT + LAYER_SCALE])
#endif
#endif

#if !TILED
/* Every element asks. PARTS work-items count a sample. */
static bool is_dropped(struct corners s, uint e) {
    int c = e % CHANNELS, j = e / CHANNELS % WIDTH, i = e / CHANNELS / WIDTH;
    for (int p = max(0, i - BLOCK_H + 1); p <= min(i, GRID_H - 1); p++)
        for (int q = max(0, j - BLOCK_W + 1); q <= min(j, GRID_W - 1); q++) {
            uint element = (uint)((p * GRID_W + q) * CHANNELS + c), words[4];
            vstore4(philox4x32((uint4)(element >> 2, s.sample, s.step, s.counter3), s.key), 0, words);
            if (s.active && words[element & 3] <= s.limit) return true;
        }
    return false;
}

kernel void dropblock(DATA_PARAMS, STAGE_PARAMS) {
    global const uint *row = control + (size_t)cursor * ROW;
    uint n = get_global_id(1);
    struct corners s = corners_of(row, n, 0);
#if COUNTING
    uint dropped = 0;
    for (uint e = get_global_id(0); e < FEATURES; e += PARTS) dropped += is_dropped(s, e) ? 1 : 0;
    counts[(size_t)n * PARTS + get_global_id(0)] = dropped;
#else
    uint e = get_global_id(0) * LANES;
    if (e >= FEATURES) return;
    uint count = min((uint)LANES, FEATURES - e);
    size_t index = (size_t)n * FEATURES + e;
    float scale = SCALE(row, n), lane[LANES];
    for (uint k = 0; k < LANES; k++)
        lane[k] = k < count && !is_dropped(s, e + k) ? x[index + min(k, count - 1)] * scale : 0.0f;
    store_lanes(epilogue(load_full(lane), n, e, index, count, STAGE_ARGS), y + index, count);
#endif
}

#else
#define SLICES    (CHANNELS / SLICE)
#define SEED_BITS (GRID_W * SLICE)
#define ROW_BITS  (WIDTH * SLICE)
#define ROW_WORDS ((ROW_BITS + 31) / 32)

/* The element at a position of the slice; width: GRID_W or WIDTH, which only names the map. */
static uint element_at(uint position, uint first) {
    return SLICE == CHANNELS ? position : position / SLICE * CHANNELS + first + position % SLICE;
}
#endif

#if TILED && defined(FAMILY_CPU)
#define LANE_BITS ((uint16)(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768))

/* 16 decisions, a bit each. */
static uint decide(struct corners s, uint position) {
    uint16 words = philox16(element_at(position, s.first) >> 2, s.sample, s.step, s.counter3, s.key);
    uint16 bits = as_uint16(words <= (uint16)(s.limit)) & LANE_BITS;
    uint8 eight = bits.lo | bits.hi;
    uint4 four = eight.lo | eight.hi;
    uint2 two = four.lo | four.hi;
    return two.x | two.y;
}

/* The corners of row i, each at the place of its block's first column. The row starts anywhere in a block of the
 * generator: what belongs to the rows beside it is cut off. */
static void draw_row(struct corners s, uint i, uint *row) {
    uint start = i * SEED_BITS, end = start + SEED_BITS;
    for (uint w = 0; w <= ROW_WORDS; w++) row[w] = 0;
    if (!s.active) return;
    for (uint p = start & ~3u; p < end; p += 16) {
        uint bits = decide(s, p), skip = p < start ? start - p : 0, at = p + skip - start;
        bits >>= skip;
        if (end - p < 16) bits &= (1u << (end - p - skip)) - 1;
        row[at / 32] |= bits << at % 32;
        if (at % 32 > 16) row[at / 32 + 1] |= bits >> (32 - at % 32);
    }
}

/* row |= row << by, from its end on. */
static void join_shifted(uint *row, uint by) {
    uint words = by / 32, bits = by % 32;
    for (uint w = ROW_WORDS; w-- > words;) {
        uint shifted = row[w - words] << bits;
        if (bits && w > words) shifted |= row[w - words - 1] >> (32 - bits);
        row[w] |= shifted;
    }
}

/* From the first column of each block to all of them, doubling what is covered. */
static void spread_row(uint *row) {
    uint covered = 1;
    for (; covered * 2 <= BLOCK_W; covered *= 2) join_shifted(row, covered * SLICE);
    if (covered < BLOCK_W) join_shifted(row, (BLOCK_W - covered) * SLICE);
}

/* A work-item takes every get_global_size(0)-th slice of a sample, row by row: the last BLOCK_H rows of corners,
 * spread, are all it remembers. Rows end anywhere, so their bits queue up for vectors of 16. */
kernel void dropblock(DATA_PARAMS, STAGE_PARAMS) {
    global const uint *row = control + (size_t)cursor * ROW;
    for (uint work = get_global_id(0); work < SAMPLES * SLICES; work += get_global_size(0)) {
        uint n = work / SLICES, first = work % SLICES * SLICE, queued = 0, position = 0;
        uint ring[BLOCK_H][ROW_WORDS + 1];
        struct corners s = corners_of(row, n, first);
        ulong queue = 0;
#if COUNTING
        uint dropped = 0;
#else
        float scale = SCALE(row, n);
#endif
        for (uint r = 0; r < BLOCK_H; r++)
            for (uint w = 0; w <= ROW_WORDS; w++) ring[r][w] = 0;
        for (uint i = 0; i < HEIGHT; i++) {
            uint *newest = ring[i % BLOCK_H];
            if (i < GRID_H) {
                draw_row(s, i, newest);
                spread_row(newest);
            } else {
                for (uint w = 0; w < ROW_WORDS; w++) newest[w] = 0;
            }
            for (uint w = 0; w < ROW_WORDS; w++) {
                uint bits = ring[0][w];
                for (uint r = 1; r < BLOCK_H; r++) bits |= ring[r][w];
#if COUNTING
                dropped += popcount(bits);
#else
                queue |= (ulong)bits << queued;
                queued += min(32u, ROW_BITS - 32 * w);
                bool last = i == HEIGHT - 1 && w == ROW_WORDS - 1;
                while (queued >= 16 || (last && queued)) {
                    uint e = element_at(position, first), count = min(16u, queued);
                    size_t index = (size_t)n * FEATURES + e;
                    int16 drop = ((uint16)((uint)queue) & LANE_BITS) != (uint16)(0u);
                    realv v = select(load_lanes(x + index, count) * scale, (realv)(0.0f), drop);
                    store_lanes(epilogue(v, n, e, index, count, STAGE_ARGS), y + index, count);
                    queue >>= 16;
                    queued -= count;
                    position += 16;
                }
#endif
            }
        }
#if COUNTING
        counts[work] = dropped;
#endif
    }
}
#endif

#if TILED && defined(FAMILY_GPU)
#define GROUP      256
#define SEED_WORDS ((SEED_BITS + 31) / 32)
#define ROWS       (BAND + BLOCK_H - 1) /* of corners that a band of BAND rows can see */

/* The bits [from, from + 32) of a row of corners; there are none outside. */
static uint row_bits(local const uint *row, int from) {
    if (from <= -32 || from >= SEED_BITS) return 0;
    if (from < 0) return row[0] << -from;
    uint bits = row[from / 32] >> from % 32;
    if (from % 32 && from / 32 + 1 < SEED_WORDS) bits |= row[from / 32 + 1] << (32 - from % 32);
    return bits;
}

/* Draws the corners of rows [top, bottom) into bits. */
static void draw_rows(struct corners s, local uint *seeds, uint top, uint bottom, uint id) {
    uint start = top * SEED_BITS, end = bottom * SEED_BITS;
    for (uint p = (start & ~3u) + 4 * id; s.active && p < end; p += 4 * GROUP) {
        uint words[4];
        uint block = element_at(p, s.first) >> 2;
        vstore4(philox4x32((uint4)(block, s.sample, s.step, s.counter3), s.key), 0, words);
        for (uint k = 0; k < 4; k++) {
            uint at = p + k - start, column = at % SEED_BITS;
            if (p + k < start || p + k >= end || words[k] > s.limit) continue;
            atomic_or(&seeds[at / SEED_BITS * SEED_WORDS + column / 32], 1u << column % 32);
        }
    }
}

/* Whether the element of a position is dropped; rows of `spread` are those of corners from `top` on. */
static uint is_covered(local const uint *spread, uint position, uint top, uint bottom) {
    uint i = position / ROW_BITS, column = position % ROW_BITS, bits = 0;
    for (uint r = max(top, i < BLOCK_H ? 0 : i - BLOCK_H + 1); r < min(bottom, i + 1); r++)
        bits |= spread[(r - top) * ROW_WORDS + column / 32];
    return bits >> column % 32;
}

/* A group takes a band of BAND rows of a slice of a sample. */
kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void dropblock(DATA_PARAMS, STAGE_PARAMS) {
    local uint seeds[ROWS * SEED_WORDS], spread[ROWS * ROW_WORDS];
    global const uint *row = control + (size_t)cursor * ROW;
    uint id = get_local_id(0), part = get_group_id(0), n = get_group_id(1);
    uint band = part / SLICES * BAND, first = part % SLICES * SLICE, band_end = min(band + BAND, (uint)HEIGHT);
    uint top = band < BLOCK_H ? 0 : band - BLOCK_H + 1, bottom = min(band_end, (uint)GRID_H);
    uint rows = bottom > top ? bottom - top : 0;
    struct corners s = corners_of(row, n, first);
    for (uint w = id; w < ROWS * SEED_WORDS; w += GROUP) seeds[w] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    draw_rows(s, seeds, top, top + rows, id);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint t = id; t < rows * ROW_WORDS; t += GROUP) {
        uint bits = 0;
        for (int d = 0; d < BLOCK_W; d++)
            bits |= row_bits(seeds + t / ROW_WORDS * SEED_WORDS, (int)(t % ROW_WORDS * 32) - d * SLICE);
        spread[t] = bits;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#if COUNTING
    local uint dropped[GROUP];
    dropped[id] = 0;
    for (uint p = band * ROW_BITS + id; p < band_end * ROW_BITS; p += GROUP)
        dropped[id] += is_covered(spread, p, top, bottom) & 1;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (id == 0) {
        for (uint k = 1; k < GROUP; k++) dropped[0] += dropped[k];
        counts[(size_t)n * PARTS + part] = dropped[0];
    }
#else
    float scale = SCALE(row, n);
    for (uint p = band * ROW_BITS + 4 * id; p < band_end * ROW_BITS; p += 4 * GROUP) {
        uint e = element_at(p, first), count = min(4u, band_end * ROW_BITS - p), bits = 0;
        size_t index = (size_t)n * FEATURES + e;
#if ROW_BITS % 4 == 0
        bits = is_covered(spread, p, top, bottom);
#else
        for (uint k = 0; k < count; k++) bits |= (is_covered(spread, p + k, top, bottom) & 1) << k;
#endif
        int4 drop = ((uint4)(bits) & (uint4)(1, 2, 4, 8)) != (uint4)(0u);
        realv v = select(load_lanes(x + index, count) * scale, (realv)(0.0f), drop);
        store_lanes(epilogue(v, n, e, index, count, STAGE_ARGS), y + index, count);
    }
#endif
}
#endif
