/* x[n][i] = fma(byte, scale[c], shift[c]) of dataset row order[first + n], c = i % CHANNELS; label[n] is
 * that row's label. With CHANGED, pictures are cropped, flipped and cut by docs/masks.md (see
 * host/ops/gather.c). CPU devices: a work-item takes a share of the rows; GPUs: 4 elements. */

#ifndef CHANGED
#define CHANGED 0
#endif

#if CHANGED
/* What is done to one picture, as in host/ops/gather.c. */
struct view {
    int top, left, cut_y, cut_x, flipped;
};

static int below(uint word, uint n) {
    return (int)mul_hi(word, n);
}

static struct view draw_view(global const uint *control_row, uint row) {
    struct view v = {0, 0, 0, 0, MIRROR};
#if CROP || FLIP || CUTOUT
    uint2 key = (uint2)(control_row[CONTROL_SEED_LOW], control_row[CONTROL_SEED_HIGH]);
    uint counter3 = PHILOX_COUNTER3(DOMAIN_AUGMENT, 0u, 0u), epoch = control_row[CONTROL_EPOCH];
    uint4 word = philox4x32((uint4)(0, row, epoch, counter3), key);
    v.top = below(word.x, 2 * CROP + 1) - CROP;
    v.left = below(word.y, 2 * CROP + 1) - CROP;
    if (FLIP) v.flipped = below(word.z, 2);
#if CUTOUT
    v.cut_y = below(word.w, HEIGHT) - CUTOUT / 2;
    v.cut_x = below(philox4x32((uint4)(1, row, epoch, counter3), key).x, WIDTH) - CUTOUT / 2;
#endif
#endif
    return v;
}

/* The element behind channel 0 of output pixel (y, x), -1 where there is zero. */
static int source(const struct view *v, int y, int x) {
    int cut = y >= v->cut_y && y < v->cut_y + CUTOUT && x >= v->cut_x && x < v->cut_x + CUTOUT;
    int from_y = y + v->top, from_x = (v->flipped ? WIDTH - 1 - x : x) + v->left;
    int inside = from_y >= 0 && from_y < HEIGHT && from_x >= 0 && from_x < WIDTH;
    return inside && !cut ? (from_y * WIDTH + from_x) * CHANNELS : -1;
}
#endif

#ifdef FAMILY_CPU

#if CHANGED
static void gather_row(global const uchar *image, global const float *norm, global float *x, const struct view *v) {
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++, x += CHANNELS) {
            int from = source(v, row, column);
            for (uint c = 0; c < CHANNELS; c++)
                x[c] = from >= 0 ? fma((float)image[from + c], norm[c], norm[CHANNELS + c]) : 0.0f;
        }
}
#else
/* The pattern of a few channels is spelled out once, so that any 16 of it are one load; many channels are
 * read where they are. */
#if CHANNELS <= 16
#define SPELLED    (CHANNELS + LANES)
#define PATTERN(c) 1 /* whether the 16 from channel c are together */
#define SCALES(c)  vload16(0, scale + (c))
#define SHIFTS(c)  vload16(0, shift + (c))
#else
#define SPELLED    1
#define PATTERN(c) ((c) + LANES <= CHANNELS)
#define SCALES(c)  vload16(0, norm + (c))
#define SHIFTS(c)  vload16(0, norm + CHANNELS + (c))
#endif

static void spell(global const float *norm, float *scale, float *shift) {
    for (uint i = 0; i < SPELLED; i++) {
        scale[i] = norm[i % CHANNELS];
        shift[i] = norm[CHANNELS + i % CHANNELS];
    }
}

static void gather_row(global const uchar *image, global const float *norm, const float *scale, const float *shift,
                       global float *x) {
    uint e = 0, c = 0; /* c: the channel of element e */
    while (e + LANES <= FEATURES) {
        if (!PATTERN(c)) break;
        store_full(fma(convert_float16(vload16(0, image + e)), SCALES(c), SHIFTS(c)), x + e);
        e += LANES;
        c = (c + LANES) % CHANNELS;
    }
    for (; e < FEATURES; e++) x[e] = fma((float)image[e], norm[e % CHANNELS], norm[CHANNELS + e % CHANNELS]);
}
#endif

#else

/* Elements e .. e + 3 of a row. */
static float4 gather_elements(global const uchar *image, global const float *norm, uint e, uint count
#if CHANGED
                              , const struct view *v
#endif
) {
    float lane[LANES];
    for (uint i = 0; i < LANES; i++) {
        uint c = (e + i) % CHANNELS;
#if CHANGED
        uint pixel = (e + i) / CHANNELS;
        int from = i < count ? source(v, (int)(pixel / WIDTH), (int)(pixel % WIDTH)) : -1;
        lane[i] = from >= 0 ? fma((float)image[from + c], norm[c], norm[CHANNELS + c]) : 0.0f;
#else
        lane[i] = i < count ? fma((float)image[e + i], norm[c], norm[CHANNELS + c]) : 0.0f;
#endif
    }
    return vload4(0, lane);
}
#endif

kernel void gather(global const uchar *images, global const uchar *labels, global const uint *order,
                   global const float *norm, global float *x, global uint *label,
                   global const uint *control, const uint cursor) {
    global const uint *control_row = control + (size_t)cursor * ROW;
    uint first = control_row[CONTROL_FIRST];
#ifdef FAMILY_CPU
#if !CHANGED
    float scale[SPELLED], shift[SPELLED];
    spell(norm, scale, shift);
#endif
    FOR_SHARE(n, ROWS) {
        uint row = order[first + n];
        label[n] = labels[row];
        global const uchar *image = images + (size_t)row * FEATURES;
#if CHANGED
        struct view v = draw_view(control_row, row);
        gather_row(image, norm, x + (size_t)n * FEATURES, &v);
#else
        gather_row(image, norm, scale, shift, x + (size_t)n * FEATURES);
#endif
    }
#else
    uint n = get_global_id(1), e = get_global_id(0) * LANES;
    uint row = order[first + n];
    global const uchar *image = images + (size_t)row * FEATURES;
    if (e == 0) label[n] = labels[row];
    if (e < FEATURES) {
        uint count = min((uint)LANES, FEATURES - e);
#if CHANGED
        struct view v = draw_view(control_row, row);
        store_lanes(gather_elements(image, norm, e, count, &v), x + (size_t)n * FEATURES + e, count);
#else
        store_lanes(gather_elements(image, norm, e, count), x + (size_t)n * FEATURES + e, count);
#endif
    }
#endif
}
