/* The micro-batch tree over flat buffers of LENGTH vectors: fold: gradient = partial + gradient; keep:
 * partial = gradient. */
kernel void fold(global const float *partial, global float *gradient) {
    for (size_t i = get_global_id(0); i < LENGTH; i += get_global_size(0))
        store_full(load_full(partial + i * LANES) + load_full(gradient + i * LANES), gradient + i * LANES);
}

kernel void keep(global const float *gradient, global float *partial) {
    for (size_t i = get_global_id(0); i < LENGTH; i += get_global_size(0))
        store_full(load_full(gradient + i * LANES), partial + i * LANES);
}
