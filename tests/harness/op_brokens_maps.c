/* Faults in the kernels of feature maps: convolution and pooling. */
#include "harness/op_brokens.h"

#define CONV "{conv: {name: front, filters: 4, kernel: 1}}"
#define MAPS "[" CONV ", {conv: {filters: 5, kernel: 3, pad: same}}, {dense: {units: 3}}]"
#define POOLED(word)                                                                               \
    "[{dense: {units: 36}}, {image: {shape: [3, 6, 2]}}, {" word                                   \
    ": {size: [3, 2]}}, {dense: {units: 4}}]"
#define STRIDED                                                                                    \
    "[{dense: {units: 36}}, {image: {shape: [3, 6, 2]}}, {maxpool: {size: 3, stride: 2}}, "        \
    "{dense: {units: 4}}]"
#define TIED                                                                                           \
    "[{dense: {units: 36}}, {dropout: {rate: 1}}, {image: {shape: [3, 6, 2]}}, {maxpool: {size: 3}}, " \
    "{dense: {units: 4}}]"
#define TIED_OVERLAP                                                                               \
    "[{dense: {units: 36}}, {dropout: {rate: 1}}, {image: {shape: [3, 6, 2]}}, "                   \
    "{maxpool: {size: 3, stride: 1}}, {dense: {units: 4}}]"
#define IMAGE(layer_list) .input = "4, 5, 2", .layers = layer_list, .batch = 3
#define MANY(layer_list)  .input = "4, 5, 2", .layers = layer_list, .batch = 9
#define SMALL(layer_list) .input = "9", .layers = layer_list, .batch = 5

const struct op_broken op_brokens_maps[] = {
    {"conv_common.cl",
     "((v) + load_lanes(bias + (n), count))",
     "((v) - load_lanes(bias + (n), count))",
     "conv2d",
     {IMAGE(MAPS)}},
    {"conv_simple.cl", "fma((realv)at[k]", "fma((realv)at[0]", "conv2d", {IMAGE(MAPS), .way = 1}},
    {"conv_simple.cl",
     "sum = fma(v, d, sum);",
     "sum = fma(v, d, v);",
     "conv2d_dw",
     {IMAGE(MAPS), .way = 1}},
    {"conv_pack.cl",
     "((size_t)tap * DST_C + first + i) * SRC_C + k",
     "((size_t)tap * DST_C + first) * SRC_C + k",
     "conv2d_dx",
     {IMAGE(MAPS), .way = 1}},
    {"conv_cpu.cl",
     "int left = clamp(-x, 0, columns)",
     "int left = clamp(1 - x, 0, columns)",
     "conv2d",
     {IMAGE(MAPS), .family = "cpu"}},
    {"conv_cpu.cl",
     "(phase_y + PHASES * ty) * KW",
     "(PHASES * ty) * KW",
     "conv2d_dx",
     {IMAGE("[" CONV ", {conv: {filters: 5, kernel: 3, stride: 2}}, {dense: "
            "{units: 3}}]"),
      .family = "cpu"}},
    {"conv_cpu_batch.cl",
     "t.first = max(-start, 0);",
     "t.first = max(1 - start, 0);",
     "conv2d",
     {MANY(MAPS), .family = "cpu"}},
    {"conv_cpu_batch.cl",
     "#define SRC_STEP -1",
     "#define SRC_STEP 1",
     "conv2d_dx",
     {MANY(MAPS), .family = "cpu"}},
    {"conv_cpu_dw.cl",
     "column[i % WIDE] += d[i];",
     "column[i % WIDE] += d[0];",
     "conv2d_dw",
     {IMAGE(MAPS), .family = "cpu"}},
    {"conv_cpu_dw.cl",
     "b->y[r + i] = (int)(y + i) * STRIDE - TOP;",
     "b->y[r + i] = (int)(y + i) * STRIDE;",
     "conv2d_dw",
     {MANY(
          "[{conv: {name: front, filters: 8, kernel: 1}}, {conv: {filters: 5, kernel: 3, pad: same}}, {dense: "
          "{units: 3}}]"),
      .family = "cpu"}},
    {"conv_gpu.cl",
     "l.y * SRC_W + l.x)",
     "l.y * SRC_W - l.x)",
     "conv2d",
     {IMAGE(MAPS), .family = "gpu"}},
    {"conv_gpu.cl",
     "(v.phase + PHASES * ty) * KW",
     "(PHASES * ty) * KW",
     "conv2d_dx",
     {IMAGE("[" CONV ", {conv: {filters: 5, kernel: 3, stride: 2}}, {dense: "
            "{units: 3}}]"),
      .family = "gpu"}},
    {"conv_gpu_dw.cl",
     "m / IN_C % KW - LEFT",
     "m / IN_C % KW",
     "conv2d_dw",
     {IMAGE(MAPS), .family = "gpu"}},
    {"conv_sum.cl",
     "for (uint chunk = 1;",
     "for (uint chunk = 0;",
     "conv2d_dw",
     {.input = "25, 24, 1",
      .layers = "[{conv: {filters: 2, kernel: 2}}, {dense: {units: 2}}]",
      .batch = 1}},
    {"pool_common.cl",
     "max((int)(o) * (stride) - (before), 0)",
     "max((int)(o) - (before), 0)",
     "maxpool",
     {SMALL(STRIDED)}},
    {"maxpool.cl",
     "(v > best) | (v != v)",
     "(v < best) | (v != v)",
     "maxpool",
     {SMALL(POOLED("maxpool"))}},
    {"maxpool.cl",
     "j < i ? v[j] < v[i] : v[j] <= v[i]",
     "v[j] <= v[i]",
     "maxpool_grad",
     {SMALL(TIED)}},
    {"maxpool.cl",
     "before ? v < own : v <= own",
     "v <= own",
     "maxpool_grad",
     {SMALL(TIED_OVERLAP)}},
    {"avgpool.cl", "total += sum;", "total = sum;", "avgpool", {SMALL(POOLED("avgpool"))}},
    {"avgpool.cl",
     "(float)(rows * columns)",
     "(float)(rows + columns)",
     "avgpool_grad",
     {SMALL(POOLED("avgpool"))}},
};

const int op_brokens_maps_count = sizeof op_brokens_maps / sizeof *op_brokens_maps;
