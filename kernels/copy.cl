/* The memory limit of a device: to = from, in vectors. CPU devices: a work-item copies BLOCK neighbouring
 * vectors; GPUs: one each. The launch's size covers the buffers exactly. */
kernel void copy(global const float *restrict from, global float *restrict to) {
#ifdef FAMILY_CPU
    size_t first = get_global_id(0) * BLOCK;
    for (size_t i = first; i < first + BLOCK; i++) vstore16(vload16(i, from), i, to);
#else
    size_t i = get_global_id(0);
    vstore4(vload4(i, from), i, to);
#endif
}
