/* DropBlock: blocks of every kind of size in maps of every kind of shape, both ways, and what its
 * masks must be. */
#include "control_words.h"
#include "harness/op.h"
#include "ops/dropblock.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND(units, axes, middle)                                                                \
    "[{dense: {units: " units "}}, {image: {shape: [" axes "]}}, " middle ", {dense: {units: 4}}]"
#define BLOCK(units, axes, attributes)                                                             \
    .input = "5", .layers = BEHIND(units, axes, "{dropblock: {" attributes "}}"), .batch = 3

static const struct op_case cases[] = {
    {.name = "blocks of 1", BLOCK("72", "3, 3, 8", "rate: 0.3, size: 1")},
    {.name = "an even size", BLOCK("90", "6, 5, 3", "rate: 0.4, size: 2")},
    {.name = "3 in a wide map",
     BLOCK("140", "4, 7, 5", "rate: 0.3, size: 3"),
     .steps = 2,
     .all_ways = true},
    {.name = "4 in a high map", BLOCK("192", "8, 6, 4", "rate: 0.5, size: 4")},
    {.name = "7 of 14", BLOCK("196", "14, 14, 1", "rate: 0.1, size: 7")},
    {.name = "whole vectors of channels", BLOCK("480", "6, 5, 16", "rate: 0.3, size: 3")},
    {.name = "slices of channels",
     BLOCK("768", "6, 4, 32", "rate: 0.3, size: 2"),
     .all_ways = true},
    {.name = "a vector of channels and one more", BLOCK("340", "4, 5, 17", "rate: 0.3, size: 3")},
    {.name = "the block is the height", BLOCK("105", "3, 7, 5", "rate: 0.3, size: 4")},
    {.name = "the block is the width", BLOCK("105", "7, 3, 5", "rate: 0.3, size: 4")},
    {.name = "the block is the map", BLOCK("72", "3, 3, 8", "rate: 0.5, size: 9")},
    {.name = "one row of pixels", BLOCK("66", "1, 11, 6", "rate: 0.3, size: 3")},
    {.name = "the paper's gamma", BLOCK("140", "7, 5, 4", "rate: 0.3, size: 3, gamma: paper")},
    {.name = "the sample's own count",
     BLOCK("140", "7, 5, 4", "rate: 0.3, size: 3, normalize: sample")},
    {.name = "the sample's own count, in slices",
     BLOCK("640", "5, 4, 32", "rate: 0.3, size: 2, normalize: sample"),
     .all_ways = true},
    {.name = "rate 0", BLOCK("105", "7, 3, 5", "rate: 0, size: 2")},
    {.name = "rate 1", BLOCK("105", "7, 3, 5", "rate: 1, size: 2")},
    {.name = "rate 1, the sample's own count",
     BLOCK("105", "7, 3, 5", "rate: 1, size: 2, normalize: sample")},
    {.name = "behind a ReLU, whose mask is implied",
     .input = "5",
     .layers = BEHIND("105", "7, 3, 5", "relu, {dropblock: {rate: 0.3, size: 2}}"),
     .batch = 3},
    {.name = "behind a ReLU, with the sample's own count",
     .input = "5",
     .layers =
         BEHIND("105", "7, 3, 5", "relu, {dropblock: {rate: 0.3, size: 2, normalize: sample}}"),
     .batch = 3},
    {.name = "behind a ReLU that two read",
     .input = "5",
     .layers =
         BEHIND("105", "7, 3, 5", "relu, {fork: {rate: 0.5}}, {dropblock: {rate: 0.3, size: 2}}"),
     .batch = 3},
    {.name = "with stages of its own",
     .input = "5",
     .layers = BEHIND("99", "3, 3, 11",
                      "{dropblock: {rate: 0.3, size: 2}}, relu, {dropout: {rate: 0.2}}, "
                      "{dropout2d: {rate: 0.2}}"),
     .batch = 3,
     .all_ways = true},
    {.name = "twice",
     .input = "5",
     .layers = BEHIND("108", "4, 3, 9",
                      "{dropblock: {rate: 0.3, size: 2}}, {dropblock: {rate: 0.2, size: 3}}"),
     .batch = 3},
    {.name = "on the input",
     .input = "5, 6, 3",
     .layers = "[{dropblock: {rate: 0.3, size: 3}}, {dense: {units: 4}}]",
     .batch = 3,
     .seed = 0xfedcba9876543210u},
    {.name = "passes of a Monte-Carlo evaluation",
     BLOCK("90", "6, 5, 3", "rate: 0.4, size: 2"),
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation", BLOCK("90", "6, 5, 3", "rate: 0.4, size: 2"), .mode = PLAN_EVAL},
};

#define REFUSED(axes, layer)                                                                       \
    .row = {.name = layer, .input = axes, .layers = "[" layer "]", .batch = 2}

static const struct op_refusal refusals[] = {
    {REFUSED("5", "{dropblock: {rate: 0.5, size: 2}}"),
     ":5:13: error: dropblock drops blocks of images [batch,height,width,channels], its input is "
     "[2,5]"},
    {REFUSED("5, 4", "{dropblock: {rate: 0.5, size: 2}}"), "its input is [2,5,4]"},
    {REFUSED("5, 4, 3", "{dropblock: {rate: 0.5}}"), "dropblock needs 'size'"},
    {REFUSED("5, 4, 3", "{dropblock: {rate: 0.5, size: 0}}"), "dropblock.size must be"},
    {REFUSED("5, 4, 3", "{dropblock: {rate: 1.5, size: 2}}"), "the probability to drop"},
    {REFUSED("5, 4, 3", "{dropblock: {rate: nan, size: 2}}"), "dropblock.rate"},
    {REFUSED("5, 4, 3", "{dropblock: {rate: 0.5, size: 2, gamma: both}}"), "unknown value 'both'"},
};

/* ---- gamma ---- */

/* What the first-order formula really drops, and the gamma that drops the rate: worked out apart
 * from this program, with torchvision's masks as witness. */
static const struct {
    int side, block;
    double rate, paper, drops, exact;
} table[] = {
    {7, 7, .1, .1, .1, .1},
    {8, 3, .1, .019753, .0947, .020916},
    {14, 7, .1, .006250, .0929, .006764},
    {28, 7, .1, .003306, .0939, .003534},
    {32, 5, .2, .010449, .1794, .011811},
    {16, 5, .25, .017778, .2147, .021312},
    {14, 7, .5, .031250, .3582, .052637},
};

START_TEST(gamma_is_the_papers_or_exact) {
    int n = table[_i].side, b = table[_i].block;
    const struct dropblock_grid g = {n, n, 1, b, b, n - b + 1, n - b + 1};
    double paper = dropblock_gamma(&g, table[_i].rate, GAMMA_PAPER);
    double exact = dropblock_gamma(&g, table[_i].rate, GAMMA_EXACT);
    ck_assert_double_eq_tol(paper, table[_i].paper, 6e-7);
    ck_assert_double_eq_tol(1 - dropblock_kept(&g, paper), table[_i].drops, 6e-5);
    ck_assert_double_eq_tol(exact, table[_i].exact, 6e-7);
    ck_assert_double_eq_tol(1 - dropblock_kept(&g, exact), table[_i].rate, 1e-14);
}
END_TEST

/* ---- masks: made by real steps on inputs of 1 ---- */

#ifndef REAL_IS_DOUBLE
struct observed {
    int samples, height, width, channels;
    uint8_t *dropped; /* [samples][H][W][C] */
};

static int find_masking(const struct plan *p) {
    for (int i = 0; i < p->nsteps; i++)
        if (p->steps[i].op->mask || (p->steps[i].nstages && p->steps[i].stage[0].op->mask))
            return i;
    ck_abort_msg("no step draws a mask");
}

static struct observed observe(const struct op_target *target, const char *input, const char *layer,
                               int samples, uint64_t seed) {
    char layers[256];
    struct op_world world;
    struct op_machine m;
    snprintf(layers, sizeof layers, "[%s, {dense: {units: 2}}]", layer);
    const struct op_case row = {.name = layer,
                                .input = input,
                                .layers = layers,
                                .batch = samples,
                                .seed = seed,
                                .no_fuse = true};
    op_world_open(&world, &row);
    int step = find_masking(world.plan);
    world.plan->nsteps = step + 1; /* nothing behind it is built */
    op_machine_open(&m, &world, target);
    const struct value *v = &world.plan->values[world.plan->steps[step].out[0]];
    size_t n = shape_elements(&v->shape);
    float *ones = malloc(n * sizeof *ones);
    for (size_t i = 0; i < n; i++) ones[i] = 1;
    op_machine_put(&m, world.plan->steps[step].in[0], ones);
    op_machine_run(&m, step, step + 1, 0);
    float *y = op_machine_value(&m, world.plan->steps[step].out[0]);
    struct observed o = {samples, v->shape.dim[1], v->shape.dim[2], v->shape.dim[3], malloc(n)};
    for (size_t i = 0; i < n; i++) o.dropped[i] = y[i] == 0;
    free(ones);
    free(y);
    op_machine_close(&m);
    op_world_close(&world);
    return o;
}

static size_t count(const struct observed *o) {
    return (size_t)o->samples * (size_t)o->height * (size_t)o->width * (size_t)o->channels;
}

static bool at(const struct observed *o, int n, int i, int j, int c) {
    return o->dropped[((n * o->height + i) * o->width + j) * o->channels + c];
}

static void on_every_target(void (*check)(const struct op_target *)) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check(&cpu);
    for (int t = 0; t < n; t++) check(&targets[t]);
}

static void demand_equal_masks(const struct op_target *target, const char *input, const char *a,
                               const char *b) {
    struct observed x = observe(target, input, a, 6, 99), y = observe(target, input, b, 6, 99);
    ck_assert_msg(!memcmp(x.dropped, y.dropped, count(&x)), "%s and %s on %s", a, b, input);
    free(x.dropped);
    free(y.dropped);
}

/* `normalize: sample` keeps the general kernels in play where the expected scale needs none. */
static void check_limits(const struct op_target *t) {
    demand_equal_masks(t, "5, 4, 7", "{dropblock: {rate: 0.3, size: 1, normalize: sample}}",
                       "{dropout: {rate: 0.3}}");
    demand_equal_masks(t, "5, 4, 7", "{dropblock: {rate: 0.3, size: 1}}", "{dropout: {rate: 0.3}}");
    demand_equal_masks(t, "3, 4, 7", "{dropblock: {rate: 0.3, size: 4, normalize: sample}}",
                       "{dropout2d: {rate: 0.3}}");
    demand_equal_masks(t, "3, 4, 7", "{dropblock: {rate: 0.3, size: 8}}",
                       "{dropout2d: {rate: 0.3}}");
}

START_TEST(blocks_of_1_are_dropout_and_the_whole_map_is_dropout2d) {
    on_every_target(check_limits);
}
END_TEST

static bool is_whole_block(const struct observed *o, int n, int i, int j, int c, int h, int w) {
    for (int a = 0; a < h; a++)
        for (int b = 0; b < w; b++)
            if (!at(o, n, i + a, j + b, c)) return false;
    return true;
}

/* Opening: what is covered by whole blocks that lie in the dropped set. */
static void demand_opening(const struct observed *o, int h, int w) {
    uint8_t *opened = calloc(count(o), 1);
    for (int n = 0; n < o->samples; n++)
        for (int i = 0; i + h <= o->height; i++)
            for (int j = 0; j + w <= o->width; j++)
                for (int c = 0; c < o->channels; c++)
                    if (is_whole_block(o, n, i, j, c, h, w))
                        for (int k = 0; k < h * w; k++)
                            opened[((n * o->height + i + k / w) * o->width + j + k % w) *
                                       o->channels +
                                   c] = 1;
    ck_assert(!memcmp(opened, o->dropped, count(o)));
    free(opened);
}

static void check_opening(const struct op_target *t) {
    static const struct {
        const char *input, *layer;
        int h, w;
    } maps[] = {{"9, 12, 5", "{dropblock: {rate: 0.3, size: 3}}", 3, 3},
                {"8, 7, 16", "{dropblock: {rate: 0.2, size: 4}}", 4, 4},
                {"3, 11, 4", "{dropblock: {rate: 0.2, size: 5}}", 3, 5},
                {"13, 2, 3", "{dropblock: {rate: 0.4, size: 6}}", 6, 2}};
    for (int m = 0; m < 4; m++) {
        struct observed o = observe(t, maps[m].input, maps[m].layer, 8, 5);
        demand_opening(&o, maps[m].h, maps[m].w);
        free(o.dropped);
    }
}

START_TEST(the_dropped_set_is_its_own_opening_by_the_block) {
    on_every_target(check_opening);
}
END_TEST

/* Corners are independent, so the map of a channel of a sample is one draw; with 16 channels and
 * 512 samples there are 8192. z of each pixel's frequency is nearly normal; the fixed seed shows
 * what it shows (op_statistics.h: 5.5 is an alarm). */
static void check_frequencies(const struct op_target *t) {
    const int side_h = 9, side_w = 7, block = 3;
    if (t->slow) return;
    struct observed o = observe(t, "9, 7, 16", "{dropblock: {rate: 0.25, size: 3}}", 512, 31);
    const struct dropblock_grid g = {side_h, side_w, 16, block, block, 7, 5};
    double gamma = dropblock_gamma(&g, 0.25, GAMMA_EXACT), maps = 512 * 16, total = 0;
    for (int i = 0; i < side_h; i++)
        for (int j = 0; j < side_w; j++) {
            int rows = (i < 6 ? i : 6) - (i < 2 ? 0 : i - 2) + 1;
            int columns = (j < 4 ? j : 4) - (j < 2 ? 0 : j - 2) + 1;
            double p = 1 - pow(1 - gamma, rows * columns), seen = 0;
            for (int n = 0; n < o.samples; n++)
                for (int c = 0; c < o.channels; c++) seen += at(&o, n, i, j, c);
            double z = (seen - maps * p) / sqrt(maps * p * (1 - p));
            ck_assert_msg(fabs(z) < 5.5, "pixel %d, %d: %.1f standard deviations", i, j, z);
            total += seen;
        }
    /* a map's dropped fraction has a standard deviation below 0.2 */
    ck_assert_double_lt(fabs(total / (maps * side_h * side_w) - 0.25), 5.5 * 0.2 / sqrt(maps));
    free(o.dropped);
}

START_TEST(pixels_are_dropped_as_often_as_the_formula_says) {
    on_every_target(check_frequencies);
}
END_TEST

/* Agreement of two sets of maps at the pixel in the middle, which should be that of strangers. */
static double strangeness(const struct observed *a, const struct observed *b, int shift_n,
                          int shift_c) {
    double both = 0, x = 0, y = 0, pairs = 0;
    for (int n = 0; n + shift_n < a->samples; n++)
        for (int c = 0; c + shift_c < a->channels; c++, pairs++) {
            bool p = at(a, n, 4, 3, c), q = at(b, n + shift_n, 4, 3, c + shift_c);
            both += p && q;
            x += p;
            y += q;
        }
    double covariance = both / pairs - x / pairs * (y / pairs);
    return covariance * sqrt(pairs) /
           sqrt(x / pairs * (1 - x / pairs) * (y / pairs) * (1 - y / pairs));
}

static void check_strangers(const struct op_target *t) {
    static const char layer[] = "{dropblock: {rate: 0.25, size: 3, id: 3}}";
    static const char other[] = "{dropblock: {rate: 0.25, size: 3, id: 4}}";
    if (t->slow) return;
    struct observed a = observe(t, "9, 7, 16", layer, 512, 31);
    struct observed b = observe(t, "9, 7, 16", layer, 512, 32);
    struct observed c = observe(t, "9, 7, 16", other, 512, 31);
    ck_assert_double_lt(fabs(strangeness(&a, &a, 1, 0)), 5.5); /* samples  */
    ck_assert_double_lt(fabs(strangeness(&a, &a, 0, 1)), 5.5); /* channels */
    ck_assert_double_lt(fabs(strangeness(&a, &a, 0, 4)), 5.5);
    ck_assert_double_lt(fabs(strangeness(&a, &b, 0, 0)), 5.5); /* seeds    */
    ck_assert_double_lt(fabs(strangeness(&a, &c, 0, 0)), 5.5); /* layers   */
    free(a.dropped);
    free(b.dropped);
    free(c.dropped);
}

START_TEST(samples_channels_seeds_and_layers_are_strangers) {
    on_every_target(check_strangers);
}
END_TEST
#endif

static void more(TCase *tests) {
    tcase_add_loop_test(tests, gamma_is_the_papers_or_exact, 0, sizeof table / sizeof *table);
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, blocks_of_1_are_dropout_and_the_whole_map_is_dropout2d);
    tcase_add_test(tests, the_dropped_set_is_its_own_opening_by_the_block);
    tcase_add_test(tests, pixels_are_dropped_as_often_as_the_formula_says);
    tcase_add_test(tests, samples_channels_seeds_and_layers_are_strangers);
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "dropblock",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
