/* Sums over the rows of [ROWS][CHANNELS] for batch normalisation; the formulas and the order of summation
 * are in host/ops/batch_norm.h and batch_norm_sums.c. partial [2][CHUNKS][CHANNELS].
 * CPU devices: a work-item takes LANES channels of one chunk. GPUs: a group of 64 x 4 takes 64 channels,
 * its four rows of work-items are the four lanes of the order; 1 KiB of local memory. */
#define ROW_LANES 4

/* lane += a term in `i` and `acc`. */
#define ADD(lane, row, term)                                                                       \
    {                                                                                              \
        const uint i = row;                                                                        \
        const wide acc = lane;                                                                     \
        lane = term;                                                                               \
    }

#ifdef FAMILY_CPU

typedef realv wide;
#define PLACE                                                                                      \
    const uint c = get_global_id(0) * LANES, k = get_global_id(1);                                 \
    const uint width = min((uint)LANES, CHANNELS - c);
#if CHANNELS % LANES == 0
#define LOAD(p) load_full(p)
#else
#define LOAD(p) load_lanes(p, width)
#endif
#define STORE(v, p) store_lanes(v, p, width)
#define KEEPER      1
#define SUM(total, n, term)                                                                        \
    {                                                                                              \
        wide lane0 = 0.0f, lane1 = 0.0f, lane2 = 0.0f, lane3 = 0.0f;                               \
        uint row = 0;                                                                              \
        for (; row + ROW_LANES <= n; row += ROW_LANES) {                                           \
            ADD(lane0, row, term)                                                                  \
            ADD(lane1, row + 1, term)                                                              \
            ADD(lane2, row + 2, term)                                                              \
            ADD(lane3, row + 3, term)                                                              \
        }                                                                                          \
        if (row < n) ADD(lane0, row, term)                                                         \
        if (row + 1 < n) ADD(lane1, row + 1, term)                                                 \
        if (row + 2 < n) ADD(lane2, row + 2, term)                                                 \
        total = (lane0 + lane1) + (lane2 + lane3);                                                 \
    }

#else

#define COLUMNS 64
typedef float wide;
/* Columns past the last channel repeat it and store nothing, so that all reach the barriers. */
#define PLACE                                                                                      \
    local float exchange[ROW_LANES][COLUMNS];                                                      \
    const uint column = get_local_id(0), lane = get_local_id(1), k = get_group_id(1);              \
    const uint c = min((uint)get_global_id(0), (uint)CHANNELS - 1);
#define KEEPER  (get_global_id(0) < CHANNELS && lane == 0)
#define LOAD(p) (*(p))
#define STORE(v, p)                                                                                \
    if (KEEPER) *(p) = v
#define SUM(total, n, term)                                                                        \
    {                                                                                              \
        wide own = 0.0f;                                                                           \
        for (uint row = lane; row < n; row += ROW_LANES) ADD(own, row, term)                       \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        exchange[lane][column] = own;                                                              \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        total = (exchange[0][column] + exchange[1][column]) +                                      \
                (exchange[2][column] + exchange[3][column]);                                       \
    }

#endif

#define ROWS_OF(k) min((uint)CHUNK, (uint)ROWS - (k)*CHUNK)
#define AT(p, i)   ((p) + (size_t)(i)*CHANNELS)

static wide add_square(wide d, wide acc) {
    return fma(d, d, acc);
}

/* sum x and sum (x - their mean)^2 of a chunk. */
kernel void chunk_squares(global const float *restrict x, global float *restrict partial) {
    PLACE
    const uint n = ROWS_OF(k);
    global const float *from = AT(x, k * CHUNK) + c;
    wide total, squares;
    SUM(total, n, acc + LOAD(AT(from, i)))
    wide mean = total / (wide)(float)n;
    SUM(squares, n, add_square(LOAD(AT(from, i)) - mean, acc))
    STORE(total, AT(partial, k) + c);
    STORE(squares, AT(partial, CHUNKS + k) + c);
}

/* What chunk k adds to the squares about the common mean. */
static wide add_chunk(wide total, wide squares, uint k, wide mean, wide acc) {
    wide n = (wide)(float)ROWS_OF(k);
    wide d = total / n - mean;
    return acc + fma(d * n, d, squares);
}

/* moments [3][CHANNELS]: mean, 1 / standard deviation, variance. */
kernel void merge_moments(global const float *restrict partial, global float *restrict moments) {
    PLACE
    global const float *from = partial + c;
    wide total, squares;
    SUM(total, CHUNKS, acc + LOAD(AT(from, i)))
    wide mean = total / (wide)(float)ROWS;
    SUM(squares, CHUNKS, add_chunk(LOAD(AT(from, i)), LOAD(AT(from, CHUNKS + i)), i, mean, acc))
    wide variance = squares / (wide)(float)ROWS;
    STORE(mean, moments + c);
    STORE((wide)1.0f / sqrt(variance + (wide)EPSILON) + (variance - variance), AT(moments, 1) + c);
    STORE(variance, AT(moments, 2) + c);
}

/* sum dy and sum dy (x - mean) of a chunk. */
kernel void chunk_products(global const float *restrict dy, global const float *restrict x,
                           global const float *restrict moments, global float *restrict partial) {
    PLACE
    const uint n = ROWS_OF(k);
    const size_t first = (size_t)k * CHUNK * CHANNELS + c;
    wide mean = LOAD(moments + c), total, products;
    SUM(total, n, acc + LOAD(AT(dy + first, i)))
    SUM(products, n, fma(LOAD(AT(dy + first, i)), LOAD(AT(x + first, i)) - mean, acc))
    STORE(total, AT(partial, k) + c);
    STORE(products, AT(partial, CHUNKS + k) + c);
}

/* The gradients of gain and offset; and the running statistics move, unless a loss was not finite. */
kernel void merge_gradients(global const float *restrict partial, global const float *restrict moments,
                            global const uint *metric, global float *restrict dgamma,
                            global float *restrict dbeta, global float *restrict running_mean,
                            global float *restrict running_variance) {
    PLACE
    global const float *from = partial + c;
    wide total, products;
    SUM(total, CHUNKS, acc + LOAD(AT(from, i)))
    SUM(products, CHUNKS, acc + LOAD(AT(from, CHUNKS + i)))
    STORE(total, dbeta + c);
    STORE(products * LOAD(AT(moments, 1) + c), dgamma + c);
    if (metric[METRIC_LATCH]) return;
    if (!KEEPER) return;
    wide mean = LOAD(running_mean + c), variance = LOAD(running_variance + c);
    wide now = LOAD(AT(moments, 2) + c) * (wide)UNBIASED;
    STORE(fma((wide)MOMENTUM, LOAD(moments + c) - mean, mean), running_mean + c);
    STORE(fma((wide)MOMENTUM, now - variance, variance), running_variance + c);
}
