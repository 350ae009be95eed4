/* The order of an epoch and the validation split, against the contract worked out another way. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "philox.h"
#include "train/order.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 203 };

/* How many rows come before `row`, straight from the definition: sorted by (word, row). The counter
 * is written out here, domain 7 on top. */
static size_t rank_of(uint64_t seed, uint32_t epoch, const uint32_t *rows, size_t count,
                      uint32_t row) {
    uint32_t mine = philox_word(seed, row, 0, epoch, 0x70000000u);
    size_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t other = philox_word(seed, rows[i], 0, epoch, 0x70000000u);
        before += other < mine || (other == mine && rows[i] < row);
    }
    return before;
}

static void check_order(uint64_t seed, uint32_t epoch, const uint32_t *rows, size_t count) {
    uint32_t order[ROWS];
    ck_assert_int_eq(order_epoch(seed, epoch, rows, count, order), OK);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(order[rank_of(seed, epoch, rows, count, rows[i])], rows[i]);
}

START_TEST(epoch_order_is_the_sorted_words) {
    uint32_t all[ROWS], some[50];
    for (uint32_t i = 0; i < ROWS; i++) all[i] = i;
    for (uint32_t i = 0; i < 50; i++) some[i] = 3 * i + 1;
    check_order(1, 0, all, ROWS);
    check_order(1, 19, all, ROWS);
    check_order(0xfedcba9876543210u, 3, all, ROWS);
    check_order(1, 0, some, 50);
    check_order(1, 0, all, 1);
}
END_TEST

/* A row's place among the others depends on nothing but its own number: taking rows away keeps the
 * order of the rest. */
START_TEST(order_of_fewer_rows_is_a_subsequence) {
    uint32_t all[ROWS], even[ROWS], order[ROWS], fewer[ROWS];
    size_t n = 0, next = 0;
    for (uint32_t i = 0; i < ROWS; i++) all[i] = i;
    for (uint32_t i = 0; i < ROWS; i += 2) even[n++] = i;
    ck_assert_int_eq(order_epoch(9, 2, all, ROWS, order), OK);
    ck_assert_int_eq(order_epoch(9, 2, even, n, fewer), OK);
    for (size_t i = 0; i < ROWS; i++)
        if (order[i] % 2 == 0) ck_assert_uint_eq(fewer[next++], order[i]);
    ck_assert_uint_eq(next, n);
}
END_TEST

START_TEST(epochs_and_seeds_differ) {
    uint32_t all[ROWS], a[ROWS], b[ROWS], c[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) all[i] = i;
    ck_assert_int_eq(order_epoch(1, 0, all, ROWS, a), OK);
    ck_assert_int_eq(order_epoch(1, 1, all, ROWS, b), OK);
    ck_assert_int_eq(order_epoch(2, 0, all, ROWS, c), OK);
    ck_assert(memcmp(a, b, sizeof a) && memcmp(a, c, sizeof a) && memcmp(b, c, sizeof b));
}
END_TEST

START_TEST(split_holds_out_the_first_of_its_epoch) {
    struct order_split s;
    uint32_t all[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) all[i] = i;
    ck_assert_int_eq(order_split(5, ROWS, 40, 0, &s), OK);
    ck_assert_uint_eq(s.nheld, 40);
    ck_assert_uint_eq(s.ntrain, ROWS - 40);
    for (size_t i = 0; i < s.nheld; i++)
        ck_assert_uint_lt(rank_of(5, 0xffffffffu, all, ROWS, s.held[i]), 40);
    for (size_t i = 0; i < s.ntrain; i++)
        ck_assert_uint_ge(rank_of(5, 0xffffffffu, all, ROWS, s.train[i]), 40);
    for (size_t i = 1; i < s.nheld; i++) ck_assert_uint_lt(s.held[i - 1], s.held[i]);
    for (size_t i = 1; i < s.ntrain; i++) ck_assert_uint_lt(s.train[i - 1], s.train[i]);
    order_split_free(&s);
}
END_TEST

START_TEST(limit_takes_the_first_rows_that_remain) {
    struct order_split all, some;
    ck_assert_int_eq(order_split(5, ROWS, 40, 0, &all), OK);
    ck_assert_int_eq(order_split(5, ROWS, 40, 25, &some), OK);
    ck_assert_uint_eq(some.ntrain, 25);
    ck_assert_uint_eq(some.nheld, 40);
    ck_assert_mem_eq(some.train, all.train, 25 * sizeof *all.train);
    ck_assert_mem_eq(some.held, all.held, 40 * sizeof *all.held);
    order_split_free(&all);
    order_split_free(&some);
}
END_TEST

START_TEST(without_validation_every_row_is_trained_on) {
    struct order_split s;
    ck_assert_int_eq(order_split(5, 7, 0, 100, &s), OK);
    ck_assert_uint_eq(s.nheld, 0);
    ck_assert_uint_eq(s.ntrain, 7);
    for (uint32_t i = 0; i < 7; i++) ck_assert_uint_eq(s.train[i], i);
    order_split_free(&s);
}
END_TEST

START_TEST(holding_out_everything_is_refused) {
    struct order_split s;
    train_refused(order_split(5, 7, 7, 0, &s), ERR_RECIPE, "7 rows are held out of 7");
    ck_assert_int_eq(order_split(5, 7, 6, 0, &s), OK);
    ck_assert_uint_eq(s.ntrain, 1);
    order_split_free(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("order");
    TCase *tests = tcase_create("order");
    tcase_add_test(tests, epoch_order_is_the_sorted_words);
    tcase_add_test(tests, order_of_fewer_rows_is_a_subsequence);
    tcase_add_test(tests, epochs_and_seeds_differ);
    tcase_add_test(tests, split_holds_out_the_first_of_its_epoch);
    tcase_add_test(tests, limit_takes_the_first_rows_that_remain);
    tcase_add_test(tests, without_validation_every_row_is_trained_on);
    tcase_add_test(tests, holding_out_everything_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
