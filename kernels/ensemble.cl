/* Adds one pass of a Monte-Carlo evaluation to the sums of its interval; see host/ops/ensemble.c.
 * p [ROWS][CLASSES]; sums [intervals][ROWS][3 CLASSES + 2]: high[], low[], votes[], entropy[2]. One work-item
 * takes whole rows. */
#define WIDTH (3 * CLASSES + 2)

static void add(float x, global float *high, global float *low) {
    float before = *high, sum = before + x, part = sum - before;
    float rest = *low + ((before - (sum - part)) + (x - part)), after = sum + rest;
    *high = after;
    *low = rest - (after - sum);
}

kernel void ensemble(global const float *p, global float *sums, global const uint *control, const uint cursor) {
    uint interval = control[(size_t)cursor * ROW + CONTROL_INTERVAL];
    FOR_SHARE(n, ROWS) {
        global const float *row = p + (size_t)n * CLASSES;
        global float *high = sums + ((size_t)(interval >> 1) * ROWS + n) * WIDTH;
        global float *low = high + CLASSES, *votes = low + CLASSES, *entropy = votes + CLASSES;
        if (interval & 1)
            for (uint i = 0; i < WIDTH; i++) high[i] = 0.0f;
        uint best = 0;
        float h = 0.0f;
        for (uint c = 0; c < CLASSES; c++) {
            if (row[c] > row[best]) best = c;
            if (row[c] > 0.0f) h = fma(row[c], pm_log(row[c]), h);
            add(row[c], high + c, low + c);
        }
        votes[best] += 1.0f;
        add(-h, entropy, entropy + 1);
    }
}
