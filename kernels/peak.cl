/* The arithmetic limit of a device: CHAINS independent chains of fma on vectors of WIDTH lanes in each
 * work-item, ITERATIONS long, nothing else. Everything is stored at the end, or a compiler would drop the
 * lanes that nobody reads. out [work-items][WIDTH]. With scale < 1 the chains stay near shift / (1 - scale). */
#define JOIN(a, b)  a##b
#define NAMED(a, b) JOIN(a, b)
#define VECTOR      NAMED(float, WIDTH)
#define STORE       NAMED(vstore, WIDTH)

kernel void peak(global float *out, const float scale, const float shift) {
    size_t id = get_global_id(0);
    VECTOR x[CHAINS], total = 0.0f;
#pragma unroll
    for (uint i = 0; i < CHAINS; i++) x[i] = (VECTOR)(0.001f * (float)i + 0.0001f * (float)(id % 1000));
    for (uint k = 0; k < ITERATIONS; k++) {
#pragma unroll
        for (uint i = 0; i < CHAINS; i++) x[i] = fma(x[i], (VECTOR)scale, (VECTOR)shift);
    }
#pragma unroll
    for (uint i = 0; i < CHAINS; i++) total += x[i];
    STORE(total, id, out);
}
