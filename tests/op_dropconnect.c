/* DropConnect: shapes at and around its blocks of 128 outputs, words of 32, chunks of 32 inputs and
 * 16 samples. */
#include "harness/op.h"
#include "ops/dropconnect.h"

#define CONNECT(attributes) "{dropconnect: {" attributes "}}"
#define ONE(units, rate)    "[" CONNECT("units: " units ", rate: " rate) "]"
#define TWO(units, rate)                                                                           \
    "[{dense: {units: 5}}, " CONNECT("units: " units ", rate: " rate) ", {dense: {units: 4}}]"

/* On a full vector and a part, in a full tile of samples and a part. */
#define SAMPLED(activation, samples)                                                               \
    {                                                                                              \
        .name = "evaluation by " samples " samples of " activation, .input = "9",                  \
        .layers = "[{dropconnect: {units: 21, rate: 0.4, activation: " activation                  \
                  ", inference: sampling, samples: " samples "}}]",                                \
        .batch = 5, .valid = 3, .mode = PLAN_EVAL                                                  \
    }

static const struct op_case cases[] = {
    {.name = "one of everything", .input = "1", .layers = ONE("1", "0.5"), .batch = 1},
    {.name = "odd sizes", .input = "7", .layers = TWO("5", "0.5"), .batch = 3},
    {.name = "31 outputs", .input = "9", .layers = TWO("31", "0.5"), .batch = 2},
    {.name = "a word of outputs + 1", .input = "33", .layers = TWO("33", "0.3"), .batch = 17},
    {.name = "a block of outputs", .input = "3", .layers = TWO("128", "0.2"), .batch = 2},
    {.name = "two blocks and a part",
     .input = "37",
     .layers = ONE("300", "0.4"),
     .batch = 3,
     .steps = 2},
    {.name = "a chunk of inputs", .input = "32", .layers = ONE("16", "0.5"), .batch = 16},
    {.name = "many chunks of inputs", .input = "100", .layers = ONE("17", "0.5"), .batch = 33},
    {.name = "dx over blocks",
     .input = "3",
     .layers =
         "[{dense: {units: 33}}, {dropconnect: {units: 150, rate: 0.6}}, {dense: {units: 3}}]",
     .batch = 18},
    {.name = "no bias",
     .input = "9",
     .layers = "[{dropconnect: {units: 16, rate: 0.5, bias: false}}, {dropconnect: {units: 33, "
               "rate: 0.5, bias: false}}, {dense: {units: 3}}]",
     .batch = 4},
    {.name = "an image", .input = "4, 3, 2", .layers = ONE("5", "0.5"), .batch = 3},
    {.name = "stages of its own, backward too",
     .input = "19",
     .layers =
         "[{dense: {units: 37}}, tanh, {dropout: {rate: 0.3}}, {dropconnect: {units: 18, rate: "
         "0.5, activation: relu}}, {dropout: {rate: 0.5}}, {dropconnect: {units: 7, rate: 0.25, "
         "activation: tanh}}, {dense: {units: 5}}]",
     .batch = 6,
     .steps = 2,
     .seed = 0xfedcba9876543210u},
    {.name = "nothing fused",
     .input = "19",
     .layers = "[{dense: {units: 18, activation: relu}}, {dropconnect: {units: 5, rate: 0.5, "
               "activation: relu}}]",
     .batch = 6,
     .no_fuse = true},
    {.name = "rate 0", .input = "5", .layers = TWO("7", "0"), .batch = 3},
    {.name = "a rate that rounds to 0", .input = "5", .layers = TWO("7", "0.001"), .batch = 3},
    {.name = "one of 256", .input = "5", .layers = TWO("7", "0.00390625"), .batch = 3},
    {.name = "255 of 256", .input = "5", .layers = TWO("37", "0.99609375"), .batch = 3},
    {.name = "rate 1", .input = "5", .layers = TWO("7", "1"), .batch = 3},
    {.name = "rows that do not count",
     .input = "6",
     .layers = TWO("5", "0.5"),
     .batch = 7,
     .valid = 4},
    {.name = "one number, two rates",
     .input = "6",
     .layers = "[{dropconnect: {units: 6, rate: 0.2, id: 4095, share: true}}, "
               "{dropconnect: {units: 6, rate: 0.6, id: 4095, share: true}}]",
     .batch = 3},
    {.name = "passes of a Monte-Carlo evaluation",
     .input = "9",
     .layers = TWO("18", "0.5"),
     .batch = 3,
     .steps = 2,
     .mode = PLAN_MC},
    {.name = "evaluation", .input = "9", .layers = TWO("18", "0.5"), .batch = 3, .mode = PLAN_EVAL},
    {.name = "gaussian evaluation",
     .input = "9",
     .layers = "[{dropconnect: {units: 18, rate: 0.4, activation: relu, inference: gaussian}}, "
               "{dropconnect: {units: 67, rate: 0.5, activation: relu, bias: false, inference: "
               "gaussian}}, {dropconnect: {units: 5, rate: 0.5, inference: gaussian}}]",
     .batch = 5,
     .valid = 3,
     .mode = PLAN_EVAL},
    {.name = "gaussian evaluation in two chunks, with stages",
     .input = "257",
     .layers = "[{dropconnect: {units: 18, rate: 0.4, activation: relu, inference: gaussian}}, "
               "tanh, {dense: {units: 4}}]",
     .batch = 5,
     .mode = PLAN_EVAL},
    SAMPLED("relu", "1"),
    SAMPLED("leaky_relu", "2"),
    SAMPLED("elu", "3"),
    SAMPLED("selu", "8"),
    SAMPLED("gelu", "31"),
    SAMPLED("tanh", "32"),
    SAMPLED("sigmoid", "33"),
    SAMPLED("hardswish", "67"),
    {.name = "sampled evaluation in two chunks, with stages, without bias, with rate 1",
     .input = "257",
     .layers = "[{dropconnect: {units: 18, rate: 0.4, activation: elu, inference: sampling}}, "
               "elu, {dropconnect: {units: 5, rate: 1, activation: tanh, inference: sampling}}, "
               "{dropconnect: {units: 3, rate: 0.5, activation: tanh, bias: false, inference: "
               "sampling, samples: 4096}}]",
     .batch = 3,
     .mode = PLAN_EVAL},
};

#define REFUSED(layer) .row = {.name = layer, .input = "5", .layers = "[" layer "]", .batch = 2}

static const struct op_refusal refusals[] = {
    {REFUSED("{dropconnect: {rate: 0.5}}"), "dropconnect needs 'units'"},
    {REFUSED("{dropconnect: {units: 3}}"), "dropconnect needs 'rate'"},
    {REFUSED("{dropconnect: {units: 3, rate: 1.5}}"), "the probability to drop"},
    {REFUSED("{dropconnect: {units: 3, rate: nan}}"), "dropconnect.rate"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, inference: samples}}"),
     "unknown value 'samples'"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, inference: sampling, samples: 0}}"),
     "dropconnect.samples"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, inference: sampling, samples: 4097}}"),
     "dropconnect.samples"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, inference: sampling, samples: 2.5}}"),
     "dropconnect.samples"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, samples: 64}}"),
     ":5:13: error: dropconnect1: samples are those of inference sampling, not of mean"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, inference: gaussian, samples: 64}}"),
     "samples are those of inference sampling, not of gaussian"},
    {REFUSED("{dropconnect: {units: 3, rate: 0.5, activation: tanh, inference: gaussian}}"),
     ":5:13: error: dropconnect1: inference gaussian has a closed form for activation linear and "
     "relu, not for tanh; use inference sampling or mean"},
};

/* ---- the decision: halves go to the even neighbour, and the scale is that of T8 ---- */

static const struct {
    double rate;
    uint32_t t8;
} table[] = {{0.5, 128},       {0.25, 64},       {0.2, 51},         {0.3, 77},    {0x1p-8, 1},
             {0.001953125, 0}, {0.005859375, 2}, {0.99609375, 255}, {0.999, 256}, {1, 256}};

START_TEST(decisions_are_256ths) {
    uint32_t t8 = table[_i].t8;
    struct decision d = dropconnect_decide(NULL, table[_i].rate);
    ck_assert_uint_eq(d.active, t8 > 0);
    ck_assert_uint_eq(d.active ? d.limit + 1 : 0, t8);
    ck_assert(d.scale == (t8 < 256 ? (float)(256.0 / (256 - t8)) : 0));
    ck_assert(d.extra == (t8 < 256 ? (float)(t8 / (256.0 - t8)) : 0));
    if (t8 == 51) ck_assert(d.scale != (float)(1 / (1 - table[_i].rate)));
}
END_TEST

static void more(TCase *tests) {
    tcase_add_loop_test(tests, decisions_are_256ths, 0, sizeof table / sizeof *table);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "dropconnect",
                                           .framed = true,
                                           .cases = cases,
                                           .ncases = sizeof cases / sizeof *cases,
                                           .refusals = refusals,
                                           .nrefusals = sizeof refusals / sizeof *refusals,
                                           .more = more});
}
