/* y = the mean of each window over the map's own pixels; the order of summation is stated in
 * host/ops/avgpool.c. x [n][IN_H][IN_W][C], y [n][OUT_H][OUT_W][C]. */
kernel void avgpool(global const float *restrict x, global float *restrict y, STAGE_PARAMS) {
    EACH_PIXEL(OUT_H, OUT_W) {
        int oy = pixel / OUT_W, ox = pixel % OUT_W;
        int top = FIRST_IN(oy, STRIDE_H, TOP), bottom = LAST_IN(oy, STRIDE_H, TOP, KH, IN_H);
        int left = FIRST_IN(ox, STRIDE_W, LEFT), right = LAST_IN(ox, STRIDE_W, LEFT, KW, IN_W);
        realv total = 0.0f;
        for (int i = top; i < bottom; i++) {
            realv sum = 0.0f;
            for (int j = left; j < right; j++)
                sum += load_lanes(PIXEL(x, IN_H * IN_W, i * IN_W + j), count);
            total += sum;
        }
        total *= 1.0f / (float)((bottom - top) * (right - left));
        FINISH(total, y, OUT_H * OUT_W, pixel);
    }
}

kernel void avgpool_grad(global const float *restrict dy, global float *restrict dx, STAGE_PARAMS) {
    EACH_PIXEL(IN_H, IN_W) {
        int y = pixel / IN_W, column = pixel % IN_W;
        realv sum = 0.0f;
        for (int oy = FIRST_OUT(y, STRIDE_H, TOP, KH); oy < LAST_OUT(y, STRIDE_H, TOP, OUT_H); oy++)
            for (int ox = FIRST_OUT(column, STRIDE_W, LEFT, KW);
                 ox < LAST_OUT(column, STRIDE_W, LEFT, OUT_W); ox++) {
                int rows = LAST_IN(oy, STRIDE_H, TOP, KH, IN_H) - FIRST_IN(oy, STRIDE_H, TOP);
                int columns = LAST_IN(ox, STRIDE_W, LEFT, KW, IN_W) - FIRST_IN(ox, STRIDE_W, LEFT);
                realv part = load_lanes(PIXEL(dy, OUT_H * OUT_W, oy * OUT_W + ox), count);
                sum += part * (1.0f / (float)(rows * columns));
            }
        FINISH(sum, dx, IN_H * IN_W, pixel);
    }
}
