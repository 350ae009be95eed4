/* Sums rows [ROWS][2] into METRIC at the cursor: lane l of 64 adds rows l, l + 64, ... in order, then
 * lanes are added pairwise. The first loss that is not finite is latched; optimizers then stand still.
 * CPU devices: one work-item does all lanes; GPUs: one group of 64, 512 bytes of local memory. */
#define METRIC_LANES 64

static void metric_store(global uint *metric, uint cursor, float loss, uint hits) {
    metric[METRIC_FIRST + 2 * cursor] = as_uint(loss);
    metric[METRIC_FIRST + 2 * cursor + 1] = hits;
    int finite = (as_uint(loss) & 0x7f800000u) != 0x7f800000u;
    if (!finite && metric[METRIC_LATCH] == 0) metric[METRIC_LATCH] = cursor + 1;
}

kernel void metric(global const float *rows, global uint *metric, const uint cursor) {
#ifdef FAMILY_CPU
    float loss[METRIC_LANES];
    uint hits = 0;
    for (uint l = 0; l < METRIC_LANES; l++) loss[l] = 0.0f;
    for (uint n = 0; n < ROWS; n++) {
        loss[n % METRIC_LANES] += rows[2 * n];
        hits += (uint)rows[2 * n + 1];
    }
    for (uint half_ = METRIC_LANES / 2; half_; half_ /= 2)
        for (uint l = 0; l < half_; l++) loss[l] += loss[l + half_];
    metric_store(metric, cursor, loss[0], hits);
#else
    local float loss[METRIC_LANES];
    local uint hits[METRIC_LANES];
    uint l = get_local_id(0), own_hits = 0;
    float own = 0.0f;
    for (uint n = l; n < ROWS; n += METRIC_LANES) {
        own += rows[2 * n];
        own_hits += (uint)rows[2 * n + 1];
    }
    loss[l] = own;
    hits[l] = own_hits;
    for (uint half_ = METRIC_LANES / 2; half_; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < half_) {
            loss[l] += loss[l + half_];
            hits[l] += hits[l + half_];
        }
    }
    if (l == 0) metric_store(metric, cursor, loss[0], hits[0]);
#endif
}
