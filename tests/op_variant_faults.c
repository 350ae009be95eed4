/* What masks do to activations, variant by variant, by statistics alone: no reference, no contract.
 * And faults that kernels might have, each of which the one check that is about it must notice.
 * DropConnect's are in op_dropconnect_masks.c, the gates of concrete dropout in
 * op_concrete_dropout.c.
 */
#include "harness/op.h"
#include "harness/op_fault.h"
#include "harness/op_statistics.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, STEPS = 4, ROWS = BATCH * STEPS, H = 6, W = 5, C = 32, FEATURES = H * W * C };

/* What decides for itself, and so is independent of its neighbours. */
enum unit { ELEMENT, CHANNEL, SAMPLE };

static const struct variant {
    const char *op, *layer;
    enum unit unit;
    double keep;
    double dropped; /* what a dropped element becomes      */
    double spread;  /* sigma of a factor, 0: 0 or the scale */
    bool blocks;    /* a pixel's neighbours go with it      */
    bool signs;     /* inputs 1 and -1 in turn, otherwise 1 */
} variants[] = {
    {"dropout", "{dropout: {rate: 0.3}}", ELEMENT, 0.7, 0, 0, false, false},
    {"dropout2d", "{dropout2d: {rate: 0.3}}", CHANNEL, 0.7, 0, 0, false, false},
    {"dropout2d", "{dropout1d: {rate: 0.3}}", CHANNEL, 0.7, 0, 0, false, false}, /* its steps */
    {"dropblock", "{dropblock: {rate: 0.3, size: 3}}", CHANNEL, 0.7, 0, 0, true, false},
    {"droppath", "{droppath: {rate: 0.3}}", SAMPLE, 0.7, 0, 0, false, false},
    {"gaussian_dropout", "{gaussian_dropout: {rate: 0.2}}", ELEMENT, 0.5, 0, 0.5, false, false},
    /* a d + b with d = -1.7581, p = 0.3, a = 1 / sqrt((1 - p) (1 + p d^2)), b = -a p d: Klambauer,
     * Unterthiner, Mayr, Hochreiter 2017, section 2 */
    {"alpha_dropout", "{alpha_dropout: {rate: 0.3}}", ELEMENT, 0.7, -1.0597, 0, false, true},
};
enum { DROPOUT, DROPOUT2D, DROPOUT1D, DROPBLOCK, DROPPATH, GAUSSIAN, ALPHA, VARIANTS };

/* What one layer made of its inputs, and of gradients of 1. */
struct seen {
    const struct variant *v;
    float y[ROWS][FEATURES], dx[ROWS][FEATURES];
};

static int find_step(const struct plan *p, const char *op) {
    for (int i = 0; i < p->nsteps; i++) {
        const struct step *s = &p->steps[i];
        if (!strcmp(s->nstages ? s->stage[0].op->name : s->op->name, op)) return i;
    }
    ck_abort_msg("no step is called %s", op);
}

static void run(struct op_machine *m, int step, uint32_t cursor, const float *in, float *out) {
    const struct step *s = &m->world->plan->steps[step];
    op_machine_put(m, s->in[0], in);
    op_machine_run(m, step, step + 1, cursor);
    float *y = op_machine_value(m, s->out[0]);
    memcpy(out, y, sizeof(float[BATCH][FEATURES]));
    free(y);
}

static struct seen *look(const struct op_target *target, const struct variant *v) {
    char layers[256], backward[40];
    struct op_world world;
    struct op_machine m;
    const char *axes = v == &variants[DROPOUT1D] ? "30, 32" : "6, 5, 32";
    snprintf(layers, sizeof layers,
             "[{dense: {units: %d}}, {image: {shape: [%s]}}, %s, {dense: {units: 2}}]", FEATURES,
             axes, v->layer);
    snprintf(backward, sizeof backward, "%s_grad", v->op);
    const struct op_case row = {.name = v->op,
                                .input = "3",
                                .layers = layers,
                                .batch = BATCH,
                                .steps = STEPS,
                                .seed = 77,
                                .no_fuse = true};
    struct seen *s = malloc(sizeof *s);
    float *in = malloc(2 * sizeof(float[BATCH][FEATURES])), *ones = in + BATCH * FEATURES;
    ck_assert(s && in);
    s->v = v;
    for (int i = 0; i < BATCH * FEATURES; i++) in[i] = v->signs && i % 2 ? -1 : 1, ones[i] = 1;
    op_world_open(&world, &row);
    op_machine_open(&m, &world, target);
    for (int step = 0; step < STEPS; step++) {
        run(&m, find_step(world.plan, v->op), (uint32_t)step, in, s->y[step * BATCH]);
        run(&m, find_step(world.plan, backward), (uint32_t)step, ones, s->dx[step * BATCH]);
    }
    op_machine_close(&m);
    op_world_close(&world);
    free(in);
    return s;
}

/* ---- checks: true of the real kernels ---- */

static bool usual(double deviate) {
    return fabs(deviate) < OP_ALARM;
}

static bool kept(const struct seen *s, int row, int e) {
    double y = (double)s->y[row][e];
    return s->v->spread > 0 ? y > 1 : fabs(y - s->v->dropped) > 1e-3;
}

/* Rows are independent, so the mean over them of any figure of a row is nearly normal, and its
 * deviation is theirs over the square root of their number. */
static bool is_on_average(const double *of_row, double want) {
    double sum = 0, square = 0;
    for (int r = 0; r < ROWS; r++) sum += of_row[r], square += of_row[r] * of_row[r];
    double mean = sum / ROWS, variance = square / ROWS - mean * mean;
    return variance > 0 && usual((mean - want) / sqrt(variance / ROWS));
}

static bool keeps_its_rate(const struct seen *s) {
    double share[ROWS] = {0};
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < FEATURES; e++) share[r] += (double)kept(s, r, e) / FEATURES;
    return is_on_average(share, s->v->keep);
}

/* The mean of the activations is what it was: 1, or 0 of both signs. */
static bool keeps_the_mean(const struct seen *s) {
    double mean[ROWS] = {0};
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < FEATURES; e++) mean[r] += (double)s->y[r][e] / FEATURES;
    return is_on_average(mean, s->v->signs ? 0 : 1);
}

/* E y^2: of alpha dropout 1, as it was; of a factor 1 + sigma^2; of a mask 1 / keep. */
static bool has_its_mean_square(const struct seen *s) {
    double square[ROWS] = {0}, spread = s->v->spread;
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < FEATURES; e++) square[r] += pow((double)s->y[r][e], 2) / FEATURES;
    return is_on_average(square, s->v->signs  ? 1
                                 : spread > 0 ? 1 + spread * spread
                                              : 1 / s->v->keep);
}

/* One bit of each unit; of a channel at the pixel in the middle. */
static struct op_bits bits_of(const struct seen *s) {
    struct op_bits b;
    int units = s->v->unit == ELEMENT ? FEATURES : s->v->unit == CHANNEL ? C : 1;
    int first = s->v->unit == CHANNEL ? (H / 2 * W + W / 2) * C : 0;
    double all = 0;
    op_statistics_new(&b, STEPS, BATCH, units, 0);
    for (int i = 0; i < ROWS * units; i++) all += b.kept[i] = kept(s, i / units, first + i % units);
    b.keep = all / (ROWS * units); /* a block's pixels have not the same rate everywhere */
    return b;
}

static bool are_strangers(const struct seen *s, enum op_axis axis, int most) {
    struct op_bits b = bits_of(s);
    bool ok = true;
    for (int shift = 1; shift <= most; shift++)
        ok = ok && usual(op_statistics_shift(&b, axis, shift));
    op_statistics_free(&b);
    return ok;
}

static bool samples_are_strangers(const struct seen *s) {
    return are_strangers(s, OP_SAMPLE, 3);
}

static bool steps_are_strangers(const struct seen *s) {
    return are_strangers(s, OP_STEP, STEPS - 1);
}

static bool units_are_strangers(const struct seen *s) {
    return s->v->unit == SAMPLE || are_strangers(s, OP_ELEMENT, 17);
}

/* All of a channel or sample is kept or none of it; of blocks only in these. */
static bool units_are_whole(const struct seen *s) {
    if (s->v->unit == ELEMENT || s->v->blocks) return true;
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < FEATURES; e++)
            if (kept(s, r, e) != kept(s, r, s->v->unit == SAMPLE ? 0 : e % C)) return false;
    return true;
}

/* A gradient of 1 takes the same way as an input of 1 did: where inputs are of both signs, only
 * whether it is kept can be said without the constants of the layer. */
static bool backward_follows_forward(const struct seen *s) {
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < FEATURES; e++) {
            float y = s->y[r][e], dx = s->dx[r][e];
            if (s->v->signs ? (dx != 0) != kept(s, r, e) : dx != y) return false;
        }
    return true;
}

/* The pixels in all four corners are dropped as often as each other. */
static bool corners_are_alike(const struct seen *s) {
    static const int pixels[] = {0, W - 1, (H - 1) * W, H * W - 1};
    double dropped[4] = {0}, n = ROWS * C;
    for (int p = 0; p < 4; p++)
        for (int i = 0; i < ROWS * C; i++) dropped[p] += !kept(s, i / C, pixels[p] * C + i % C);
    for (int p = 1; p < 4; p++) {
        double rate = (dropped[0] + dropped[p]) / (2 * n);
        if (!usual((dropped[p] - dropped[0]) / sqrt(2 * n * rate * (1 - rate)))) return false;
    }
    return true;
}

typedef bool check(const struct seen *);
static const struct {
    const char *name;
    check *holds;
} checks[] = {{"its rate", keeps_its_rate},
              {"the mean", keeps_the_mean},
              {"the mean square", has_its_mean_square},
              {"independence of samples", samples_are_strangers},
              {"independence of steps", steps_are_strangers},
              {"independence of units", units_are_strangers},
              {"whole units", units_are_whole},
              {"the backward pass", backward_follows_forward},
              {"the corners", corners_are_alike}};

static void check_variant(const struct op_target *target, const struct variant *v) {
    struct seen *s = look(target, v);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        ck_assert_msg(checks[i].holds(s), "%s, family %s: wrong in %s", v->layer,
                      target->family ? target->family : "none", checks[i].name);
    free(s);
}

START_TEST(every_variant_does_what_it_is_for) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_variant(&cpu, &variants[_i]);
    for (int t = 0; t < n; t++)
        if (!targets[t].slow) check_variant(&targets[t], &variants[_i]);
}
END_TEST

/* ---- faults ---- */

static const struct {
    const char *fault;
    int variant;
    const char *family, *file, *from, *to;
    check *notices;
} faults[] = {
    {"no scale", DROPOUT, NULL, "dropout.cl", "select(x * scale,", "select(x,", keeps_the_mean},
    {"what should be dropped is kept", DROPOUT, NULL, "dropout.cl",
     "words <= (uintv)(at.row[at.a + LAYER_LIMIT])", "words > (uintv)(at.row[at.a + LAYER_LIMIT])",
     keeps_its_rate},
    {"one mask for all samples", DROPOUT, NULL, "dropout.cl", "at.row[CONTROL_SAMPLE] + at.sample",
     "at.row[CONTROL_SAMPLE]", samples_are_strangers},
    {"one mask for the run", DROPOUT, NULL, "dropout.cl", "at.row[CONTROL_STEP]", "0u",
     steps_are_strangers},
    {"neighbours share a decision", DROPOUT, "gpu", "dropout.cl",
     "return dropout_block(at, at.element >> 2);",
     "return (uintv)(dropout_block(at, at.element >> 2).x);", units_are_strangers},
    {"blocks of decisions are repeated", DROPOUT, "cpu", "dropout.cl",
     "(uint4)(at.element >> 2) + (uint4)(0, 1, 2, 3)", "(uint4)(at.element >> 2)",
     units_are_strangers},
    {"another mask backward", DROPOUT, NULL, "dropout.cl",
     "dropout_grad_point(x, extra, at)   DROPOUT(x, at, dropout_words(at))",
     "dropout_grad_point(x, extra, at)   DROPOUT(x, at, ~dropout_words(at))",
     backward_follows_forward},
    {"gradients are not scaled", DROPOUT, NULL, "dropout.cl",
     "dropout_grad_point(x, extra, at)   DROPOUT(x,",
     "dropout_grad_point(x, extra, at)   DROPOUT(0.7f * (x),", backward_follows_forward},
    {"elements of a channel decide", DROPOUT2D, NULL, "dropout.cl",
     "dropout2d_point(x, extra, at)      DROPOUT(x, at, dropout2d_words(at))",
     "dropout2d_point(x, extra, at)      DROPOUT(x, at, dropout_words(at))", units_are_whole},
    {"elements of a channel decide", DROPOUT1D, NULL, "dropout.cl",
     "dropout2d_point(x, extra, at)      DROPOUT(x, at, dropout2d_words(at))",
     "dropout2d_point(x, extra, at)      DROPOUT(x, at, dropout_words(at))", units_are_whole},
    {"elements of a sample decide", DROPPATH, NULL, "dropout.cl",
     "droppath_point(x, extra, at)       DROPOUT(x, at, droppath_words(at))",
     "droppath_point(x, extra, at)       DROPOUT(x, at, dropout_words(at))", units_are_whole},
    {"the last corners never drop", DROPBLOCK, NULL, "dropblock.cl", "(HEIGHT - BLOCK_H + 1)",
     "(HEIGHT - BLOCK_H)", corners_are_alike},
    {"no scale", DROPBLOCK, NULL, "dropblock.cl", "as_float((row)[LAYER_AT + LAYER_SCALE])", "1.0f",
     keeps_the_mean},
    {"one mask for all samples", DROPBLOCK, NULL, "dropblock.cl", "row[CONTROL_SAMPLE] + n",
     "row[CONTROL_SAMPLE]", samples_are_strangers},
    {"the variance for the deviation", GAUSSIAN, NULL, "gaussian_dropout.cl", "fma((realv)(sigma),",
     "fma((realv)(sigma * sigma),", has_its_mean_square},
    {"factors around 0", GAUSSIAN, NULL, "gaussian_dropout.cl", "(realv)(1.0f))", "(realv)(0.0f))",
     keeps_the_mean},
    {"no affine behind it", ALPHA, NULL, "alpha_dropout.cl",
     "return fma((realv)(scale), select(x, (realv)(ALPHA_DROPPED), alpha_drops(at)), "
     "(realv)(shift))",
     "return select(x, (realv)(ALPHA_DROPPED), alpha_drops(at))", has_its_mean_square},
    {"0 for selu's limit", ALPHA, NULL, "alpha_dropout.cl", "(realv)(ALPHA_DROPPED)",
     "(realv)(0.0f)", keeps_the_mean},
    {"the slope backward is 1", ALPHA, NULL, "alpha_dropout.cl", "select(dy * as_float",
     "select(0.0f * as_float", backward_follows_forward},
};

START_TEST(every_fault_is_noticed_by_the_check_that_is_about_it) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets), tried = 0;
    for (int t = 0; t < n; t++) {
        const char *family = faults[_i].family;
        if (targets[t].slow || (family && strcmp(family, targets[t].family) != 0)) continue;
        tried++;
        struct op_fault fault = op_fault_plant(faults[_i].file, faults[_i].from, faults[_i].to);
        struct seen *s = look(&targets[t], &variants[faults[_i].variant]);
        op_fault_remove(&fault);
        bool holds = faults[_i].notices(s);
        free(s);
        ck_assert_msg(!holds, "nobody noticed: %s, %s, family %s", faults[_i].fault,
                      variants[faults[_i].variant].op, targets[t].family);
    }
    ck_assert_msg(tried > 0, "no device to try it on");
}
END_TEST

static void more(TCase *tests) {
    tcase_add_loop_test(tests, every_variant_does_what_it_is_for, 0, VARIANTS);
    tcase_add_loop_test(tests, every_fault_is_noticed_by_the_check_that_is_about_it, 0,
                        sizeof faults / sizeof *faults);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "variant faults", .framed = true, .more = more});
}
