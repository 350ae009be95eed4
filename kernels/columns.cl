/* Column sums of b [SIZE_K][SIZE_N] in chunks of CHUNK rows, one work-item for a column. */
kernel void columns(global const float *b, global float *sums) {
    uint n = get_global_id(0);
    float total = 0.0f;
    for (uint first = 0; first < SIZE_K; first += CHUNK) {
        float sum = 0.0f;
        for (uint k = first; k < min((uint)SIZE_K, first + (uint)CHUNK); k++) sum += b[(size_t)k * SIZE_N + n];
        total = first ? total + sum : sum;
    }
    sums[n] = total;
}
