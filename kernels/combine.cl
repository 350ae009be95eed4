/* The micro-batch tree over flat buffers of LENGTH vectors: fold: gradient = partial + gradient; keep:
 * partial = gradient. */
kernel void fold(global const float *partial, global float *gradient) {
    FOR_SHARE(i, LENGTH)
        store_full(load_full(partial + (size_t)i * LANES) + load_full(gradient + (size_t)i * LANES), gradient + (size_t)i * LANES);
}

kernel void keep(global const float *gradient, global float *partial) {
    FOR_SHARE(i, LENGTH)
        store_full(load_full(gradient + (size_t)i * LANES), partial + (size_t)i * LANES);
}
