/* The bits of a dropout mask from its coordinates (docs/masks.md): bit i of word w of a sample is
 * set when element 32 w + i is kept. One work-item per word; bits behind the last element are 0.
 * words [samples][ceil(elements / 32)]; limit, active: control_words.h. */
kernel void mask_bits(global uint *words, uint seed_low, uint seed_high, uint step, uint counter3,
                      uint first_sample, uint samples, uint elements, uint limit, uint active) {
    size_t word = get_global_id(0), sample = get_global_id(1);
    size_t row = ((size_t)elements + 31) / 32;
    if (word >= row || sample >= samples) return;
    uint2 key = (uint2)(seed_low, seed_high);
    uint first = (uint)word * 32, kept = 0;
    for (uint block = 0; block < 8; block++) {
        uint4 counter = (uint4)(first / 4 + block, first_sample + (uint)sample, step, counter3);
        uint4 random = philox4x32(counter, key);
        /* One by one: Oclgrind 21.10, looking for uninitialised reads, crashes on a vector. */
        uint four = (random.x > limit ? 1u : 0u) | (random.y > limit ? 2u : 0u) |
                    (random.z > limit ? 4u : 0u) | (random.w > limit ? 8u : 0u);
        kept |= four << (block * 4);
    }
    if (!active) kept = 0xffffffffu;
    uint count = elements - first; /* of this word's elements */
    words[sample * row + word] = count < 32 ? kept & ((1u << count) - 1) : kept;
}
