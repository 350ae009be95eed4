/* y = softmax(z) of each row [ROWS][CLASSES]: e_j / s, s summed in ascending j. */
kernel void softmax(global const float *logits, global float *y) {
    FOR_SHARE(n, ROWS) {
        global const float *z = logits + (size_t)n * CLASSES;
        global float *p = y + (size_t)n * CLASSES;
        uint best = 0;
        for (uint j = 1; j < CLASSES; j++)
            if (z[j] > z[best]) best = j;
        float max = z[best], sum = 0.0f;
        for (uint j = 0; j < CLASSES; j++) {
            p[j] = pm_exp(z[j] - max);
            sum += p[j];
        }
        for (uint j = 0; j < CLASSES; j++) p[j] /= sum;
    }
}
