/* Masks: the generator against its published answers, the same bits everywhere, and then
 * statistics, for two equal wrong generators would agree with each other. */
#include "control_words.h"
#include "harness/op_observe.h"
#include "harness/op_opencl.h"
#include "philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the generator ---- */

/* Counter, key, output: from the authors' own test vectors. */
static const uint32_t known[][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
     0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
     0x5001e420, 0x24126ea1},
};
enum { KNOWN = sizeof known / sizeof *known };

START_TEST(philox_gives_the_known_answers_in_c) {
    for (int i = 0; i < KNOWN; i++) {
        uint32_t out[4];
        philox4x32(known[i], known[i] + 4, out);
        ck_assert_mem_eq(out, known[i] + 6, sizeof out);
    }
    /* the address of docs/masks.md: element 6 is word 2 of counter 1 */
    uint32_t counter[4] = {1, 7, 9, PHILOX_COUNTER3(DOMAIN_MASK, 3u, 5u)},
             key[2] = {0x89abcdef, 0x01234567};
    uint32_t out[4];
    philox4x32(counter, key, out);
    ck_assert_uint_eq(philox_word(0x0123456789abcdefu, 6, 7, 9, 0x10030005u), out[2]);
}
END_TEST

/* in: counter, key; out: philox4x32, then the 16 words of philox16 from that counter's block on. */
static const char KERNEL[] =
    "kernel void words(global const uint *in, global uint *out) {\n"
    "    size_t i = get_global_id(0);\n"
    "    uint4 counter = vload4(0, in + 6 * i);\n"
    "    uint2 key = (uint2)(in[6 * i + 4], in[6 * i + 5]);\n"
    "    vstore4(philox4x32(counter, key), 0, out + 20 * i);\n"
    "    vstore16(philox16(counter.x, counter.y, counter.z, counter.w, key), 0, out + 20 * i + 4);\n"
    "}\n";

enum { COUNTERS = 300 };

static void compare_words(const uint32_t *in, const uint32_t *out, int i) {
    uint32_t counter[4], want[4];
    memcpy(counter, in + 6 * i, sizeof counter);
    for (int block = -1; block < 4; block++) {
        memcpy(counter, in + 6 * i, sizeof counter);
        if (block > 0) counter[0] += (uint32_t)block;
        philox4x32(counter, in + 6 * i + 4, want);
        ck_assert_mem_eq(out + 20 * i + 4 * (block + 1), want, sizeof want);
    }
}

static void check_words(int device, const char *options) {
    static uint32_t in[6 * COUNTERS], out[20 * COUNTERS];
    for (uint32_t i = 0; i < 6 * COUNTERS; i++)
        in[i] = i < 6 * KNOWN ? known[i / 6][i % 6] : op_random(50, i);
    const char *sources[] = {kernel_source("philox.h"), KERNEL, NULL};
    op_opencl_run(device,
                  &(struct op_opencl_map){sources, "words", options, in, out, COUNTERS, 6, 20});
    for (int i = 0; i < COUNTERS; i++) {
        if (i < KNOWN) ck_assert_mem_eq(out + 20 * i, known[i] + 6, 16);
        compare_words(in, out, i);
    }
}

START_TEST(philox_gives_the_known_answers_on_every_device) {
    int count = op_opencl_count();
    ck_assert_msg(count > 0, "no OpenCL device");
    for (int d = 0; d < count; d++) {
        check_words(d, "-cl-std=CL1.2");
        check_words(d, "-cl-std=CL1.2 -DPHILOX_MUL_HI");
    }
}
END_TEST

/* ---- equal bits ---- */

static void demand_equal(const struct op_bits *a, const struct op_bits *b, const char *what,
                         const struct op_target *target) {
    size_t n = (size_t)a->steps * (size_t)a->samples * (size_t)a->elements;
    for (size_t i = 0; i < n; i++)
        if (a->kept[i] != b->kept[i])
            ck_abort_msg("%s on %s, family %s: bit %zu of %zu differs", what, target->info.name,
                         target->family ? target->family : "none", i, n);
}

/* Shapes at and around words (32 bits), vectors (4, 16) and their ends; rates from rare to nearly
 * all. */
static const struct op_observation observed[] = {
    {3, 2, 1, 0, 0.5, 1},
    {2, 3, 31, 0, 0.1, 2},
    {2, 3, 33, 1, 0.9, 3},
    {2, 5, 64, 2, 0.5, 1u << 31},
    {2, 2, 67, 0, 0.001, 0x123456789abcdef0u},
    {1, 3, 16, 0, 1, 5},
    {2, 3, 37, 0, 0.999, 6},
    {1, 2, 15, 3, 1e-9, 7},
    {2, 67, 5, 0, 0.3, 0xffffffffffffffffu},
};

static void check_observed(const struct op_observation *o, const struct op_target *target) {
    struct op_target cpu = op_reference();
    struct op_bits real_steps, by_device, by_reference;
    op_observe(o, target, &real_steps, NULL);
    op_observe_mask(o, target, &by_device);
    op_observe_mask(o, &cpu, &by_reference);
    demand_equal(&by_reference, &by_device, "the mask kernel", target);
    demand_equal(&by_reference, &real_steps, "a dropout step", target);
    op_statistics_free(&real_steps);
    op_statistics_free(&by_device);
    op_statistics_free(&by_reference);
}

START_TEST(steps_and_mask_queries_have_the_same_bits_everywhere) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check_observed(&observed[_i], &cpu);
    for (int t = 0; t < n; t++) check_observed(&observed[_i], &targets[t]);
}
END_TEST

/* ---- the decision ---- */

static bool kept(const struct op_target *target, double rate) {
    struct op_observation o = {.steps = 1, .samples = 1, .elements = 1, .rate = rate, .seed = 77};
    struct op_bits bits;
    op_observe(&o, target, &bits, NULL);
    bool is = bits.kept[0];
    op_statistics_free(&bits);
    return is;
}

/* Dropped iff word < T: at T = word the element stays, at T = word + 1 it goes. */
static void check_threshold(const struct op_target *target) {
    double word = philox_word(77, 0, 0, 0, DOMAIN_MASK << 28);
    ck_assert(kept(target, word * 0x1p-32));
    ck_assert(!kept(target, (word + 1) * 0x1p-32));
}

static void on_every_target(void (*check)(const struct op_target *)) {
    struct op_target targets[OP_TARGETS], cpu = op_reference();
    int n = op_targets(targets);
    check(&cpu);
    for (int t = 0; t < n; t++) check(&targets[t]);
}

START_TEST(an_element_is_dropped_exactly_below_its_threshold) {
    on_every_target(check_threshold);
}
END_TEST

/* E[mask scale] = 1 for the probability that T really stands for, and zeros are +0. */
static void check_scale(const struct op_target *target) {
    static const double rates[] = {0.1, 0.5, 0.75, 0.999};
    for (int r = 0; r < 4; r++) {
        struct op_observation o = {
            .steps = 1, .samples = 4, .elements = 33, .rate = rates[r], .seed = 8};
        struct op_bits bits;
        float *y;
        op_observe(&o, target, &bits, &y);
        float scale = (float)(1 / bits.keep);
        for (int i = 0; i < 4 * 33; i++) {
            float want = bits.kept[i] ? scale : 0.0f;
            ck_assert_msg(!memcmp(&want, &y[i], sizeof want), "rate %g: %a, want %a", rates[r],
                          y[i], want);
        }
        op_statistics_free(&bits);
        free(y);
    }
}

START_TEST(kept_elements_are_scaled_and_dropped_ones_are_plus_zero) {
    on_every_target(check_scale);
}
END_TEST

/* ---- statistics ---- */

static const double rates[] = {0.1, 0.5, 0.9};
enum { STEPS = 32, SAMPLES = 32, ELEMENTS = 1024 }; /* a million bits each */

static struct op_bits mask(double rate, int layer, uint64_t seed, const struct op_target *target) {
    struct op_observation o = {STEPS, SAMPLES, ELEMENTS, layer, rate, seed};
    struct op_bits bits;
    op_observe_mask(&o, target, &bits);
    return bits;
}

static void demand_usual(double deviate, const char *what, double rate, int number) {
    ck_assert_msg(fabs(deviate) < OP_ALARM, "%s %d at rate %g: %.1f standard deviations", what,
                  number, rate, deviate);
}

START_TEST(keep_rates_are_right_overall_and_for_each_unit) {
    struct op_target cpu = op_reference();
    struct op_bits b = mask(rates[_i], 0, 11, &cpu);
    demand_usual(op_statistics_rate(&b), "rate", rates[_i], 0);
    demand_usual(op_statistics_units(&b, OP_ELEMENT), "units", rates[_i], 0);
    demand_usual(op_statistics_units(&b, OP_SAMPLE), "samples", rates[_i], 0);
    demand_usual(op_statistics_units(&b, OP_STEP), "steps", rates[_i], 0);
    op_statistics_free(&b);
}
END_TEST

START_TEST(four_neighbours_show_all_16_patterns_as_often_as_chance) {
    struct op_target cpu = op_reference();
    struct op_bits b = mask(rates[_i], 0, 12, &cpu);
    for (int offset = 0; offset < 4; offset++)
        demand_usual(op_statistics_patterns(&b, offset), "patterns at", rates[_i], offset);
    op_statistics_free(&b);
}
END_TEST

START_TEST(masks_are_not_correlated_with_their_shifts) {
    static const int shifts[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 31};
    struct op_target cpu = op_reference();
    struct op_bits b = mask(rates[_i], 0, 13, &cpu);
    for (int s = 0; s < 10; s++) {
        demand_usual(op_statistics_shift(&b, OP_ELEMENT, shifts[s]), "elements by", rates[_i],
                     shifts[s]);
        demand_usual(op_statistics_shift(&b, OP_SAMPLE, shifts[s]), "samples by", rates[_i],
                     shifts[s]);
        demand_usual(op_statistics_shift(&b, OP_STEP, shifts[s]), "steps by", rates[_i], shifts[s]);
    }
    for (int shift = 32; shift < ELEMENTS; shift *= 2)
        demand_usual(op_statistics_shift(&b, OP_ELEMENT, shift), "elements by", rates[_i], shift);
    op_statistics_free(&b);
}
END_TEST

START_TEST(layers_and_seeds_are_not_correlated) {
    static const struct {
        int layer;
        uint64_t seed;
    } others[] = {{1, 14},         {2, 14}, {16, 14}, {4095, 14}, {0, 15}, {0, 14 + (1ull << 32)},
                  {0, 14ull << 32}};
    struct op_target cpu = op_reference();
    struct op_bits b = mask(rates[_i], 0, 14, &cpu);
    for (int i = 0; i < 7; i++) {
        struct op_bits other = mask(rates[_i], others[i].layer, others[i].seed, &cpu);
        demand_usual(op_statistics_pair(&b, &other), "other layer or seed", rates[_i], i);
        op_statistics_free(&other);
    }
    op_statistics_free(&b);
}
END_TEST

START_TEST(masks_are_nested_in_the_rate) {
    static const double rising[] = {1e-9, 0.001, 0.1, 0.3, 0.5, 0.500000001, 0.9, 0.999, 1};
    struct op_target cpu = op_reference();
    struct op_bits below = mask(0, 0, 16, &cpu);
    for (size_t i = 0; i < (size_t)STEPS * SAMPLES * ELEMENTS; i++)
        if (!below.kept[i]) ck_abort_msg("rate 0 dropped an element");
    for (int r = 0; r < 9; r++) {
        struct op_bits above = mask(rising[r], 0, 16, &cpu);
        size_t grew = 0;
        for (size_t i = 0; i < (size_t)STEPS * SAMPLES * ELEMENTS; i++)
            grew += above.kept[i] > below.kept[i];
        ck_assert_msg(grew == 0, "%zu elements came back at rate %g", grew, rising[r]);
        op_statistics_free(&below);
        below = above;
    }
    for (size_t i = 0; i < (size_t)STEPS * SAMPLES * ELEMENTS; i++)
        if (below.kept[i]) ck_abort_msg("an element survived rate 1");
    op_statistics_free(&below);
}
END_TEST

/* The statistics above judge the C generator; masks of real steps are judged by themselves. */
static void check_real_steps(const struct op_target *target) {
    struct op_observation o = {
        .steps = 12, .samples = 16, .elements = 256, .rate = 0.5, .seed = 17};
    struct op_bits b;
    if (target->slow) return;
    op_observe(&o, target, &b, NULL);
    demand_usual(op_statistics_rate(&b), "real rate", o.rate, 0);
    demand_usual(op_statistics_units(&b, OP_ELEMENT), "real units", o.rate, 0);
    for (int offset = 0; offset < 4; offset++)
        demand_usual(op_statistics_patterns(&b, offset), "real patterns at", o.rate, offset);
    for (int shift = 1; shift < 9; shift++) {
        demand_usual(op_statistics_shift(&b, OP_ELEMENT, shift), "real elements by", o.rate, shift);
        demand_usual(op_statistics_shift(&b, OP_SAMPLE, shift), "real samples by", o.rate, shift);
        demand_usual(op_statistics_shift(&b, OP_STEP, shift), "real steps by", o.rate, shift);
    }
    op_statistics_free(&b);
}

START_TEST(masks_of_real_steps_pass_the_statistics_too) {
    on_every_target(check_real_steps);
}
END_TEST

static void more(TCase *tests) {
    tcase_add_test(tests, philox_gives_the_known_answers_in_c);
    tcase_add_loop_test(tests, keep_rates_are_right_overall_and_for_each_unit, 0, 3);
    tcase_add_loop_test(tests, four_neighbours_show_all_16_patterns_as_often_as_chance, 0, 3);
    tcase_add_loop_test(tests, masks_are_not_correlated_with_their_shifts, 0, 3);
    tcase_add_loop_test(tests, layers_and_seeds_are_not_correlated, 0, 3);
    tcase_add_test(tests, masks_are_nested_in_the_rate);
    tcase_add_test(tests, philox_gives_the_known_answers_on_every_device);
    tcase_add_loop_test(tests, steps_and_mask_queries_have_the_same_bits_everywhere, 0,
                        sizeof observed / sizeof *observed);
    tcase_add_test(tests, an_element_is_dropped_exactly_below_its_threshold);
    tcase_add_test(tests, kept_elements_are_scaled_and_dropped_ones_are_plus_zero);
    tcase_add_test(tests, masks_of_real_steps_pass_the_statistics_too);
}

int main(void) {
    return op_suite_run(&(struct op_suite){.name = "masks", .more = more});
}
