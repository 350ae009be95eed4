/* The first step of every plan: picks the rows of a batch from the resident dataset, changes the
 * pictures at random (training with `augment`) and normalises.
 * x[n][h][w][c] = fma(byte, scale[c], shift[c]) of row order[first + n]; label[n] is that row's
 * label. images u8 [rows][H*W*C], labels u8 [rows], order u32, norm f32 [2][C], x f32 [N][H][W][C],
 * label u32 [N].
 *
 * Augmentation by docs/masks.md: keyed by seed, epoch and dataset row, so neither the order nor the
 * batch matters. What is cropped in from outside and what is cut out is +0 after normalisation. */
#include "ops/internal.h"
#include "philox.h"

/* Which random numbers are for what: elements of the domain. */
enum { DRAW_CROP_Y, DRAW_CROP_X, DRAW_FLIP, DRAW_CUTOUT_Y, DRAW_CUTOUT_X, DRAWS };

/* What is done to the pictures of a plan. */
struct changes {
    int crop, cutout;
    bool flip, mirror; /* at random, always */
};

static struct changes changes_of(const struct plan *p) {
    if (p->options.mode != PLAN_TRAIN) return (struct changes){.mirror = p->options.mirror};
    const struct augment_section *a = &p->recipe->train.augment;
    return (struct changes){a->crop, a->cutout, a->flip, false};
}

/* What is done to one picture: output pixel (y, x) is pixel (y + top, x + left) of the dataset, x
 * counted from the right edge when flipped, and zero in rows [cut_y, cut_y + cutout) of columns
 * [cut_x, cut_x + cutout). */
struct view {
    int top, left, cut_y, cut_x;
    bool flipped;
};

/* An integer below n, from one word. */
static int below(uint32_t word, int n) {
    return (int)((uint64_t)word * (uint64_t)n >> 32);
}

static struct view draw_view(const struct changes *c, const struct cpu_run *run, uint32_t row,
                             int height, int width) {
    uint32_t word[DRAWS];
    const uint32_t *control = run->control;
    uint64_t seed = (uint64_t)control[CONTROL_SEED_HIGH] << 32 | control[CONTROL_SEED_LOW];
    for (uint32_t i = 0; i < DRAWS; i++)
        word[i] = philox_word(seed, i, row, control[CONTROL_EPOCH],
                              PHILOX_COUNTER3(DOMAIN_AUGMENT, 0u, 0u));
    return (struct view){.top = below(word[DRAW_CROP_Y], 2 * c->crop + 1) - c->crop,
                         .left = below(word[DRAW_CROP_X], 2 * c->crop + 1) - c->crop,
                         .flipped = c->mirror || (c->flip && below(word[DRAW_FLIP], 2)),
                         .cut_y = below(word[DRAW_CUTOUT_Y], height) - c->cutout / 2,
                         .cut_x = below(word[DRAW_CUTOUT_X], width) - c->cutout / 2};
}

/* The dataset's pixel behind output pixel (y, x), NULL where there is zero. */
static const uint8_t *source(const struct shape *s, const uint8_t *image, const struct view *v,
                             int cutout, int y, int x) {
    int height = s->dim[1], width = s->dim[2];
    if (y >= v->cut_y && y < v->cut_y + cutout && x >= v->cut_x && x < v->cut_x + cutout)
        return NULL;
    int from_y = y + v->top, from_x = (v->flipped ? width - 1 - x : x) + v->left;
    if (from_y < 0 || from_y >= height || from_x < 0 || from_x >= width) return NULL;
    return image + ((size_t)from_y * (size_t)width + (size_t)from_x) * (size_t)s->dim[3];
}

static void augmented_row(const struct shape *s, const uint8_t *image, const struct view *v,
                          int cutout, const real *scale, real *x) {
    int channels = s->dim[3];
    for (int row = 0; row < s->dim[1]; row++)
        for (int column = 0; column < s->dim[2]; column++) {
            const uint8_t *pixel = source(s, image, v, cutout, row, column);
            for (int c = 0; c < channels; c++)
                *x++ = pixel ? REAL_FMA((real)pixel[c], scale[c], scale[channels + c]) : 0;
        }
}

static void plain_row(const uint8_t *image, size_t features, size_t channels, const real *scale,
                      real *x) {
    for (size_t i = 0; i < features; i++)
        x[i] = REAL_FMA((real)image[i], scale[i % channels], scale[channels + i % channels]);
}

static bool changed(const struct changes *c) {
    return c->crop || c->cutout || c->flip || c->mirror;
}

static void gather_cpu(const struct cpu_run *run, const struct step *s) {
    const struct shape *shape = &run->plan->values[s->out[0]].shape;
    const struct changes changes = changes_of(run->plan);
    size_t features = (size_t)shape_features(shape), channels = (size_t)shape->dim[shape->rank - 1];
    const uint8_t *images = run->data[s->in[0]], *labels = run->data[s->in[1]];
    const uint32_t *order = run->data[s->in[2]];
    const real *scale = run->data[s->in[3]]; /* shift behind it */
    real *x = run->data[s->out[0]];
    uint32_t *label = run->data[s->out[1]];
    for (size_t n = 0; n < (size_t)shape->dim[0]; n++, x += features) {
        uint32_t row = order[run->control[CONTROL_FIRST] + n];
        const uint8_t *image = images + row * features;
        label[n] = labels[row];
        if (changed(&changes)) {
            struct view v = draw_view(&changes, run, row, shape->dim[1], shape->dim[2]);
            augmented_row(shape, image, &v, changes.cutout, scale, x);
        } else {
            plain_row(image, features, channels, scale, x);
        }
    }
}

static void gather_launch(const struct plan *p, const struct step *s, const struct caps *caps,
                          struct launch_list *list) {
    const struct shape *shape = &p->values[s->out[0]].shape;
    const struct changes c = changes_of(p);
    struct launch *l = launch_new(list, "gather", "gather");
    size_t rows = (size_t)shape->dim[0], features = (size_t)shape_features(shape);
    launch_define(l, "-DROW=%d -DROWS=%zu -DFEATURES=%zu -DCHANNELS=%d", control_row_words(p), rows,
                  features, shape->dim[shape->rank - 1]);
    if (changed(&c))
        launch_define(
            l, "-DCHANGED=1 -DHEIGHT=%d -DWIDTH=%d -DCROP=%d -DCUTOUT=%d -DFLIP=%d -DMIRROR=%d",
            shape->dim[1], shape->dim[2], c.crop, c.cutout, c.flip, c.mirror);
    for (int i = 0; i < 4; i++) launch_value(l, s->in[i]);
    launch_value(l, s->out[0]);
    launch_value(l, s->out[1]);
    launch_value(l, p->control);
    launch_cursor(l);
    sizes_rows(l, caps, rows, features);
}

const struct op op_gather = {.name = "gather", .cpu = gather_cpu, .launch = gather_launch};
