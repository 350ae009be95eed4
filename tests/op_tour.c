/* Every kernel in few, small plans: one full tile, a tile + 1, sums longer than a block, every
 * stage. This is what the interpreter, which finds bad addresses, races and uninitialised reads,
 * has time for. */
#include "backend/kernels.h"
#include "harness/op_observe.h"
#include <stdio.h>
#include <string.h>

static const struct op_case cases[] = {
    {.name = "a tile + 1 in every direction, dropout at every place",
     .input = "17",
     .layers =
         "[{dropout: {rate: 0.2}}, {dense: {units: 17, activation: relu}}, {dropout: {rate: 0.5}}, "
         "{dense: {units: 5}}]",
     .batch = 5,
     .valid = 4,
     .train = "  optimizer: {sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.1}}\n"},
    {.name = "full tiles",
     .input = "16, 1, 1",
     .layers = "[{dense: {units: 64}}]",
     .batch = 16,
     .train = "  ema: 0.9\n  optimizer: adamw\n"},
    {.name = "a GPU tile + 1",
     .input = "3",
     .layers = "[{dense: {units: 65}}]",
     .batch = 65,
     .all_ways = true},
    /* Larger tiles of GPUs are the same file with other numbers; here they would be interpreted for
     * a minute, nearly all of it padding. */
    {.name = "a sum longer than a block, three channels",
     .input = "5, 18, 3",
     .layers = "[{dense: {units: 3}}]",
     .batch = 2,
     .cpu_ways = true},
    {.name = "the same in chunks, side by side",
     .input = "5, 18, 3",
     .layers = "[{dense: {units: 3}}]",
     .batch = 2,
     .family = "gpu",
     .way = 6},
    {.name = "the same in chunks, one after the other",
     .input = "5, 18, 3",
     .layers = "[{dense: {units: 3}}]",
     .batch = 2,
     .family = "gpu",
     .way = 2},
    {.name = "the same over rows and units",
     .input = "2",
     .layers = "[{dense: {units: 3}}, {dense: {units: 257}}, {dense: {units: 2}}]",
     .batch = 3},
    {.name = "convolutions: tiles + 1, a stride, padding, stages",
     .framed = true,
     .input = "5, 4, 3",
     .layers = "[{conv: {filters: 17, kernel: 3, pad: same, activation: relu}}, {conv: {filters: "
               "20, kernel: 3, stride: 2, pad: 1, activation: relu}}, {dropout: {rate: 0.5}}, "
               "{dense: {units: 2}}]",
     .batch = 2},
    {.name = "a tile of samples + 1",
     .framed = true,
     .input = "3, 2, 3",
     .layers =
         "[{conv: {filters: 17, kernel: 3, pad: same, activation: relu}}, {conv: {filters: 3, "
         "kernel: 2, stride: 2}}, {dense: {units: 2}}]",
     .batch = 9,
     .all_ways = true},
    {.name = "a full tile of 8 samples x 32 channels, and of dW",
     .framed = true,
     .input = "1, 2, 2",
     .layers = "[{conv: {name: front, filters: 32, kernel: 1}}, {conv: {filters: 32, kernel: [1, "
               "2], pad: same}}, {dense: {units: 2}}]",
     .batch = 8,
     .family = "cpu"},
    {.name = "a full tile of GPUs, 64 pixels x 64 channels in four slices, of all three passes",
     .framed = true,
     .input = "2, 4, 2",
     .layers = "[{conv: {name: front, filters: 64, kernel: 1}}, {conv: {filters: 64, kernel: 1}}, "
               "{dense: {units: 2}}]",
     .batch = 8,
     .family = "gpu",
     .way = 4},
    {.name = "chunks of a convolution's weight gradient, stages behind odd channels",
     .framed = true,
     .input = "25, 24, 1",
     .layers = "[{conv: {filters: 1, kernel: 2, pad: same, activation: relu}}, {conv: {filters: 2, "
               "kernel: 1, pad: same}}, {dropout: {rate: 0.5}}, {dense: {units: 2}}]",
     .batch = 1},
    {.name = "depthwise convolutions",
     .framed = true,
     .input = "5, 3, 2",
     .layers = "[{conv: {filters: 17, kernel: 1}}, {conv: {filters: 17, kernel: 3, pad: same, "
               "depthwise: true}}, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "stages with operands, not fused",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 17}}, relu, {fork: {rate: 0.5}}]",
     .batch = 3,
     .no_fuse = true},
    {.name = "stages with operands, fused",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 17}}, relu, {fork: {rate: 0.5}}, {dense: {units: 2}}]",
     .batch = 3},
    {.name = "changed pictures, smoothed labels",
     .input = "5, 4, 3",
     .layers = "[{dense: {units: 2}}]",
     .batch = 3,
     .train = "  augment: {crop: 2, flip: true, cutout: 3}\n  optimizer: {sgd: {lr: 0.1}}\n"
              "  loss: {cross_entropy: {smoothing: 0.1}}\n"},
    {.name = "a residual block with a shortcut",
     .framed = true,
     .input = "3",
     .layers =
         "[{residual: {activation: relu, body: [{dense: {units: 17}}, {dropout: {rate: 0.5}}], "
         "shortcut: [{dense: {units: 17}}]}}, {dense: {units: 2}}]",
     .batch = 3},
    {.name = "whole branches of a residual block",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 17}}, {residual: {body: [{dense: {units: 17}}, {droppath: {rate: "
               "0.5}}]}}, {dense: {units: 2}}]",
     .batch = 3},
    {.name = "Gaussian noise",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 17}}, {gaussian_dropout: {rate: 0.5}}, {dense: {units: 2}}]",
     .batch = 3},
    {.name = "alpha dropout of elements and channels",
     .framed = true,
     .input = "3, 2, 5",
     .layers = "[{alpha_dropout: {rate: 0.5, by: channel}}, {dense: {units: 17}}, {alpha_dropout: "
               "{rate: 0.5}}, {dense: {units: 2}}]",
     .batch = 3},
    {.name = "limited norms, a chunk and a vector + 1",
     .framed = true,
     .input = "65",
     .layers = "[{dense: {units: 17, max_norm: 0.5}}, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "concrete dropout and its regularisers",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 17}}, concrete_dropout, {dense: {units: 17}}]",
     .batch = 3},
    {.name = "channels of an image, in whole blocks of four",
     .framed = true,
     .input = "3, 2, 8",
     .layers = "[{dropout2d: {rate: 0.5}}, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "channels of a sequence, in other numbers",
     .framed = true,
     .input = "4, 5",
     .layers = "[{dropout1d: {rate: 0.5}}, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "windows over images: overlapping, over the border, over the map",
     .framed = true,
     .input = "3",
     .layers =
         "[{dense: {units: 100}}, {image: {shape: [4, 5, 5]}}, {maxpool: {size: 3, stride: 2, "
         "pad: same}}, {avgpool: {size: 2, stride: 1}}, globalavgpool, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "every activation",
     .framed = true,
     .input = "3",
     .layers = "[leaky_relu, {dense: {units: 17, activation: elu}}, selu, gelu, tanh, sigmoid, "
               "hardswish, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "blocks at every alignment, both ways",
     .framed = true,
     .input = "4, 3, 5",
     .layers = "[{dropblock: {rate: 0.4, size: 2}}, {dense: {units: 2}}]",
     .batch = 2,
     .all_ways = true},
    {.name = "blocks in slices of channels, by each sample's count",
     .framed = true,
     .input = "3, 3, 32",
     .layers = "[{dropblock: {rate: 0.4, size: 2, normalize: sample}}, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "masked weights: blocks, words and chunks + 1",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 33}}, relu, {dropconnect: {units: 130, rate: 0.5}}, "
               "{dropconnect: {units: 2, rate: 0.25, bias: false}}]",
     .batch = 17},
    {.name = "masked weights in evaluation",
     .framed = true,
     .input = "3",
     .layers = "[{dropconnect: {units: 18, rate: 0.5, activation: relu, inference: gaussian}}, "
               "{dropconnect: {units: 3, rate: 0.5, activation: elu, inference: sampling, samples: "
               "35}}]",
     .batch = 5,
     .mode = PLAN_EVAL},
    {.name = "micro-batches",
     .input = "3",
     .layers = "[{dense: {units: 2}}]",
     .batch = 4,
     .train = "  micro_batch: 2\n  optimizer: {sgd: {lr: 0.1}}\n"},
    {.name = "batch norm: a vector + 1 on an image, two chunks",
     .framed = true,
     .input = "2, 17, 17",
     .layers =
         "[batchnorm, {dense: {units: 16, activation: relu}}, batchnorm, {dense: {units: 2}}]",
     .batch = 2},
    {.name = "batch norm in evaluation",
     .input = "2, 1, 3",
     .layers = "[batchnorm, {dense: {units: 17, bias: false}}, batchnorm, {dense: {units: 66}}, "
               "batchnorm, {dense: {units: 2}}]",
     .batch = 2,
     .mode = PLAN_EVAL},
    {.name = "passes of a Monte-Carlo evaluation, in two intervals",
     .framed = true,
     .input = "3",
     .layers = "[{dense: {units: 17}}, {dropout: {rate: 0.5}}, {dense: {units: 3}}]",
     .batch = 66,
     .steps = 3,
     .mode = PLAN_MC},
    {.name = "evaluation",
     .input = "3",
     .layers = "[{dense: {units: 7}}]",
     .batch = 66,
     .mode = PLAN_EVAL},
};

#ifndef REAL_IS_DOUBLE
START_TEST(mask_queries_have_the_reference_bits) {
    static const struct op_observation o = {2, 3, 67, 1, 0.3, 9};
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    struct op_bits want, got;
    int n = op_targets(targets);
    op_observe_mask(&o, &cpu, &want);
    for (int t = 0; t < n; t++) {
        op_observe_mask(&o, &targets[t], &got);
        ck_assert(!memcmp(got.kept, want.kept, 2 * 3 * 67));
        op_statistics_free(&got);
    }
    op_statistics_free(&want);
}
END_TEST

START_TEST(library_products_are_the_reference_up_to_rounding) {
    struct op_target targets[OP_TARGETS];
    int n = op_targets(targets);
    for (int t = 0; t < n; t++) ck_assert(op_library_is_near(&targets[t]));
}
END_TEST

/* ---- completeness ---- */

static bool uses(const struct launch_list *list, const char *file) {
    for (int l = 0; l < list->count; l++)
        for (int f = 0; f < list->at[l].nfiles; f++) {
            size_t length = strlen(list->at[l].files[f]);
            if (!strncmp(file, list->at[l].files[f], length) && !strcmp(file + length, ".cl"))
                return true;
        }
    return false;
}

/* In either family, and in every way where the case runs them all. */
static bool step_uses(const struct op_world *w, const struct step *s, bool cpu_family,
                      const char *file) {
    struct caps caps = {.cpu_family = cpu_family, .max_work_group = 256, .local_bytes = 32768};
    struct step_ways ways = {.count = 0};
    bool found = false;
    if (w->row->all_ways && s->op->ways) s->op->ways(w->plan, s, &caps, &ways);
    for (int way = -1; way < ways.count && !found; way++) {
        struct launch_list list = {0};
        struct tuned choice;
        struct tuning tuning = {.at = &choice, .count = 1};
        if (way >= 0) {
            snprintf(choice.key, sizeof choice.key, "%s", ways.key);
            snprintf(choice.way, sizeof choice.way, "%s", ways.name[way]);
            caps.tuning = &tuning;
        }
        s->op->launch(w->plan, s, &caps, &list);
        found = uses(&list, file);
    }
    return found;
}

static bool plan_uses(const struct op_case *row, const char *file) {
    struct op_world world;
    bool found = false;
    op_world_open(&world, row);
    op_frame_use(row->framed);
    for (int i = 0; i < world.plan->nsteps && !found; i++)
        for (int family = 0; family < 2 && !found && !op_frame_has(&world.plan->steps[i]); family++)
            found = step_uses(&world, &world.plan->steps[i], family == 1, file);
    op_frame_use(false);
    op_world_close(&world);
    return found;
}

START_TEST(the_tour_visits_every_kernel_file) {
    static const char *const elsewhere[] = {
        "mask.cl", "finish.cl", "columns.cl",        /* tests above                             */
        "peak.cl", "copy.cl",   "nothing.cl", NULL}; /* measure a device; too long to interpret */
    for (const struct kernel_file *k = kernel_files; k->name; k++) {
        bool found = strstr(k->name, ".cl") == NULL; /* headers are in every program */
        for (int i = 0; elsewhere[i]; i++) found = found || !strcmp(elsewhere[i], k->name);
        for (size_t c = 0; c < sizeof cases / sizeof *cases && !found; c++)
            found = plan_uses(&cases[c], k->name);
        ck_assert_msg(found, "no case launches %s", k->name);
    }
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, the_tour_visits_every_kernel_file);
    tcase_add_test(tests, mask_queries_have_the_reference_bits);
    tcase_add_test(tests, library_products_are_the_reference_up_to_rounding);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){
        .name = "tour", .cases = cases, .ncases = sizeof cases / sizeof *cases, .more = more});
}
