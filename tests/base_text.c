#include "base/text.h"
#include "harness/suite.h"
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(text_grows_and_is_handed_over) {
    struct text t = {0};
    for (int i = 0; i < 1000; i++) text_add(&t, "%d,", i % 10);
    text_add_bytes(&t, "\0x", 2);
    ck_assert_uint_eq(t.size, 2002);
    char *s;
    ck_assert_int_eq(text_take(&t, &s), OK);
    ck_assert_ptr_null(t.data);
    ck_assert_int_eq(memcmp(s, "0,1,2,3,4,5,6,7,8,9,0,", 22), 0);
    ck_assert_int_eq(s[2001], 'x');
    ck_assert_int_eq(s[2002], 0);
    free(s);
}
END_TEST

START_TEST(an_empty_text_is_an_empty_string) {
    struct text t = {0};
    char *s;
    text_add(&t, "%s", "");
    ck_assert_int_eq(text_take(&t, &s), OK);
    ck_assert_str_eq(s, "");
    free(s);
}
END_TEST

START_TEST(a_text_that_lost_something_says_so) {
    struct text t = {0};
    char *s = "untouched";
    text_add(&t, "kept");
    t.failed = true; /* as after a failed allocation */
    text_add(&t, "lost");
    ck_assert_str_eq(t.data, "kept");
    ck_assert_int_eq(text_take(&t, &s), ERR_SYSTEM);
    ck_assert_ptr_null(s);
}
END_TEST

static const struct {
    const char *text;
    double value;
} reals[] = {{"0", 0},
             {"-2", -2},
             {"+3.5", 3.5},
             {".5", .5},
             {"5.", 5},
             {"1e-3", 1e-3},
             {"1E+2", 100},
             {"007", 7},
             {"1e-400", 0},
             {"-.25e1", -2.5},
             {"1.7976931348623157e308", 1.7976931348623157e308}};

START_TEST(decimal_numbers_are_read) {
    double value = NAN;
    ck_assert(text_real(reals[_i].text, &value));
    ck_assert_double_eq(value, reals[_i].value);
}
END_TEST

static const char *const not_reals[] = {
    "",   ".",  "-",   "e5",    "1e",  "1e+",   "0x10",   "1_000", "inf", "nan",   ".inf",
    " 1", "1 ", "1,5", "1.2.3", "--1", "1e999", "-1e999", "1f",    "+-1", "1e5.0", "\xd9\xa1"};

START_TEST(anything_else_is_no_number) {
    double value = 42;
    ck_assert_msg(!text_real(not_reals[_i], &value), "'%s' was accepted", not_reals[_i]);
    ck_assert_double_eq(value, 42);
}
END_TEST

START_TEST(the_locale_does_not_change_what_a_number_is) {
    /* Where no locale with a decimal comma is installed this still checks the plain case. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    double value = 0;
    ck_assert(text_real("0.5", &value));
    ck_assert_double_eq(value, 0.5);
    ck_assert(!text_real("0,5", &value));
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(integers_are_checked_for_range_and_rest) {
    int64_t i = 0;
    uint64_t u = 0;
    ck_assert(text_integer("-9223372036854775808", &i) && i == INT64_MIN);
    ck_assert(text_integer("+12", &i) && i == 12);
    ck_assert(!text_integer("9223372036854775808", &i));
    ck_assert(!text_integer("1.0", &i) && !text_integer("1e3", &i) && !text_integer(" 1", &i));
    ck_assert(!text_integer("", &i) && !text_integer("-", &i) && !text_integer("256x", &i));
    ck_assert_int_eq(i, 12);
    ck_assert(text_unsigned("18446744073709551615", &u) && u == UINT64_MAX);
    ck_assert(!text_unsigned("18446744073709551616", &u));
    ck_assert(!text_unsigned("-1", &u) && !text_unsigned("", &u) && !text_unsigned("0x1", &u));
    ck_assert_uint_eq(u, UINT64_MAX);
}
END_TEST

static const char *const words[] = {"rate", "relu", "dense", "dropout", "lr", "output", NULL};
static const struct {
    const char *word, *near;
} slips[] = {{"rte", "rate"},      {"raet", "rate"}, {"denses", "dense"}, {"dropuot", "dropout"},
             {"ouptut", "output"}, {"lrr", "lr"},    {"l", "lr"},         {"rate", "rate"},
             {"conv", NULL},       {"xyz", NULL},    {"", NULL},          {"dr", "lr"},
             {"drooooput", NULL}};

START_TEST(slips_of_the_pen_are_recognised) {
    const char *near = text_suggest(slips[_i].word, words);
    ck_assert_pstr_eq(near, slips[_i].near);
}
END_TEST

START_TEST(a_very_long_word_is_near_to_nothing) {
    char word[5000];
    memset(word, 'r', sizeof word);
    word[sizeof word - 1] = 0;
    ck_assert_ptr_null(text_suggest(word, words));
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

int main(void) {
    Suite *suite = suite_create("base_text");
    TCase *all = tcase_create("all");
    tcase_add_test(all, text_grows_and_is_handed_over);
    tcase_add_test(all, an_empty_text_is_an_empty_string);
    tcase_add_test(all, a_text_that_lost_something_says_so);
    tcase_add_loop_test(all, decimal_numbers_are_read, 0, COUNT(reals));
    tcase_add_loop_test(all, anything_else_is_no_number, 0, COUNT(not_reals));
    tcase_add_test(all, the_locale_does_not_change_what_a_number_is);
    tcase_add_test(all, integers_are_checked_for_range_and_rest);
    tcase_add_loop_test(all, slips_of_the_pen_are_recognised, 0, COUNT(slips));
    tcase_add_test(all, a_very_long_word_is_near_to_nothing);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
