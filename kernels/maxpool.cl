/* y = the largest of each window, a NaN before all; dx = the sum of dy of the windows in which a pixel
 * beats all before it and is beaten by none behind it. x [n][IN_H][IN_W][C], y [n][OUT_H][OUT_W][C]. */
kernel void maxpool(global const float *restrict x, global float *restrict y, STAGE_PARAMS) {
    EACH_PIXEL(OUT_H, OUT_W) {
        int oy = pixel / OUT_W, ox = pixel % OUT_W;
        int top = FIRST_IN(oy, STRIDE_H, TOP), bottom = LAST_IN(oy, STRIDE_H, TOP, KH, IN_H);
        int left = FIRST_IN(ox, STRIDE_W, LEFT), right = LAST_IN(ox, STRIDE_W, LEFT, KW, IN_W);
        realv best = load_lanes(PIXEL(x, IN_H * IN_W, top * IN_W + left), count);
        for (int i = top; i < bottom; i++)
            for (int j = left; j < right; j++) {
                realv v = load_lanes(PIXEL(x, IN_H * IN_W, i * IN_W + j), count);
                best = select(best, v, (v > best) | (v != v));
            }
        FINISH(best, y, OUT_H * OUT_W, pixel);
    }
}

#if GRAD_BY_WINDOW

/* Window by window: each reads its own pixels once and is their only one. */
kernel void maxpool_grad(global const float *restrict dy, global const float *restrict x,
                         global float *restrict dx, STAGE_PARAMS) {
    EACH_PIXEL(OUT_H, OUT_W) {
        uint first = pixel / OUT_W * KH * IN_W + pixel % OUT_W * KW;
        realv part = load_lanes(PIXEL(dy, OUT_H * OUT_W, pixel), count), v[KH * KW];
#pragma unroll
        for (int i = 0; i < KH * KW; i++)
            v[i] = load_lanes(PIXEL(x, IN_H * IN_W, first + i / KW * IN_W + i % KW), count);
#pragma unroll
        for (int i = 0; i < KH * KW; i++) {
            intv wins = -1;
#pragma unroll
            for (int j = 0; j < KH * KW; j++) wins &= j < i ? v[j] < v[i] : v[j] <= v[i];
            realv sum = 0.0f + select((realv)(0.0f), part, wins);
            FINISH(sum, dx, IN_H * IN_W, first + i / KW * IN_W + i % KW);
        }
    }
}

#else

kernel void maxpool_grad(global const float *restrict dy, global const float *restrict x,
                         global float *restrict dx, STAGE_PARAMS) {
    EACH_PIXEL(IN_H, IN_W) {
        int y = pixel / IN_W, column = pixel % IN_W;
        realv own = load_lanes(PIXEL(x, IN_H * IN_W, pixel), count), sum = 0.0f;
        for (int oy = FIRST_OUT(y, STRIDE_H, TOP, KH); oy < LAST_OUT(y, STRIDE_H, TOP, OUT_H); oy++)
            for (int ox = FIRST_OUT(column, STRIDE_W, LEFT, KW);
                 ox < LAST_OUT(column, STRIDE_W, LEFT, OUT_W); ox++) {
                intv wins = -1;
                int left = FIRST_IN(ox, STRIDE_W, LEFT), right = LAST_IN(ox, STRIDE_W, LEFT, KW, IN_W);
                for (int i = FIRST_IN(oy, STRIDE_H, TOP); i < LAST_IN(oy, STRIDE_H, TOP, KH, IN_H); i++)
                    for (int j = left; j < right; j++) {
                        realv v = load_lanes(PIXEL(x, IN_H * IN_W, i * IN_W + j), count);
                        int before = i * IN_W + j < (int)pixel;
                        wins &= before ? v < own : v <= own;
                    }
                realv part = load_lanes(PIXEL(dy, OUT_H * OUT_W, oy * OUT_W + ox), count);
                sum += select((realv)(0.0f), part, wins);
            }
        FINISH(sum, dx, IN_H * IN_W, pixel);
    }
}

#endif
