/* Philox4x32-10, the counter-based generator behind every random number here. One file for both
 * compilers: C11 on the host, OpenCL C 1.2 on the device. A word is a pure function of the user's
 * seed and of where it is used (docs/masks.md), so nothing is stored and no order of calls matters.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef DROPCL_PHILOX_H
#define DROPCL_PHILOX_H

#define PHILOX_MULTIPLIER_0 0xD2511F53u
#define PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define PHILOX_INCREMENT_0  0x9E3779B9u /* added to the key between rounds */
#define PHILOX_INCREMENT_1  0xBB67AE85u
#define PHILOX_ROUNDS       10

/* Counter word 3: what the number is for (4 bits), which layer (12), which time step or split (16).
 */
#define PHILOX_COUNTER3(domain, layer, aux) ((domain) << 28 | (layer) << 16 | (aux))

#ifndef __OPENCL_VERSION__

#include <stdint.h>

/* The four words at `counter` under `key`. out may be counter. */
static inline void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)PHILOX_MULTIPLIER_0 * x0;
        uint64_t p1 = (uint64_t)PHILOX_MULTIPLIER_1 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += PHILOX_INCREMENT_0;
        k1 += PHILOX_INCREMENT_1;
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

/* The word of one element of one sample at one step; counter3 from PHILOX_COUNTER3. */
static inline uint32_t philox_word(uint64_t seed, uint32_t element, uint32_t sample, uint32_t step,
                                   uint32_t counter3) {
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t words[4] = {element >> 2, sample, step, counter3};
    philox4x32(words, key, words);
    return words[element & 3];
}

#else /* OpenCL C 1.2 */

/* GPUs have a 32-bit high multiply, CPU vector units a 32x32->64 one: each form is several times
 * slower on the other kind of device, the words are the same. */
#ifdef PHILOX_MUL_HI
#define PHILOX_HIGH(a, b) mul_hi((uint)(a), (uint)(b))
#else
#define PHILOX_HIGH(a, b) ((uint)(((ulong)(a) * (b)) >> 32))
#endif

/* The four words at `counter` under `key`. */
static inline uint4 philox4x32(uint4 counter, uint2 key) {
    uint4 x = counter;
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint high0 = PHILOX_HIGH(PHILOX_MULTIPLIER_0, x.x);
        uint high1 = PHILOX_HIGH(PHILOX_MULTIPLIER_1, x.z);
        x = (uint4)(high1 ^ x.y ^ key.x, PHILOX_MULTIPLIER_1 * x.z, high0 ^ x.w ^ key.y,
                    PHILOX_MULTIPLIER_0 * x.x);
        key += (uint2)(PHILOX_INCREMENT_0, PHILOX_INCREMENT_1);
    }
    return x;
}

/* The words of four blocks of one sample, in order: a block is four elements. */
#ifdef PHILOX_MUL_HI
static inline uint16 philox16_blocks(uint4 blocks, uint sample, uint step, uint counter3,
                                     uint2 key) {
    return (uint16)(philox4x32((uint4)(blocks.x, sample, step, counter3), key),
                    philox4x32((uint4)(blocks.y, sample, step, counter3), key),
                    philox4x32((uint4)(blocks.z, sample, step, counter3), key),
                    philox4x32((uint4)(blocks.w, sample, step, counter3), key));
}
#else
static inline uint16 philox16_blocks(uint4 blocks, uint sample, uint step, uint counter3,
                                     uint2 key) {
    /* One counter per 64-bit lane, so that a lane product is one vpmuludq. It reads only the low half
     * of a lane: what the rounds leave in the high half is never looked at. Unrolled, because the
     * rounds of one call wait for each other and those of the next call need not. */
    const ulong4 low = (ulong4)(0xffffffffUL);
    ulong4 x0 = convert_ulong4(blocks);
    ulong4 x1 = (ulong4)(sample), x2 = (ulong4)(step), x3 = (ulong4)(counter3);
#pragma unroll
    for (uint round = 0; round < PHILOX_ROUNDS; round++) {
        ulong4 p0 = (x0 & low) * (ulong4)(PHILOX_MULTIPLIER_0);
        ulong4 p1 = (x2 & low) * (ulong4)(PHILOX_MULTIPLIER_1);
        x0 = (p1 >> 32) ^ x1 ^ (ulong4)(key.x + round * PHILOX_INCREMENT_0);
        x2 = (p0 >> 32) ^ x3 ^ (ulong4)(key.y + round * PHILOX_INCREMENT_1);
        x1 = p1;
        x3 = p0;
    }
    ulong4 front = (x0 & low) | x1 << 32, back = (x2 & low) | x3 << 32;
    return as_uint16((ulong8)(front.x, back.x, front.y, back.y, front.z, back.z, front.w, back.w));
}
#endif

#ifndef PHILOX_MUL_HI
/* The words of eight blocks, word by word: word w of block i is the low half of lane i of x[w]; the high halves are
 * anything. For masks of bits, which are put together before the words are (kernels/dropconnect_cpu.cl). */
static inline void philox8_lanes(uint8 blocks, uint sample, uint step, uint counter3, uint2 key, ulong8 x[4]) {
    const ulong8 low = (ulong8)(0xffffffffUL);
    ulong8 x0 = convert_ulong8(blocks);
    ulong8 x1 = (ulong8)(sample), x2 = (ulong8)(step), x3 = (ulong8)(counter3);
#pragma unroll
    for (uint round = 0; round < PHILOX_ROUNDS; round++) {
        ulong8 p0 = (x0 & low) * (ulong8)(PHILOX_MULTIPLIER_0);
        ulong8 p1 = (x2 & low) * (ulong8)(PHILOX_MULTIPLIER_1);
        x0 = (p1 >> 32) ^ x1 ^ (ulong8)(key.x + round * PHILOX_INCREMENT_0);
        x2 = (p0 >> 32) ^ x3 ^ (ulong8)(key.y + round * PHILOX_INCREMENT_1);
        x1 = p1;
        x3 = p0;
    }
    x[0] = x0;
    x[1] = x1;
    x[2] = x2;
    x[3] = x3;
}
#endif

/* The words of elements 4 block .. 4 block + 15. */
static inline uint16 philox16(uint block, uint sample, uint step, uint counter3, uint2 key) {
    return philox16_blocks((uint4)(block) + (uint4)(0, 1, 2, 3), sample, step, counter3, key);
}

#endif /* __OPENCL_VERSION__ */

#endif
