/* The first step of every plan: picking rows, normalising them. */
#include "control_words.h"
#include "harness/op.h"
#include "philox.h"
#include <stdlib.h>
#include <string.h>

#define NET(size)     .input = size, .layers = "[{dense: {units: 3}}]"
#define AUGMENT(what) "  augment: {" what "}\n  optimizer: {sgd: {lr: 0.1}}\n"

static const struct op_case cases[] = {
    {.name = "one byte", NET("1"), .batch = 1},
    {.name = "less than a vector", NET("7"), .batch = 3, .steps = 2},
    {.name = "a vector", NET("16"), .batch = 2},
    {.name = "a vector + 1", NET("17"), .batch = 5},
    {.name = "many vectors", NET("28, 28, 1"), .batch = 4, .steps = 2},
    {.name = "three channels", NET("5, 3, 3"), .batch = 3},
    {.name = "two channels, a full vector", NET("2, 4, 2"), .batch = 3},
    {.name = "as many channels as a vector", NET("3, 3, 16"), .batch = 2},
    {.name = "more channels than a vector", NET("3, 3, 17"), .batch = 2},
    {.name = "a flat list", NET("83"), .batch = 2},
    {.name = "more rows than groups", NET("3"), .batch = 131},
    {.name = "evaluation leaves pictures as they are",
     NET("6, 5, 3"),
     .batch = 3,
     .train = AUGMENT("crop: 2, flip: true, cutout: 3"),
     .mode = PLAN_EVAL},
    /* From here on pictures are changed. */
    {.name = "crop", NET("6, 5, 3"), .batch = 9, .steps = 2, .train = AUGMENT("crop: 2")},
    {.name = "flip", NET("4, 7, 2"), .batch = 9, .train = AUGMENT("flip: true")},
    {.name = "cutout of even side", NET("9, 8, 1"), .batch = 9, .train = AUGMENT("cutout: 4")},
    {.name = "cutout of odd side", NET("5, 8, 3"), .batch = 7, .train = AUGMENT("cutout: 3")},
    {.name = "all of them",
     NET("16, 12, 3"),
     .batch = 11,
     .steps = 2,
     .seed = 0x123456789abcdef0,
     .train = AUGMENT("crop: 4, flip: true, cutout: 8")},
    {.name = "as large as the pictures",
     NET("3, 4, 1"),
     .batch = 66,
     .train = AUGMENT("crop: 3, cutout: 3")},
};
enum { CASES = sizeof cases / sizeof *cases, PLAIN = CASES - 6 };

static const struct op_refusal refusals[] = {
    {{.name = "a negative axis", .input = "-3", .layers = "[{dense: {units: 3}}]", .batch = 1},
     "input"},
    {{.name = "a list that is no picture", NET("12"), .batch = 1, .train = AUGMENT("flip: true")},
     "train.augment needs pictures"},
    {{.name = "a crop beyond the picture", NET("3, 4, 1"), .batch = 1, .train = AUGMENT("crop: 4")},
     "augment.crop may be at most 3"},
    {{.name = "a cut beyond it", NET("5, 4, 1"), .batch = 1, .train = AUGMENT("cutout: 5")},
     "augment.cutout may be at most 4"},
    {{.name = "a negative crop", NET("5, 4, 1"), .batch = 1, .train = AUGMENT("crop: -1")},
     "augment.crop"},
    {{.name = "another change", NET("5, 4, 1"), .batch = 1, .train = AUGMENT("rotate: 1")},
     "rotate"},
};

#ifndef REAL_IS_DOUBLE
/* Row n of the batch at cursor r is dataset row order[r * batch + n]; byte to float is exact, so
 * one fma is the whole computation and equality can be asked for. */
static void check_batch(struct op_machine *m, uint32_t r) {
    const struct plan *p = m->world->plan;
    const struct value *input = &p->values[p->input];
    const uint8_t *images = m->world->content[BUFFER_IMAGES],
                  *labels = m->world->content[BUFFER_LABELS];
    const uint32_t *order = m->world->content[BUFFER_ORDER];
    const float *norm = m->world->content[BUFFER_NORM];
    uint32_t batch = (uint32_t)input->shape.dim[0],
             features = (uint32_t)shape_features(&input->shape);
    uint32_t channels = (uint32_t)input->shape.dim[input->shape.rank - 1];
    op_machine_run(m, 0, 1, r);
    float *x = op_machine_value(m, p->input);
    uint32_t *label = op_machine_value(m, p->label);
    for (uint32_t n = 0; n < batch; n++) {
        uint32_t row = order[r * batch + n];
        ck_assert_uint_eq(label[n], labels[row]);
        for (uint32_t i = 0; i < features; i++) {
            float byte = images[row * features + i];
            float want = __builtin_fmaf(byte, norm[i % channels], norm[channels + i % channels]);
            if (memcmp(&want, &x[n * features + i], sizeof want))
                ck_abort_msg("row %u, element %u is %a, want %a", n, i, x[n * features + i], want);
        }
    }
    free(x);
    free(label);
}

static void check_target(const struct op_case *row, const struct op_target *target) {
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, row);
    op_machine_open(&m, &world, target);
    for (uint32_t r = 0; r < (uint32_t)world.plan->options.control_rows; r++) check_batch(&m, r);
    op_machine_close(&m);
    op_world_close(&world);
}

/* The pictures of a batch by another way than the program's: pad, slice, reverse, blank. */
static void check_picture(const struct op_machine *m, uint32_t r, uint32_t row, const float *x) {
    const struct plan *p = m->world->plan;
    const struct augment_section *a = &p->recipe->train.augment;
    const struct shape *s = &p->values[p->input].shape;
    int h = s->dim[1], w = s->dim[2], c = s->dim[3], tall = h + 2 * a->crop, wide = w + 2 * a->crop;
    const uint8_t *image =
        (const uint8_t *)m->world->content[BUFFER_IMAGES] + row * (uint32_t)(h * w * c);
    const float *norm = m->world->content[BUFFER_NORM];
    uint64_t word[5];
    for (uint32_t i = 0; i < 5; i++)
        word[i] = philox_word(p->recipe->train.seed, i, row, 5 + r, DOMAIN_AUGMENT << 28);
    float *padded = calloc((size_t)(tall * wide * c), sizeof *padded);
    for (int i = 0; i < h * w * c; i++) {
        int y = i / (w * c) + a->crop, rest = i % (w * c) + a->crop * c;
        padded[y * wide * c + rest] = __builtin_fmaf(image[i], norm[i % c], norm[c + i % c]);
    }
    int top = (int)(word[0] * (uint64_t)(2 * a->crop + 1) >> 32);
    int left = (int)(word[1] * (uint64_t)(2 * a->crop + 1) >> 32);
    bool flip = a->flip && word[2] >> 31;
    int cy = (int)(word[3] * (uint64_t)h >> 32), cx = (int)(word[4] * (uint64_t)w >> 32);
    for (int i = 0; i < h * w * c; i++) {
        int y = i / (w * c), column = i / c % w, k = i % c;
        float want = padded[((y + top) * wide + (flip ? w - 1 - column : column) + left) * c + k];
        int dy = y - cy + a->cutout / 2, dx = column - cx + a->cutout / 2;
        if (dy >= 0 && dy < a->cutout && dx >= 0 && dx < a->cutout) want = 0;
        ck_assert_msg(!memcmp(&want, &x[i], sizeof want), "%s: row %u, element %d is %a, want %a",
                      m->world->row->name, row, i, x[i], want);
    }
    free(padded);
}

static void check_changed(const struct op_case *row, const struct op_target *target) {
    struct op_world world;
    struct op_machine m;
    op_world_open(&world, row);
    op_machine_open(&m, &world, target);
    const struct value *input = &world.plan->values[world.plan->input];
    const uint32_t *order = world.content[BUFFER_ORDER];
    for (uint32_t r = 0; r < (uint32_t)world.plan->options.control_rows; r++) {
        op_machine_run(&m, 0, 1, r);
        float *x = op_machine_value(&m, world.plan->input);
        for (uint32_t n = 0; n < (uint32_t)row->batch; n++)
            check_picture(&m, r, order[r * (uint32_t)row->batch + n],
                          x + n * (uint32_t)shape_features(&input->shape));
        free(x);
    }
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(pictures_are_changed_by_the_contract) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_changed(&cases[_i], &cpu);
    for (int t = 0; t < n; t++) check_changed(&cases[_i], &targets[t]);
}
END_TEST

START_TEST(rows_are_picked_by_order_and_normalised) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_target(&cases[_i], &cpu);
    for (int t = 0; t < n; t++) check_target(&cases[_i], &targets[t]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_loop_test(tests, rows_are_picked_by_order_and_normalised, 0, PLAIN);
    tcase_add_loop_test(tests, pictures_are_changed_by_the_contract, PLAIN, CASES);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "gather",
                                           .cases = cases,
                                           .ncases = CASES,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
