/* Max-norm constraints on w [ROWS][UNITS]; the formula and the order of summation are in host/ops/max_norm.c.
 * squares [chunks][UNITS]. CPU devices: a work-item takes LANES units of one chunk of rows; GPUs: one unit. */
#ifdef FAMILY_CPU
typedef realv wide;
#define WIDTH          LANES
#define LOAD(p)        load_lanes(p, min((uint)LANES, UNITS - unit))
#define STORE(v, p)    store_lanes(v, p, min((uint)LANES, UNITS - unit))
#define ANY(test)      any(test)
#define IF(test, a, b) select((wide)(b), a, test)
#else
typedef float wide;
#define WIDTH          1
#define LOAD(p)        (*(p))
#define STORE(v, p)    (*(p) = (v))
#define ANY(test)      (test)
#define IF(test, a, b) ((test) ? (a) : (b))
#endif

kernel void max_norm_squares(global const float *w, global float *squares, global const uint *metric) {
    uint unit = get_global_id(0) * WIDTH, first = get_global_id(1) * CHUNK;
    if (metric[METRIC_LATCH] || unit >= UNITS) return;
    wide sum = 0.0f;
    for (uint i = first; i < min((uint)ROWS, first + CHUNK); i++) {
        wide v = LOAD(w + (size_t)i * UNITS + unit);
        sum = fma(v, v, sum);
    }
    STORE(sum, squares + get_global_id(1) * UNITS + unit);
}

/* limit, and its square: what a sum is compared with. */
kernel void max_norm_rescale(global float *w, global const float *squares, global const uint *metric,
                             const float limit, const float square) {
    uint unit = get_global_id(0) * WIDTH, first = get_global_id(1) * CHUNK;
    if (metric[METRIC_LATCH] || unit >= UNITS) return;
    wide total = LOAD(squares + unit);
    for (uint k = 1; k < (ROWS + CHUNK - 1) / CHUNK; k++) total += LOAD(squares + (size_t)k * UNITS + unit);
    if (!ANY(total > square)) return;
    wide factor = IF((total > square) & (total < INFINITY), limit / sqrt(total), 1.0f);
    for (uint i = first; i < min((uint)ROWS, first + CHUNK); i++) {
        global float *place = w + (size_t)i * UNITS + unit;
        STORE(LOAD(place) * factor, place);
    }
}
