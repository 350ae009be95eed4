/* Softmax and cross-entropy, one row at a time; the formulas are in host/ops/cross_entropy.c.
 * rows [ROWS][2]: loss and hit; dz [ROWS][CLASSES]. */
#ifndef SMOOTHING
#define SMOOTHING 0
#endif
#if SMOOTHING /* the targets of a training step */
#define ON_LABEL  label_target
#define ELSEWHERE share
#else
#define ON_LABEL  1.0f
#define ELSEWHERE 0.0f
#endif
kernel void cross_entropy(global const float *logits, global const uint *label, global float *rows,
#if GRADIENT
                          global float *dz,
#endif
#if SMOOTHING
                          const float keep, const float share, const float label_target,
#endif
                          global const uint *control, const uint cursor) {
    global const uint *row = control + (size_t)cursor * ROW;
    float mean = as_float(row[CONTROL_MEAN]);
    FOR_SHARE(n, ROWS) {
        global const float *z = logits + (size_t)n * CLASSES;
        uint target = label[n], best = 0;
        int valid = n < row[CONTROL_VALID];
        for (uint j = 1; j < CLASSES; j++)
            if (z[j] > z[best]) best = j;
        float max = z[best], sum = 0.0f;
        for (uint j = 0; j < CLASSES; j++) {
            float e = pm_exp(z[j] - max);
#if GRADIENT
            dz[(size_t)n * CLASSES + j] = e;
#endif
            sum += e;
        }
        float own = z[target] - max;
#if SMOOTHING
        float all = 0.0f;
        for (uint j = 0; j < CLASSES; j++) all += z[j] - max;
        own = fma(share, all, keep * own);
#endif
        rows[2 * n] = valid ? pm_log(sum) - own : 0.0f;
        rows[2 * n + 1] = valid && best == target ? 1.0f : 0.0f;
#if GRADIENT
        for (uint j = 0; j < CLASSES; j++) {
            float p = dz[(size_t)n * CLASSES + j] / sum;
            dz[(size_t)n * CLASSES + j] = valid ? (p - (j == target ? ON_LABEL : ELSEWHERE)) * mean : 0.0f;
        }
#endif
    }
}
