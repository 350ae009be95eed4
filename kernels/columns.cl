/* Column sums of b [SIZE_K][SIZE_N] in chunks of CHUNK rows, one work-item for LANES columns. */
kernel void columns(global const float *b, global float *sums) {
    uint n = get_global_id(0) * LANES;
    if (n >= SIZE_N) return;
    uint count = min((uint)LANES, SIZE_N - n);
    realv total = 0.0f;
    for (uint first = 0; first < SIZE_K; first += CHUNK) {
        realv sum = 0.0f;
        for (uint k = first; k < min((uint)SIZE_K, first + (uint)CHUNK); k++)
            sum += load_lanes(b + (size_t)k * SIZE_N + n, count);
        total = first ? total + sum : sum;
    }
    store_lanes(total, sums + n, count);
}
