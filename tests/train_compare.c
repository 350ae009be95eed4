/* Lock step: equal devices agree in every bit; a fault planted into a kernel is found at its own
 * step. */
#include "data/safetensors.h"
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "philox.h"
#include "train/compare.h"
#include "train/difference.h"
#include "train/params.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- differences ---- */

START_TEST(differences_are_counted_and_measured) {
    const float a[] = {1, 2, 0, -4, 1e-45f, NAN, -0.0f, 8};
    const float b[] = {1, nextafterf(2, 3), 0, -4.5f, -1e-45f, NAN, 0.0f, 8};
    struct difference d = difference_of(DTYPE_F32, a, b, 8);
    ck_assert_uint_eq(d.equal, 4); /* NaN is as good as NaN; -0 is not 0 */
    ck_assert_uint_eq(d.unequal, 4);
    ck_assert(d.max_absolute == 0.5);
    ck_assert(isinf(d.max_relative));       /* relative to -0 */
    ck_assert_uint_eq(d.max_ulp, 1u << 20); /* 4 to 4.5 is an eighth of a binade of 2^23 */
}
END_TEST

START_TEST(relative_norm_is_that_of_the_difference) {
    const float a[] = {3, 4}, b[] = {3, 4.5f};
    ck_assert(difference_of(DTYPE_F32, a, b, 2).norm == 0.1);
    ck_assert(difference_of(DTYPE_F32, a, a, 2).norm == 0);
}
END_TEST

START_TEST(integers_are_compared_as_integers) {
    const uint32_t a[] = {1, 2, 0xffffffffu}, b[] = {1, 5, 0xffffffffu};
    struct difference d = difference_of(DTYPE_U32, a, b, 3);
    ck_assert(d.equal == 2 && d.unequal == 1 && d.max_absolute == 3 && d.max_ulp == 0);
}
END_TEST

/* ---- agreement ---- */

/* Building kernels takes most of the time here: the smallest network that shows a thing. */
#define ONE_LAYER                                                                                  \
    "model.layers=[{dense: {name: fc1, units: 10, activation: relu}}, {dropout: {rate: 0.5}}]"
#define ONE_HIDDEN                                                                                 \
    "model.layers=[{dense: {units: 16, activation: relu}}, {dropout: {rate: 0.5}}, {dense: {units: 10}}]"
#define WEIGHTS "model.layers=[{dense: {units: 16}}, {dropconnect: {units: 10, rate: 0.2}}]"
#define LINEAR  "model.layers=[{dense: {units: 16}}, {dropout: {rate: 0.5}}, {dense: {units: 10}}]"
/* half of its rows and columns have no gradient to drop */
#define STRIDED                                                                                    \
    "model.layers=[{conv: {filters: 4, kernel: 5, stride: 4}}, {dropout: {rate: 0.5}}, "           \
    "{conv: {filters: 3, kernel: 1, stride: 2}}, {dense: {units: 10}}]"
#define ON_THE_INPUT "model.layers=[{dropout: {rate: 0.1}}, {dense: {units: 10}}]"

struct seen {
    size_t lines, mask_lines, dense, gather, update, fold, keep;
    int micros;
};

static void look(const struct compare_line *l, void *user) {
    struct seen *s = user;
    s->lines++;
    s->mask_lines += l->mask;
    s->dense += !strcmp(l->op, "dense");
    s->gather += !strcmp(l->op, "gather");
    s->update += !strcmp(l->op, "sgd");
    s->fold += !strcmp(l->op, "fold");
    s->keep += !strcmp(l->op, "keep");
    if (l->micro >= s->micros) s->micros = l->micro + 1;
    ck_assert(l->agrees == (l->unequal == 0));
}

static enum err compare(const char *a, const char *b, struct recipe *r, struct compare_options o,
                        struct compare_result *result) {
    struct device *first = train_device(a), *second = train_device(b);
    o.data = train_data();
    enum err rc = compare_run(first, second, r, &o, result);
    device_close(second);
    device_close(first);
    recipe_free(r);
    return rc;
}

/* Per optimizer step of 32 rows: two masks of 16 and 12 activations forward (backward reads
 * outputs). */
START_TEST(reference_and_opencl_agree_in_every_bit) {
    static const char *const families[] = {"cpu", "gpu"};
    setenv("DROPCL_FAMILY", families[_i], 1);
    struct seen seen = {0};
    struct compare_result result;
    enum err rc =
        compare("cpu", "pocl", train_recipe(NULL),
                (struct compare_options){.steps = 4, .report = look, .user = &seen}, &result);
    unsetenv("DROPCL_FAMILY");
    ck_assert_msg(!rc, "%s", err_message());
    ck_assert_int_eq(result.steps, 4); /* the fourth is in the second epoch */
    ck_assert_uint_eq(result.unequal, 0);
    ck_assert_uint_eq(result.masks, 4 * 32 * (16 + 12));
    ck_assert_uint_eq(seen.mask_lines, 4 * 2);
    ck_assert_uint_eq(seen.gather, 4 * 2); /* input and label */
    ck_assert_uint_eq(seen.update, 4 * 2); /* parameters and state */
}
END_TEST

START_TEST(micro_batches_are_compared_with_their_tree) {
    struct seen seen = {0};
    struct compare_result result;
    enum err rc =
        compare("cpu", "pocl", train_recipe(ONE_LAYER, "train.micro_batch=8", NULL),
                (struct compare_options){.steps = 2, .report = look, .user = &seen}, &result);
    ck_assert_msg(!rc, "%s", err_message());
    ck_assert_int_eq(seen.micros, 4);
    ck_assert_uint_eq(result.masks, 2 * 32 * 10);
    ck_assert_uint_eq(seen.keep, 2 * 3); /* after 0, 1 and 2 */
    ck_assert_uint_eq(seen.fold, 2 * 3); /* one after 1, two after 3 */
}
END_TEST

#define CONV "    - conv: {filters: 4, kernel: 5, stride: 4}\n"

static const struct {
    const char *layers;
    size_t masks; /* masked numbers of one step of 32 rows, backward included */
} networks[] = {
    /* on the input, whose gradient nobody needs */
    {"    - dropout: {rate: 0.2}\n    - dense: {units: 10}\n", 784},
    /* after no activation: backward regenerates the mask */
    {"    - dense: {units: 9}\n    - dropout: {rate: 0.3}\n    - dense: {units: 10}\n", 9 + 9},
    {"    - dense: {units: 9, bias: false}\n    - dropout: {rate: 0.3}\n    - dense: {units: 10}\n",
     9 + 9},
    {"    - conv: {filters: 4, kernel: 5, stride: 4}\n    - dropout2d: {rate: 0.3}\n"
     "    - conv: {filters: 3, kernel: 3, pad: same, bias: false}\n    - dropblock: {rate: 0.3, size: 3}\n"
     "    - dense: {units: 10}\n",
     2 * 6 * 6 * (4 + 3)},
    /* elements that nothing reaches: gradients between the windows of a stride, of what is not a
       window's largest, and windows that see padding alone */
    {CONV "    - dropout: {rate: 0.3}\n    - conv: {filters: 3, kernel: 1, stride: 2}\n"
          "    - dense: {units: 10}\n",
     2 * 6 * 6 * 4},
    {CONV
     "    - dropout2d: {rate: 0.3}\n"
     "    - conv: {filters: 4, kernel: 1, stride: 3, depthwise: true}\n    - dense: {units: 10}\n",
     2 * 6 * 6 * 4},
    {CONV "    - dropout: {rate: 0.3}\n    - maxpool: {size: 2}\n    - dense: {units: 10}\n",
     2 * 6 * 6 * 4},
    {"    - conv: {filters: 4, kernel: 1, stride: 4, pad: 2, bias: false}\n    - dropout: {rate: 0.3}\n"
     "    - avgpool: {size: 2, stride: 3}\n    - dense: {units: 10}\n",
     2 * 8 * 8 * 4},
    /* gradients that are 0 where the output is 1; a sum and an activation behind a mask */
    {"    - dense: {units: 9, activation: tanh}\n    - dropout: {rate: 0.3}\n    - dense: {units: 10}\n",
     9 + 9},
    {"    - dense: {units: 9}\n    - dropout: {rate: 0.3}\n    - sigmoid\n    - dense: {units: 10}\n",
     9 + 9},
    {"    - dense: {units: 9}\n"
     "    - residual: {body: [{dense: {units: 9}}, {dropout: {rate: 0.3}}]}\n"
     "    - dropout: {rate: 0.4}\n    - dense: {units: 10}\n",
     9 + 9 + 9},
    {CONV "    - residual: {body: [{conv: {filters: 4, kernel: 3, pad: same}}, "
          "{dropblock: {rate: 0.3, size: 3}}]}\n    - dense: {units: 10}\n",
     2 * 6 * 6 * 4},
    /* twice in a row: both masks of a fused step are observed together */
    {"    - dense: {units: 9}\n    - dropout: {rate: 0.3}\n    - dropout: {rate: 0.4}\n"
     "    - dense: {units: 10}\n",
     9 + 9},
    /* behind a mask comes a sum */
    {"    - dense: {units: 9}\n    - residual:\n        body:\n          - dense: {units: 9}\n"
     "          - dropout: {rate: 0.3}\n          - droppath: {rate: 0.3}\n    - dense: {units: 10}\n",
     9 + 9},
    /* noise is no mask, and none behind one */
    {"    - dense: {units: 9}\n    - dropout: {rate: 0.3}\n    - gaussian_dropout: {rate: 0.3}\n"
     "    - dense: {units: 10}\n",
     9 + 9},
    /* what alpha dropout drops is not 0; backward it is */
    {"    - dense: {units: 9, activation: selu}\n    - alpha_dropout: {rate: 0.3}\n"
     "    - dense: {units: 10}\n",
     9},
    {"    - dense: {units: 9}\n    - dropout: {rate: 1}\n    - dense: {units: 10}\n", 9 + 9},
    /* masks of weights: both outputs, dx, and where nobody needs that, dW [784][16] */
    {"    - dropconnect: {units: 16, rate: 0.3, activation: tanh}\n"
     "    - dropconnect: {units: 10, rate: 0.5}\n",
     16 + 10 + 16 + 784 * 16 / 32},
    {"    - dense: {units: 9}\n    - dropout: {rate: 0}\n    - dense: {units: 10}\n", 0},
};

START_TEST(masks_are_observed_wherever_they_are) {
    struct compare_result result;
    enum err rc = compare("cpu", "pocl", train_recipe_layers(networks[_i].layers),
                          (struct compare_options){.steps = 1}, &result);
    ck_assert_msg(!rc, "%s", err_message());
    ck_assert_uint_eq(result.masks, 32 * networks[_i].masks);
}
END_TEST

START_TEST(library_gemm_may_round_differently) {
    struct compare_result result;
    enum err rc = compare("cpu", "pocl", train_recipe(ONE_LAYER, "train.gemm=any", NULL),
                          (struct compare_options){.steps = 3}, &result);
    ck_assert_msg(!rc, "%s", err_message());
    ck_assert_uint_gt(result.unequal, 0); /* else this tests nothing */
}
END_TEST

/* ---- planted faults ---- */

static const struct fault {
    const char *op; /* where compare must see it first */
    int64_t step;
    bool mask;          /* ... as a mask                                              */
    const char *layers; /* a setting; NULL: ONE_LAYER, which builds the fewest kernels */
    const char *more;   /* a further setting                                          */
    const char *file, *from, *to;
} faults[] = {
    /* no dropout at all; one mask for the whole run; no scale backward; a regenerated mask
       forgotten */
    {"dense", 0, true, NULL, NULL, "dropout.cl", "select(x * scale, (realv)(0.0f), drop)",
     "x * scale"},
    {"dense", 1, true, NULL, NULL, "dropout.cl", "at.row[CONTROL_STEP]", "0u"},
    {"dense_dx", 0, false, ONE_HIDDEN, NULL, "dropout.cl",
     "((x) * as_float((at).row[(at).a + LAYER_SCALE]))", "(x)"},
    {"dense_dx", 0, true, LINEAR, NULL, "dropout.cl",
     "#define dropout_grad_point(x, extra, at)   DROPOUT(x, at, dropout_words(at))",
     "#define dropout_grad_point(x, extra, at) (x)"},
    /* masks of weights: planes in the wrong order; one for all samples; others backward; no bias */
    {"dropconnect", 0, true, WEIGHTS, NULL, "dropconnect_common.cl", "(7 - (plane))", "(plane)"},
    {"dropconnect", 0, true, WEIGHTS, NULL, "dropconnect_cpu.cl", "m.sample + sample", "m.sample"},
    {"dropconnect_grad", 0, true, WEIGHTS, NULL, "dropconnect_common.cl", "row[CONTROL_STEP]",
     "row[CONTROL_STEP] + GRAD"},
    {"dropconnect", 0, true, WEIGHTS, NULL, "dropconnect_cpu.cl",
     "KEEPS(words[u].s0 >> half_ * 16, LOW_BITS)", "(int16)(-1)"},
    {"conv2d_dx", 0, true, STRIDED, NULL, "dropout.cl",
     "#define dropout_grad_point(x, extra, at)   DROPOUT(x, at, dropout_words(at))",
     "#define dropout_grad_point(x, extra, at) (x)"},
    {"dense", 0, true, NULL, NULL, "philox.h", "PHILOX_ROUNDS       10", "PHILOX_ROUNDS       9"},
    /* a stale CONTROL row, a stale batch */
    {"dense", 1, true, NULL, NULL, "epilogue.cl", "control + (size_t)cursor * ROW", "control"},
    {"gather", 1, false, NULL, NULL, "gather.cl", "row = order[first + n]", "row = order[n]"},
    /* the arithmetic: no bias, no fused multiply-add, ... */
    {"dense", 0, true, NULL, NULL, "gemm_common.cl", "((v) + load_lanes(bias + (n), count))",
     "(v)"},
    {"dense", 0, false, NULL, NULL, "gemm_cpu.cl", "fma((float16)A_AT(row[i], k0 + k), v, sum[i])",
     "((float16)A_AT(row[i], k0 + k) * v + sum[i])"},
    {"dense_dx", 0, false, ONE_HIDDEN, NULL, "relu.cl", "(extra) > 0.0f", "(extra) >= 0.0f"},
    {"cross_entropy", 0, false, NULL, NULL, "portable_math.h", "q = PM_FMA(q, r, 0.5f);",
     "q = PM_FMA(q, r, 0.5001f);"},
    {"cross_entropy", 0, false, NULL, NULL, "cross_entropy.cl", "* mean : 0.0f", ": 0.0f"},
    {"metric", 0, false, NULL, NULL, "metric.cl", "loss[l] += loss[l + half_]",
     "loss[l] += 2.0f * loss[l + half_]"},
    {"fold", 0, false, NULL, "train.micro_batch=8", "combine.cl",
     "load_full(partial + (size_t)i * LANES) + ", ""},
    {"sgd", 1, false, NULL, NULL, "sgd.cl", "fma((realv)momentum, load_full(v + at), gradient)",
     "gradient"},
    {"adam", 0, false, NULL, "train.optimizer={adam: {}}", "adam.cl", "sqrt(v)", "v"},
    {"pointwise", 0, true, ON_THE_INPUT, NULL, "pointwise.cl",
     "realv v = load_lanes(x + index, count);", "realv v = 2.0f * load_lanes(x + index, count);"},
    {"dense", 0, true, NULL, "train.gemm=any", "finish.cl", "v += load_lanes(bias + e, count);",
     ""}};

/* The kernel's text with `from` replaced everywhere; a text without it fails the test. */
static char *spoil(const struct fault *f) {
    const char *text = kernel_source(f->file), *at = text;
    ck_assert_msg(text && strstr(text, f->from), "%s no longer holds \"%s\"", f->file, f->from);
    size_t size = strlen(text) * 4 + 1, used = 0;
    char *spoilt = malloc(size);
    for (const char *next; (next = strstr(at, f->from)); at = next + strlen(f->from))
        used += (size_t)snprintf(spoilt + used, size - used, "%.*s%s", (int)(next - at), at, f->to);
    snprintf(spoilt + used, size - used, "%s", at);
    return spoilt;
}

START_TEST(planted_fault_is_found_at_its_step) {
    const struct fault *f = &faults[_i];
    struct compare_result result;
    char *spoilt = spoil(f);
    kernel_override(f->file, spoilt);
    enum err rc =
        compare("cpu", "pocl", train_recipe(f->layers ? f->layers : ONE_LAYER, f->more, NULL),
                (struct compare_options){.steps = 2}, &result);
    kernel_override(f->file, NULL);
    free(spoilt);
    ck_assert_msg(rc == ERR_NO, "\"%s\" in %s was not seen: %d %s", f->to, f->file, rc,
                  err_message());
    ck_assert_msg(!strcmp(result.first.op, f->op) && result.first.mask == f->mask &&
                      result.first.step == f->step,
                  "\"%s\" in %s was seen at: %s", f->to, f->file, err_message());
    ck_assert_ptr_nonnull(strstr(err_message(), f->op));
}
END_TEST

/* A rate chosen so that one word of the first mask is the threshold itself: kept, as word < T is
 * false. With T one higher it would be dropped; and the other way round. */
static void off_by_one(uint32_t above, const char *limit) {
    uint32_t word = philox_word(7, 5, 3, 0, 1u << 28);
    char rate[80];
    snprintf(rate, sizeof rate, "model.layers.1.dropout.rate=%.17g",
             ldexp((double)word + above, -32));
    const struct fault f = {
        .file = "dropout.cl", .from = "(uintv)(at.row[at.a + LAYER_LIMIT])", .to = limit};
    char *spoilt = spoil(&f);
    struct compare_result result;
    kernel_override(f.file, spoilt);
    enum err rc = compare("cpu", "pocl", train_recipe(ONE_LAYER, rate, NULL),
                          (struct compare_options){.steps = 1}, &result);
    kernel_override(f.file, NULL);
    free(spoilt);
    ck_assert_int_eq(rc, ERR_NO);
    ck_assert(result.first.mask && !strcmp(result.first.op, "dense"));
    ck_assert_uint_eq(result.first.unequal, 1);
}

START_TEST(threshold_off_by_one_is_found) {
    off_by_one(0, "(uintv)(at.row[at.a + LAYER_LIMIT] + 1)");
    off_by_one(1, "(uintv)(at.row[at.a + LAYER_LIMIT] - 1)");
}
END_TEST

START_TEST(first_disagreement_has_its_place) {
    const struct fault f = {.file = "relu.cl", .from = "(x) <= 0.0f", .to = "(x) <= -1.0f"};
    char *spoilt = spoil(&f);
    struct compare_result result;
    kernel_override(f.file, spoilt);
    enum err rc = compare("cpu", "pocl", train_recipe(ONE_LAYER, NULL),
                          (struct compare_options){.steps = 1}, &result);
    kernel_override(f.file, NULL);
    free(spoilt);
    ck_assert_int_eq(rc, ERR_NO);
    ck_assert_str_eq(result.first.name, "fc1");
    ck_assert_str_eq(result.first.shape, "[32,10]");
    ck_assert_int_eq(result.first.line, 6); /* of the recipe's canonical text as parsed */
    ck_assert(result.first.max_absolute > 0 && result.first.max_ulp > 0);
}
END_TEST

/* ---- dumps ---- */

static const struct tensor *dumped(const struct safetensors *s, const char *name) {
    const struct tensor *t = safetensors_find(s, name);
    ck_assert_msg(t, "the dump has no %s", name);
    return t;
}

/* Plain SGD's first step: w' = w - lr g, which ties parameters, gradients and update together. */
START_TEST(dump_holds_every_value_of_a_step) {
    const char *folder = train_folder("dump");
    char path[640];
    struct compare_result result;
    enum err rc =
        compare("cpu", "pocl",
                train_recipe("train.optimizer={sgd: {lr: 0.5}}", "train.schedule=constant", NULL),
                (struct compare_options){.steps = 2, .dump = folder}, &result);
    ck_assert_msg(!rc, "%s", err_message());
    snprintf(path, sizeof path, "%s/step-000001-b.safetensors", folder);
    struct safetensors *s = NULL;
    ck_assert_msg(!safetensors_open(path, &s), "%s", err_message());
    const struct tensor *w = dumped(s, "fc3.bias"), *g = dumped(s, "fc3.bias.grad");
    const struct tensor *all = dumped(s, "parameters");
    ck_assert(w->bytes == 40 && g->bytes == 40);
    dumped(s, "input");
    dumped(s, "logits.grad");
    dumped(s, "state");
    size_t hits = 0; /* the bias sits somewhere in the flat buffer */
    for (size_t at = 0; at + 40 <= all->bytes; at += 1024) {
        float after[10], before[10], gradient[10];
        memcpy(after, (const char *)all->data + at, sizeof after);
        memcpy(before, w->data, sizeof before);
        memcpy(gradient, g->data, sizeof gradient);
        bool fits = true;
        for (int i = 0; i < 10; i++) fits = fits && after[i] == fmaf(-0.5f, gradient[i], before[i]);
        hits += fits;
    }
    ck_assert_uint_eq(hits, 1);
    safetensors_close(s);
}
END_TEST

int main(void) {
    setenv("DROPCL_TUNE", "clblast", 1); /* the library wherever a recipe allows one */
    Suite *suite = suite_create("compare");
    TCase *tests = tcase_create("compare");
    tcase_add_test(tests, differences_are_counted_and_measured);
    tcase_add_test(tests, relative_norm_is_that_of_the_difference);
    tcase_add_test(tests, integers_are_compared_as_integers);
    tcase_add_loop_test(tests, reference_and_opencl_agree_in_every_bit, 0, 2);
    tcase_add_test(tests, micro_batches_are_compared_with_their_tree);
    tcase_add_loop_test(tests, masks_are_observed_wherever_they_are, 0,
                        (int)(sizeof networks / sizeof *networks));
    tcase_add_test(tests, library_gemm_may_round_differently);
    tcase_add_loop_test(tests, planted_fault_is_found_at_its_step, 0,
                        (int)(sizeof faults / sizeof *faults));
    tcase_add_test(tests, threshold_off_by_one_is_found);
    tcase_add_test(tests, first_disagreement_has_its_place);
    tcase_add_test(tests, dump_holds_every_value_of_a_step);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
