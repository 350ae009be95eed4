/* Vectors of the two kernel families, and how producers apply the stages fused into them.
 *
 * A kernel handles LANES consecutive elements of one sample at a time: float16 on CPU devices, float4 on
 * GPUs, so that a Philox block (four elements) is never split. A pointwise operation NAME is a macro
 *   NAME_point(x, extra, at)          x, extra: realv; at: struct point, by value
 * in its own file. The host spells a step's stages as
 *   -DEPILOGUE=STAGE(relu,0u,0u,0u)STAGE(dropout,16u,268435456u,0u)
 * and epilogue.cl turns that into the function epilogue(). */
#ifdef FAMILY_CPU
#define LANES 16
typedef float16 realv;
typedef uint16 uintv;
typedef int16 intv;
#define as_uintv          as_uint16
#define as_realv          as_float16
#define load_full(p)      vload16(0, p)
#define store_full(v, p)  vstore16(v, 0, p)
#define LANE_NUMBERS      ((uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#else
#define LANES 4
typedef float4 realv;
typedef uint4 uintv;
typedef int4 intv;
#define as_uintv          as_uint4
#define as_realv          as_float4
#define load_full(p)      vload4(0, p)
#define store_full(v, p)  vstore4(v, 0, p)
#define LANE_NUMBERS      ((uint4)(0, 1, 2, 3))
#endif

/* Where a vector is: CONTROL row, sample and first element (a multiple of 4), the stage's words. */
struct point {
    global const uint *row;
    uint sample, element, a, b, c;
};

/* Reads or writes the first `count` lanes; the others read as 0. */
static realv load_lanes(global const float *p, uint count) {
    if (count >= LANES) return load_full(p);
    float lane[LANES];
    for (uint i = 0; i < LANES; i++) lane[i] = i < count ? p[i] : 0.0f;
    realv v;
#ifdef FAMILY_CPU
    v = vload16(0, lane);
#else
    v = vload4(0, lane);
#endif
    return v;
}

static void store_lanes(realv v, global float *p, uint count) {
    if (count >= LANES) {
        store_full(v, p);
        return;
    }
    float lane[LANES];
#ifdef FAMILY_CPU
    vstore16(v, 0, lane);
#else
    vstore4(v, 0, lane);
#endif
    for (uint i = 0; i < count; i++) p[i] = lane[i];
}

/* What every producer takes last. */
#ifndef EXTRAS
#define EXTRAS 0
#endif
#define EXTRA_PARAM(i) , global const float *extra##i
#define EXTRA_ARG(i)   , extra##i
#if EXTRAS == 0
#define EACH_EXTRA(what)
#elif EXTRAS == 1
#define EACH_EXTRA(what) what(0)
#elif EXTRAS == 2
#define EACH_EXTRA(what) what(0) what(1)
#elif EXTRAS == 3
#define EACH_EXTRA(what) what(0) what(1) what(2)
#elif EXTRAS == 4
#define EACH_EXTRA(what) what(0) what(1) what(2) what(3)
#elif EXTRAS == 5
#define EACH_EXTRA(what) what(0) what(1) what(2) what(3) what(4)
#else
#define EACH_EXTRA(what) what(0) what(1) what(2) what(3) what(4) what(5)
#endif
#define EXTRA_PARAMS EACH_EXTRA(EXTRA_PARAM)
#define EXTRA_ARGS   EACH_EXTRA(EXTRA_ARG)
#define STAGE_PARAMS global const uint *control, const uint cursor EXTRA_PARAMS
#define STAGE_ARGS   control, cursor EXTRA_ARGS
