/* One broken line in every kernel file: lock step with the reference must name the operation whose
 * kernel it is. A kernel file without a planted fault fails this suite. */
#include "backend/kernels.h"
#include "harness/op_fault.h"
#include "harness/op_observe.h"
#include <stdlib.h>
#include <string.h>

#define NET          "[{dense: {units: 21}}, relu, {dropout: {rate: 0.5}}]"
#define NORM         "[{dense: {units: 21}}, batchnorm, relu, {dense: {units: 4}}]"
#define LINE         "[{dense: {units: 4}}]"
#define ACTIVE(word) "[{dense: {units: 21}}, " word ", {dense: {units: 4}}]"
#define BLOCKS(attributes)                                                                         \
    .input = "5, 4, 12",                                                                           \
    .layers = "[{dropblock: {rate: 0.4, size: 2" attributes "}}, {dense: {units: 4}}]", .batch = 5
#define CONV "{conv: {filters: 4, kernel: 1}}"
#define MAPS "[" CONV ", {conv: {filters: 5, kernel: 3, pad: same}}, {dense: {units: 3}}]"
#define POOLED(word)                                                                               \
    "[{dense: {units: 36}}, {image: {shape: [3, 6, 2]}}, {" word                                   \
    ": {size: [3, 2]}}, {dense: {units: 4}}]"
#define TIED                                                                                           \
    "[{dense: {units: 36}}, {dropout: {rate: 1}}, {image: {shape: [3, 6, 2]}}, {maxpool: {size: 3}}, " \
    "{dense: {units: 4}}]"
#define SMALL(layer_list) .input = "9", .layers = layer_list, .batch = 5
#define IMAGE(layer_list) .input = "4, 5, 2", .layers = layer_list, .batch = 3

/* `step`: the operation of the first step that may differ, or of its first stage when that is
 * absorbed or wrapped. */
static const struct broken {
    const char *file, *from, *to, *step;
    struct op_case row;
} brokens[] = {
    {"gather.cl", "order[first + n]", "order[first]", "gather", {SMALL(LINE)}},
    {"gather.cl",
     "v->flipped ? WIDTH - 1 - x : x",
     "v->flipped ? WIDTH - x : x",
     "gather",
     {.input = "4, 4, 3",
      .layers = LINE,
      .batch = 8,
      .train = "  augment: {flip: true}\n  optimizer: {sgd: {lr: 0.1}}\n"}},
    {"gemm_common.cl",
     "((v) + load_lanes(bias + (n), count))",
     "((v) - load_lanes(bias + (n), count))",
     "dense",
     {SMALL(LINE)}},
    {"gemm_simple.cl",
     "fma((realv)A_AT(m, k), v, sum)",
     "fma((realv)A_AT(m, k), v, v)",
     "dense",
     {SMALL(LINE), .way = 1}},
    {"gemm_cpu.cl",
     "fma((float16)A_AT(row[i], k0 + k), v, sum[i])",
     "fma((float16)A_AT(row[i], k0), v, sum[i])",
     "dense",
     {SMALL(LINE), .family = "cpu", .way = 2}},
    {"gemm_gpu.cl",
     "fma((float4)x, v[q], sum[i][q])",
     "fma((float4)x, v[0], v[q])",
     "dense",
     {SMALL(LINE), .family = "gpu", .way = 2}},
    {"gemm_gpu.cl",
     "partial + (start + chunk * plane) * SIZE_N",
     "partial + start * SIZE_N",
     "dense",
     {.input = "300", .layers = LINE, .batch = 5, .family = "gpu", .way = 5}},
    {"conv_common.cl",
     "((v) + load_lanes(bias + (n), count))",
     "((v) - load_lanes(bias + (n), count))",
     "conv2d",
     {IMAGE(MAPS)}},
    {"conv_simple.cl", "fma((realv)(at ?", "fma((realv)(k ?", "conv2d", {IMAGE(MAPS), .way = 1}},
    {"conv_simple.cl",
     "sum = fma(v, d, sum);",
     "sum = fma(v, d, v);",
     "conv2d_dw",
     {IMAGE(MAPS), .way = 1}},
    {"conv_pack.cl",
     "((size_t)tap * DST_C + first + i) * SRC_C + k",
     "((size_t)tap * DST_C + first) * SRC_C + k",
     "conv2d_dx",
     {IMAGE(MAPS)}},
    {"conv_cpu.cl",
     "int left = clamp(-x, 0, columns)",
     "int left = clamp(1 - x, 0, columns)",
     "conv2d",
     {IMAGE(MAPS), .family = "cpu"}},
    {"conv_cpu.cl",
     "(phase_y + PHASES * ty) * KW",
     "(PHASES * ty) * KW",
     "conv2d_dx",
     {IMAGE("[{conv: {filters: 4, kernel: 1}}, {conv: {filters: 5, kernel: 3, stride: 2}}, {dense: "
            "{units: 3}}]"),
      .family = "cpu"}},
    {"conv_cpu_dw.cl",
     "column += d[i];",
     "column += d[0];",
     "conv2d_dw",
     {IMAGE(MAPS), .family = "cpu"}},
    {"conv_sum.cl",
     "for (uint chunk = 1;",
     "for (uint chunk = 0;",
     "conv2d_dw",
     {.input = "25, 24, 1",
      .layers = "[{conv: {filters: 2, kernel: 2}}, {dense: {units: 2}}]",
      .batch = 1}},
    {"pointwise.cl",
     "realv v = load_lanes(x + index, count);",
     "realv v = load_lanes(x + index, count) * 1.5f;",
     "relu",
     {SMALL(NET), .no_fuse = true}},
    {"relu.cl", "(x) <= 0.0f", "(x) <= 0.25f", "relu", {SMALL(NET), .no_fuse = true}},
    {"relu.cl", "(extra) > 0.0f", "(extra) >= 0.0f", "relu_grad", {SMALL(NET), .no_fuse = true}},
    {"leaky_relu.cl",
     "select((x) * as_float((at).a), (x), (x) > 0.0f)",
     "select((x) * as_float((at).b), (x), (x) > 0.0f)",
     "leaky_relu",
     {SMALL(ACTIVE("leaky_relu")), .no_fuse = true}},
    {"elu.cl",
     "pm_expm1(x) * as_float((at).a)",
     "pm_expv(x) * as_float((at).a)",
     "elu",
     {SMALL(ACTIVE("elu")), .no_fuse = true}},
    {"selu.cl",
     "1.75809934084737685994f",
     "1.75809f",
     "selu",
     {SMALL(ACTIVE("selu")), .no_fuse = true}},
    {"gelu.cl",
     "(pm_erf(x * 0.70710678118654752440f) + 1.0f)",
     "(pm_erf(x) + 1.0f)",
     "gelu",
     {SMALL(ACTIVE("gelu")), .no_fuse = true}},
    {"tanh.cl",
     "pm_tanh(x)",
     "pm_tanh((x) * 2.0f)",
     "tanh",
     {SMALL(ACTIVE("tanh")), .no_fuse = true}},
    {"sigmoid.cl",
     "pm_sigmoid(x)",
     "pm_sigmoid(-(x))",
     "sigmoid",
     {SMALL(ACTIVE("sigmoid")), .no_fuse = true}},
    {"hardswish.cl",
     "realv shifted = x + 3.0f;",
     "realv shifted = x + 2.0f;",
     "hardswish",
     {SMALL(ACTIVE("hardswish")), .no_fuse = true}},
    {"tanh.cl",
     "fma(-(extra), extra,",
     "fma(extra, extra,",
     "tanh_grad",
     {SMALL(ACTIVE("tanh")), .no_fuse = true}},
    {"sigmoid.cl",
     "(1.0f - y)",
     "(1.0f + y)",
     "sigmoid_grad",
     {SMALL(ACTIVE("sigmoid")), .no_fuse = true}},
    {"gelu.cl",
     "x * x * -0.5f",
     "x * -0.5f",
     "gelu_grad",
     {SMALL(ACTIVE("gelu")), .no_fuse = true}},
    {"pool_common.cl",
     "max((int)(o) * (stride) - (before), 0)",
     "max((int)(o) - (before), 0)",
     "maxpool",
     {SMALL(POOLED("maxpool"))}},
    {"maxpool.cl",
     "(v > best) | (v != v)",
     "(v < best) | (v != v)",
     "maxpool",
     {SMALL(POOLED("maxpool"))}},
    {"maxpool.cl", "before ? v < own : v <= own", "v <= own", "maxpool_grad", {SMALL(TIED)}},
    {"avgpool.cl", "total += sum;", "total = sum;", "avgpool", {SMALL(POOLED("avgpool"))}},
    {"avgpool.cl",
     "(float)(rows * columns)",
     "(float)(rows + columns)",
     "avgpool_grad",
     {SMALL(POOLED("avgpool"))}},
    {"dropout.cl",
     "at.row[CONTROL_SAMPLE] + at.sample",
     "at.row[CONTROL_SAMPLE]",
     "dropout",
     {SMALL(NET), .no_fuse = true}},
    {"dropout.cl",
     "return select(x * scale,",
     "return select(x,",
     "dropout",
     {SMALL(NET), .no_fuse = true}},
    {"dropout.cl",
     "channel = (at.element + lane) % at.c",
     "channel = at.element % at.c",
     "dropout2d",
     {.input = "3, 2, 5",
      .layers = "[{dropout2d: {rate: 0.5}}, {dense: {units: 4}}]",
      .batch = 5,
      .no_fuse = true}},
    /* off by one at the border: the last corners never drop */
    {"dropblock.cl", "(HEIGHT - BLOCK_H + 1)", "(HEIGHT - BLOCK_H)", "dropblock", {BLOCKS("")}},
    {"dropblock.cl",
     "p <= min(i, GRID_H - 1)",
     "p <= min(i, GRID_H - 2)",
     "dropblock",
     {BLOCKS(""), .way = 1}},
    {"dropblock.cl",
     "row[w] |= shifted;",
     "row[w] = shifted;",
     "dropblock",
     {BLOCKS(""), .family = "cpu"}},
    {"dropblock.cl",
     "1u << column % 32",
     "1u << column % 31",
     "dropblock",
     {BLOCKS(""), .family = "gpu"}},
    {"dropblock.cl",
     "counts[(size_t)n * PARTS + part];",
     "counts[part];",
     "dropblock",
     {BLOCKS(", normalize: sample")}},
    {"epilogue.cl",
     "at.element = element;",
     "at.element = 0;",
     "dropout",
     {SMALL(NET), .no_fuse = true}},
    {"add.cl",
     "((x) + (extra))",
     "((x) - (extra))",
     "add",
     {SMALL("[{dense: {units: 7}}, {fork: {rate: 0.5}}]"), .no_fuse = true}},
    {"batch_norm_sums.cl",
     "wide variance = squares / (wide)(float)ROWS;",
     "wide variance = squares;",
     "batch_norm_statistics",
     {SMALL(NORM)}},
    {"batch_norm_sums.cl",
     "products * LOAD(AT(moments, 1) + c)",
     "products",
     "batch_norm_reduce",
     {SMALL(NORM)}},
    {"batch_norm.cl", "fma(centred, scale,", "fma(scale, scale,", "batch_norm", {SMALL(NORM)}},
    {"batch_norm.cl", "- fma(centred, slope, constant_)", "", "batch_norm_dx", {SMALL(NORM)}},
    {"batch_norm_eval.cl",
     "sqrt(variance + (realv)EPSILON)",
     "sqrt(variance)",
     "batch_norm_freeze",
     {SMALL(NORM), .mode = PLAN_EVAL}},
    {"batch_norm_eval.cl",
     "b - load_lanes(moments + c, count)",
     "b + load_lanes(moments + c, count)",
     "batch_norm_fold",
     {SMALL(NORM), .mode = PLAN_EVAL}},
    {"average.cl",
     "w - mean, mean)",
     "w, mean)",
     "average",
     {SMALL(LINE), .train = "  ema: 0.9\n  optimizer: {sgd: {lr: 0.1}}\n"}},
    {"cross_entropy.cl",
     "own = z[target] - max",
     "own = z[target] + max",
     "cross_entropy",
     {SMALL(LINE)}},
    {"cross_entropy.cl",
     "fma(share, all,",
     "fma(share, own,",
     "cross_entropy",
     {SMALL(LINE),
      .train = "  loss: {cross_entropy: {smoothing: 0.1}}\n  optimizer: {sgd: {lr: 0.1}}\n"}},
    {"cross_entropy.cl",
     "(p - (j == target ? ON_LABEL",
     "(p - (j != target ? ON_LABEL",
     "cross_entropy",
     {SMALL(LINE)}},
    {"metric.cl", "= as_uint(loss);", "= as_uint(loss + 1.0f);", "metric", {SMALL(LINE)}},
    {"softmax.cl", "p[j] /= sum", "p[j] *= sum", "softmax", {SMALL(LINE), .mode = PLAN_EVAL}},
    {"sgd.cl", "fma((realv)-lr, velocity, x)", "fma((realv)lr, velocity, x)", "sgd", {SMALL(LINE)}},
    {"adam.cl", "b2 * v)", "v)", "adam", {SMALL(LINE), .train = "  optimizer: adam\n"}},
    {"combine.cl",
     "load_full(partial + (size_t)i * LANES) +",
     "load_full(partial + i * LANES) -",
     "fold",
     {.input = "9",
      .layers = LINE,
      .batch = 4,
      .train = "  micro_batch: 2\n  optimizer: {sgd: {lr: 0.1}}\n"}},
    /* the headers, seen through a step that uses them */
    {"philox.h", "0xD2511F53u", "0xD2511F55u", "dropout", {SMALL(NET), .no_fuse = true}},
    {"portable_math.h", "0x1.5554a4p-3f", "0x1.5555a4p-3f", "cross_entropy", {SMALL(LINE)}},
    {"portable_vector.h",
     "q = PM_FMAV(q, r, 0.5f);",
     "q = PM_FMAV(q, r, 0.25f);",
     "tanh",
     {SMALL(ACTIVE("tanh")), .no_fuse = true}},
    {"pointwise.h",
     "for (uint i = 0; i < count; i++) p[i] = lane[i];",
     "for (uint i = 0; i < count; i++) p[i] = lane[0];",
     "dense",
     {SMALL("[{dense: {units: 3}}]")}},
    {"control_words.h",
     "#define CONTROL_MEAN      6",
     "#define CONTROL_MEAN      7",
     "cross_entropy",
     {SMALL(LINE)}},
    {"prelude.h",
     "#pragma OPENCL FP_CONTRACT OFF",
     "#define fma(a, b, c) ((a) * (b) + (c) + 1.0f)",
     "gather",
     {SMALL(LINE)}},
};

static const char *name_of(const struct step *s) {
    return strcmp(s->op->name, "pointwise") ? s->op->name : s->stage[0].op->name;
}

static int first_difference(const struct op_world *world, const struct op_target *target) {
    struct op_machine reference, device;
    struct op_target cpu = op_reference();
    op_machine_open(&reference, world, &cpu);
    op_machine_open(&device, world, target);
    int step = op_bits_first_difference(&reference, &device);
    op_machine_close(&device);
    op_machine_close(&reference);
    return step;
}

static void check_broken(const struct broken *b, const struct op_target *target) {
    struct op_world world;
    struct op_case row = b->row;
    row.name = b->file;
    op_world_open(&world, &row);
    ck_assert_int_eq(first_difference(&world, target), -1);
    struct op_fault fault = op_fault_plant(b->file, b->from, b->to);
    int step = first_difference(&world, target);
    op_fault_remove(&fault);
    const char *named = step < 0 ? "nothing" : name_of(&world.plan->steps[step]);
    ck_assert_msg(!strcmp(named, b->step), "%s broken, family %s: lock step named %s, not %s",
                  b->file, target->family, named, b->step);
    op_world_close(&world);
}

START_TEST(lock_step_names_the_operation_whose_kernel_is_broken) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    const struct broken *b = &brokens[_i];
    for (int t = 0; t < n; t++) {
        if (b->row.family && strcmp(b->row.family, targets[t].family)) continue;
        targets[t].way = b->row.way - 1;
        check_broken(b, &targets[t]);
    }
}
END_TEST

/* ---- the mask kernel is no step of a plan ---- */

static const struct op_observation half = {6, 16, 128, 0, 0.5, 21};

static bool masks_follow_coordinates(const struct op_target *target) {
    struct op_target cpu = op_reference();
    struct op_bits here, there;
    op_observe_mask(&half, target, &here);
    op_observe_mask(&half, &cpu, &there);
    bool same = !memcmp(here.kept, there.kept, 6 * 16 * 128);
    op_statistics_free(&here);
    op_statistics_free(&there);
    return same;
}

START_TEST(a_broken_mask_query_is_noticed) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        ck_assert(masks_follow_coordinates(&targets[t]));
        struct op_fault fault =
            op_fault_plant("mask.cl", "first_sample + (uint)sample", "first_sample");
        bool same = masks_follow_coordinates(&targets[t]);
        op_fault_remove(&fault);
        ck_assert(!same);
    }
}
END_TEST

/* ---- kernels beside a library product ---- */

static const struct {
    const char *fault, *file, *from, *to;
} library_faults[] = {
    {"bias behind a library product", "finish.cl", "v += load_lanes", "v -= load_lanes"},
    {"bias gradients beside it", "columns.cl", "total + sum : sum", "total + sum : sum + sum"},
};

START_TEST(broken_kernels_around_a_library_product_are_noticed) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) {
        ck_assert_msg(op_library_is_near(&targets[t]), "%s: wrong without a fault",
                      library_faults[_i].fault);
        struct op_fault fault =
            op_fault_plant(library_faults[_i].file, library_faults[_i].from, library_faults[_i].to);
        bool holds = op_library_is_near(&targets[t]);
        op_fault_remove(&fault);
        ck_assert_msg(!holds, "nobody noticed: %s", library_faults[_i].fault);
    }
}
END_TEST

/* ---- completeness ---- */

/* mask.cl has its own check above; what only measures a device computes nothing that could be
 * wrong. */
static const char *const elsewhere[] = {"mask.cl", "peak.cl", "copy.cl", "nothing.cl"};

static bool has_fault(const char *file) {
    bool found = false;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        found = found || !strcmp(file, elsewhere[i]);
    for (size_t i = 0; i < sizeof brokens / sizeof *brokens; i++)
        found = found || !strcmp(brokens[i].file, file);
    for (int i = 0; i < 2; i++) found = found || !strcmp(library_faults[i].file, file);
    return found;
}

START_TEST(every_kernel_file_has_a_planted_fault) {
    for (const struct kernel_file *k = kernel_files; k->name; k++)
        ck_assert_msg(has_fault(k->name), "no fault is planted in %s", k->name);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, every_kernel_file_has_a_planted_fault);
    tcase_add_loop_test(tests, lock_step_names_the_operation_whose_kernel_is_broken, 0,
                        sizeof brokens / sizeof *brokens);
    tcase_add_test(tests, a_broken_mask_query_is_noticed);
    tcase_add_loop_test(tests, broken_kernels_around_a_library_product_are_noticed, 0, 2);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "broken", .more = more});
}
