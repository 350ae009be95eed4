/* Spatial dropout: whole channels at every alignment of channels, vectors and generator blocks. */
#include "control_words.h"
#include "harness/op.h"
#include "philox.h"
#include <stdlib.h>
#include <string.h>

#define BEHIND(units, axes, middle)                                                                \
    "[{dense: {units: " units "}}, {image: {shape: [" axes "]}}, " middle ", {dense: {units: 4}}]"
#define CHANNELS(units, axes)                                                                      \
    .input = "7", .layers = BEHIND(units, axes, "relu, {dropout2d: {rate: 0.5}}"), .batch = 3
#define RATE(rate)                                                                                 \
    .input = "7", .layers = BEHIND("48", "2, 3, 8", "{dropout2d: {rate: " rate "}}"), .batch = 3

static const struct op_case cases[] = {
    {.name = "1 channel", CHANNELS("15", "5, 3, 1")},
    {.name = "3 channels", CHANNELS("36", "4, 3, 3")},
    {.name = "4 channels", CHANNELS("36", "3, 3, 4")},
    {.name = "5 channels", CHANNELS("60", "3, 4, 5")},
    {.name = "8 channels", CHANNELS("72", "3, 3, 8")},
    {.name = "12 channels", CHANNELS("72", "3, 2, 12")},
    {.name = "16 channels", CHANNELS("96", "2, 3, 16")},
    {.name = "17 channels", CHANNELS("102", "2, 3, 17")},
    {.name = "20 channels", CHANNELS("120", "3, 2, 20")},
    {.name = "32 channels", CHANNELS("128", "2, 2, 32")},
    {.name = "65 channels", CHANNELS("65", "1, 1, 65")},
    {.name = "rate 0", RATE("0")},
    {.name = "rate 0.1", RATE("0.1")},
    {.name = "rate 0.9", RATE("0.9"), .steps = 3},
    {.name = "rate 1", RATE("1")},
    {.name = "a ReLU that two read",
     .input = "7",
     .layers = BEHIND("48", "2, 3, 8", "relu, {fork: {rate: 0.5}}, {dropout2d: {rate: 0.25}}"),
     .batch = 3},
    {.name = "not fused",
     .input = "7",
     .layers = BEHIND("54", "3, 3, 6", "relu, {dropout2d: {rate: 0.5}}"),
     .batch = 3,
     .no_fuse = true},
    {.name = "on the input",
     .input = "4, 3, 8",
     .layers = "[{dropout2d: {rate: 0.3}}, {dense: {units: 4}}]",
     .batch = 3},
    {.name = "a sequence",
     .input = "6, 5",
     .layers = "[{dropout1d: {rate: 0.3}}, {dense: {units: 4}}]",
     .batch = 3},
    {.name = "a sequence behind a layer",
     .input = "7",
     .layers = BEHIND("48", "4, 12", "relu, {dropout1d: {rate: 0.4}}"),
     .batch = 5},
    {.name = "passes of a Monte-Carlo evaluation",
     .input = "7",
     .layers = BEHIND("48", "2, 3, 8", "{dropout2d: {rate: 0.5}}"),
     .batch = 3,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation", RATE("0.5"), .mode = PLAN_EVAL},
    {.name = "one number, two rates",
     .input = "4, 3, 8",
     .layers = "[{dropout2d: {rate: 0.2, id: 4095, share: true}}, "
               "{dropout: {rate: 0.6, id: 4095, share: true}}, {dense: {units: 4}}]",
     .batch = 3},
};

#define REFUSED(axes, layer)                                                                       \
    .row = {.name = layer, .input = axes, .layers = "[" layer "]", .batch = 2}

static const struct op_refusal refusals[] = {
    {REFUSED("5", "{dropout2d: {rate: 0.5}}"),
     ":5:13: error: dropout2d drops channels of images [batch,height,width,channels], its input is "
     "[2,5]"},
    {REFUSED("5, 4", "{dropout2d: {rate: 0.5}}"), "its input is [2,5,4]"},
    {REFUSED("5", "{dropout1d: {rate: 0.5}}"),
     "dropout1d drops channels of sequences [batch,time,channels], its input is [2,5]"},
    {REFUSED("5, 4, 3", "{dropout1d: {rate: 0}}"), "its input is [2,5,4,3]"},
    {REFUSED("5, 4, 3", "{dropout2d: {rate: 1.5}}"), "the probability to drop"},
    {REFUSED("5, 4, 3", "{dropout2d: {rate: -1}}"), "the probability to drop"},
};

/* ---- the mask, channel by channel, from the contract ---- */

#ifndef REAL_IS_DOUBLE
static void check_masked(struct op_machine *m, const struct step *s, int channels) {
    const struct value *v = &m->world->plan->values[s->out[0]];
    float *x = op_machine_value(m, s->in[0]), *y = op_machine_value(m, s->out[0]);
    uint32_t features = (uint32_t)shape_features(&v->shape);
    for (uint32_t i = 0; i < shape_elements(&v->shape); i++) {
        uint32_t channel = i % features % (uint32_t)channels;
        uint32_t word =
            philox_word(m->world->row->seed, channel, i / features, 0, DOMAIN_MASK << 28);
        float want = word >= 0xc0000000u ? x[i] * 4 : 0.0f;
        ck_assert_msg(!memcmp(&want, &y[i], sizeof want), "%s, element %u: %a from %a, want %a",
                      s->name, i, y[i], x[i], want);
    }
    free(x);
    free(y);
}

static void check_masks(const struct op_target *target) {
    static const struct op_case row = {.name = "masks",
                                       .input = "7",
                                       .layers =
                                           BEHIND("66", "2, 3, 11", "{dropout2d: {rate: 0.75}}"),
                                       .batch = 7,
                                       .seed = 0xfedcba9876543210u,
                                       .no_fuse = true};
    struct op_world world;
    struct op_machine m;
    int found = 0;
    op_world_open(&world, &row);
    op_world_guard(&world);
    op_machine_open(&m, &world, target);
    op_machine_run_all(&m);
    for (int i = 0; i < world.plan->nsteps; i++) {
        const struct step *s = &world.plan->steps[i];
        if (!s->nstages || strncmp(s->stage[0].op->name, "dropout2d", 9) != 0) continue;
        check_masked(&m, s, 11);
        found++;
    }
    ck_assert_int_eq(found, 2); /* forward and backward */
    op_machine_close(&m);
    op_world_close(&world);
}

START_TEST(whole_channels_follow_the_contract_forward_and_backward) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_masks(&cpu);
    for (int t = 0; t < n; t++) check_masks(&targets[t]);
}
END_TEST
#endif

static void more(TCase *tests) {
#ifndef REAL_IS_DOUBLE
    tcase_add_test(tests, whole_channels_follow_the_contract_forward_and_backward);
#else
    (void)tests;
#endif
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "dropout2d",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
