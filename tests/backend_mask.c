/* Mask bits from their coordinates: known answers, the same bits everywhere, and statistics,
 * without which two equally wrong generators would pass. */
#include "backend/backend.h"
#include "harness/backend_targets.h"
#include "harness/suite.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Philox's published answer for counter 0, key 0 is 6627e8d5 e169c58d bc57ac4c 9b00dbd8; dropped
 * iff word <= limit, so the fourth word tells < from <=. */
static void check_published(struct device *d) {
    struct mask_query q = {.samples = 1, .elements = 4, .limit = 0x9b00dbd8, .active = 1};
    uint32_t word = 0;
    MUST(device_mask(d, &q, &word));
    ck_assert_uint_eq(word, 0x6);
    q.limit--;
    MUST(device_mask(d, &q, &word));
    ck_assert_uint_eq(word, 0xe);
}

START_TEST(the_published_answer_gives_its_mask) {
    ck_assert_int_ge(on_every_target(check_published), 1);
}
END_TEST

/* The coordinates of Philox's third published answer with counter word 0 running from 0 to 8,
 * computed by a separate program that itself gives all three published answers. Every field counts.
 */
static void check_all_fields(struct device *d) {
    struct mask_query q = {.seed = 0x299f31d0a4093822u,
                           .step = 0x13198a2e,
                           .counter3 = 0x03707344,
                           .first_sample = 0x85a308d3,
                           .samples = 2,
                           .elements = 35,
                           .limit = 0x7fffffff,
                           .active = 1};
    const uint32_t want[4] = {0xff9c3aec, 0x6, 0x0760981a, 0x1};
    uint32_t words[4] = {0};
    MUST(device_mask(d, &q, words));
    ck_assert_mem_eq(words, want, sizeof want);
}

START_TEST(every_coordinate_enters_the_mask) {
    ck_assert_int_ge(on_every_target(check_all_fields), 1);
}
END_TEST

static void compare_with_reference(struct device *d, const struct mask_query *q) {
    size_t words = (size_t)q->samples * ((q->elements + 31) / 32);
    uint32_t *want = malloc(words * sizeof *want), *got = malloc(words * sizeof *got);
    struct device *reference = open_reference();
    memset(got, 0xee, words * sizeof *got);
    MUST(device_mask(reference, q, want));
    MUST(device_mask(d, q, got));
    ck_assert_mem_eq(got, want, words * sizeof *want);
    device_close(reference);
    free(want);
    free(got);
}

static void check_shapes(struct device *d) {
    static const uint32_t elements[] = {1, 31, 32, 33, 127, 1000, 1024, 1025};
    static const uint32_t limits[] = {0, 0x3fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
    for (uint32_t e = 0; e < 8; e++)
        for (uint32_t l = 0; l < 5; l++)
            compare_with_reference(d, &(struct mask_query){.seed = 7 + l,
                                                           .step = e,
                                                           .counter3 = 1u << 28 | l << 16,
                                                           .first_sample = 0xfffffffe, /* wraps */
                                                           .samples = 3 + e,
                                                           .elements = elements[e],
                                                           .limit = limits[l],
                                                           .active = 1});
}

START_TEST(devices_agree_for_all_shapes_and_rates) {
    ck_assert_int_ge(on_every_opencl_target(check_shapes), 2);
}
END_TEST

static void check_inactive(struct device *d) {
    struct mask_query q = {.seed = 1, .samples = 2, .elements = 33, .limit = 0xffffffff};
    const uint32_t want[4] = {0xffffffff, 1, 0xffffffff, 1};
    uint32_t words[4] = {0};
    MUST(device_mask(d, &q, words));
    ck_assert_mem_eq(words, want, sizeof want);
    q.samples = 0; /* nothing asked, nothing written */
    MUST(device_mask(d, &q, NULL));
}

START_TEST(an_inactive_layer_keeps_everything) {
    ck_assert_int_ge(on_every_target(check_inactive), 1);
}
END_TEST

/* n = 2^17 independent bits: z is standard normal. A fixed seed, so the bound is no matter of luck:
 * 4.5 is exceeded by one right generator in 150,000. */
static void check_rate(struct device *d) {
    enum { SAMPLES = 128, ELEMENTS = 1024, N = SAMPLES * ELEMENTS };
    static uint32_t words[N / 32];
    const double rates[] = {0.1, 0.5, 0.9};
    for (int r = 0; r < 3; r++) {
        struct mask_query q = {.seed = 42,
                               .step = 3,
                               .counter3 = 1u << 28,
                               .samples = SAMPLES,
                               .elements = ELEMENTS,
                               .limit = (uint32_t)(rates[r] * 4294967296.0) - 1,
                               .active = 1};
        MUST(device_mask(d, &q, words));
        int kept = 0, equal = 0; /* kept in total; equal to the next sample's same element */
        for (int i = 0; i < N / 32; i++) {
            kept += __builtin_popcount(words[i]);
            equal += __builtin_popcount(~(words[i] ^ words[(i + ELEMENTS / 32) % (N / 32)]));
        }
        double drop = rates[r], keep = 1 - drop, same = keep * keep + drop * drop;
        /* neighbouring pairs share an element, which adds their covariance twice */
        double chain = keep * keep * keep + drop * drop * drop - same * same;
        double spread = sqrt(N * (same * (1 - same) + 2 * chain));
        ck_assert_double_lt(fabs(kept - N * keep) / sqrt(N * keep * (1 - keep)), 4.5);
        ck_assert_double_lt(fabs(equal - N * same) / spread, 4.5);
    }
}

START_TEST(the_kept_fraction_is_right_and_samples_are_independent) {
    ck_assert_int_ge(on_every_target(check_rate), 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("backend_mask");
    TCase *tests = tcase_create("mask");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_published_answer_gives_its_mask);
    tcase_add_test(tests, every_coordinate_enters_the_mask);
    tcase_add_test(tests, devices_agree_for_all_shapes_and_rates);
    tcase_add_test(tests, an_inactive_layer_keeps_everything);
    tcase_add_test(tests, the_kept_fraction_is_right_and_samples_are_independent);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
