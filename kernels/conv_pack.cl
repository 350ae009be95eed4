/* Weights in the order in which a kernel reads them: panels of PANEL destination channels, each
 * [KH][KW][DEPTH][PANEL], channels past the end 0. For dx input and output channels change places. One
 * work-item packs LANES channels of a tap. */
#define PANELS ((DST_C + PANEL - 1) / PANEL)

kernel void conv_pack(global const float *restrict w, global float *restrict packed) {
    uint first = get_global_id(0) * LANES, tap = get_global_id(1);
    if (first >= PANELS * PANEL || tap >= KH * KW) return;
    uint panel = first / PANEL, lane = first % PANEL;
    uint count = first < DST_C ? min((uint)LANES, DST_C - first) : 0;
    uint room = min((uint)LANES, PANEL - lane);
    for (uint k = 0; k < DEPTH; k++) {
        realv v;
#if PASS == DX && !DEPTHWISE
        float lanes[LANES];
        for (uint i = 0; i < LANES; i++)
            lanes[i] = i < count ? w[((size_t)tap * DST_C + first + i) * SRC_C + k] : 0.0f;
        v = load_full(lanes);
#else
        v = load_lanes(w + ((size_t)tap * DEPTH + k) * DST_C + first, count);
#endif
        store_lanes(v, packed + ((size_t)(panel * KH * KW + tap) * DEPTH + k) * PANEL + lane, room);
    }
}
