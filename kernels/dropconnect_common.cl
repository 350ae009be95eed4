/* DropConnect by the mask contract (docs/masks.md, "DropConnect: bit planes"), what its kernels share.
 * x [BATCH][IN], W [IN][OUT], b [OUT], y [BATCH][OUT]; each sample has a mask of its own over the rows 0 .. IN - 1
 * of W and the row IN, which is b. No mask is ever in global memory: a kernel draws what it needs into private
 * (CPU devices) or local (GPUs) memory, 128 neighbouring outputs of a row in four words, 1 kept.
 *
 * A dropped weight is left out of its sum, not multiplied by 0. Orders of summation (host/ops/dropconnect.h): y in
 * chunks of CHUNK_IN rows, dW and db in chunks of CHUNK_BATCH samples, each chunk an ascending chain of fma from 0,
 * chunks added in order; dx in 16 chains, o mod 16, added as a tree.
 *
 * LAYER_AT: where the layer's words are in a CONTROL row; COUNTER3: domain << 28 | layer << 16. */
#define CHUNK_IN    32
#define CHUNK_BATCH 16
#define BLOCKS      ((OUT + 127u) / 128u)

#if BIAS
#define BIAS_PARAM , global const float *restrict b
#define DB_PARAM   , global float *restrict db
#else
#define BIAS_PARAM
#define DB_PARAM
#endif
#if DX
#define DX_PARAM , global const float *restrict w, global float *restrict dx
#else
#define DX_PARAM
#endif
#define FORWARD_PARAMS                                                                             \
    global const float *restrict x, global const float *restrict w, global float *restrict y BIAS_PARAM
#define GRAD_PARAMS                                                                                \
    global const float *restrict x, global const float *restrict dy, global float *restrict dw DB_PARAM DX_PARAM

/* What the masks of a launch depend on; samples count within the micro-batch. */
struct masks {
    uint2 key;
    uint sample, step, counter3, planes, t8;
};

static struct masks masks_of(global const uint *row) {
    struct masks m;
    m.key = (uint2)(row[CONTROL_SEED_LOW], row[CONTROL_SEED_HIGH]);
    m.sample = row[CONTROL_SAMPLE];
    m.step = row[CONTROL_STEP];
    m.counter3 = COUNTER3 | row[CONTROL_AUX];
    m.t8 = row[LAYER_AT + LAYER_ACTIVE] ? row[LAYER_AT + LAYER_LIMIT] + 1 : 0;
    m.planes = 0; /* down to the lowest set digit of T8: the planes below it cannot change U < T8 */
    while (m.planes < 8 && (m.t8 << m.planes & 255u)) m.planes++;
    return m;
}

/* kept = not (U < T8), digit by digit from the least significant plane up: where T8 has a 1, U must have one too and
 * not be less below; where T8 has a 0, a 1 in U decides. T8 = 0 keeps everything, 256 nothing. */
#define FIRST_KEPT(m)         ((m).t8 >> 8 ? 0u : ~0u)
#define DIGIT_OF_T8(m, plane) ((m).t8 >> (7 - (plane)) & 1)

/* Bits of outputs that exist, in the four words of block `block` of a row. */
static uint4 existing(uint block) {
    uint4 first = (uint4)(block * 128) + (uint4)(0, 32, 64, 96);
    uint4 count = min((uint4)(OUT) - min((uint4)(OUT), first), (uint4)(32));
    return select((uint4)(~0u), ((uint4)(1) << (count & 31)) - 1, count < (uint4)(32));
}
