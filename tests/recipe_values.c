/* Every class of bad value with its exact message: what users read. */
#include "harness/suite.h"
#include "recipe_vocabulary.h"
#include <check.h>
#include <string.h>

struct row {
    const char *text, *message;
};

/* What a value may be. */
static const struct row values[] = {
    {MODEL "    - dropout: {rate: 1.5}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate is the probability to drop and must be in [0, 1], got 1.5\n"
     "    - dropout: {rate: 1.5}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: -0.1}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate is the probability to drop and must be in [0, 1], got -0.1\n"
     "    - dropout: {rate: -0.1}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: 0,5}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate: a decimal comma does not make a number: write 0.5, not 0,5\n"
     "    - dropout: {rate: 0,5}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: 50%}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate must be a finite number, got '50%': trailing characters '%'\n"
     "    - dropout: {rate: 50%}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: .nan}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate must be a finite number, got '.nan'\n"
     "    - dropout: {rate: .nan}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: 1e999}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate must be a finite number, got '1e999'\n"
     "    - dropout: {rate: 1e999}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: \"0.5\"}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate must be a finite number, got '0.5' in quotes\n"
     "    - dropout: {rate: \"0.5\"}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: [0.5]}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate must be a finite number, got a list\n"
     "    - dropout: {rate: [0.5]}\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: }\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate has no value: it must be a finite number\n"
     "    - dropout: {rate: }\n"
     "                      ^"},
    {MODEL "    - dropout: {rate: a half}\n" TRAIN,
     "r.yaml:5:23: error: dropout.rate must be a finite number, got 'a half'\n"
     "    - dropout: {rate: a half}\n"
     "                      ^"},
    {MODEL "    - dense: {units: 256x}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be a whole number, got '256x': trailing characters 'x'\n"
     "    - dense: {units: 256x}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 0}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be at least 1, got 0\n"
     "    - dense: {units: 0}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 1.5}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be a whole number, got '1.5'\n"
     "    - dense: {units: 1.5}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 1e2}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be a whole number, got '1e2'\n"
     "    - dense: {units: 1e2}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 0x10}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be a whole number, got '0x10': trailing characters 'x10'\n"
     "    - dense: {units: 0x10}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 99999999999}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be at most 2147483647, got 99999999999\n"
     "    - dense: {units: 99999999999}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 99999999999999999999999}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be at most 2147483647, got 99999999999999999999999\n"
     "    - dense: {units: 99999999999999999999999}\n"
     "                     ^"},
    {MODEL "    - dense: {units: -3}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be at least 1, got -3\n"
     "    - dense: {units: -3}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 1_000}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be a whole number, got '1_000': trailing characters '_000'\n"
     "    - dense: {units: 1_000}\n"
     "                     ^"},
    {MODEL "    - dense: {units: {}}\n" TRAIN,
     "r.yaml:5:22: error: dense.units must be a whole number, got an empty mapping\n"
     "    - dense: {units: {}}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 1, bias: yes}\n" TRAIN,
     "r.yaml:5:31: error: dense.bias must be true or false, got 'yes'\n"
     "    - dense: {units: 1, bias: yes}\n"
     "                              ^"},
    {MODEL "    - dense: {units: 1, bias: True}\n" TRAIN,
     "r.yaml:5:31: error: dense.bias must be true or false, got 'True'\n"
     "    - dense: {units: 1, bias: True}\n"
     "                              ^"},
    {MODEL "    - dense: {units: 1, bias: \"true\"}\n" TRAIN,
     "r.yaml:5:31: error: dense.bias must be true or false, got 'true' in quotes\n"
     "    - dense: {units: 1, bias: \"true\"}\n"
     "                              ^"},
    {MODEL "    - dense: {units: 1, activation: rleu}\n" TRAIN,
     "r.yaml:5:37: error: dense.activation: unknown value 'rleu'; did you mean 'relu'?\n"
     "    - dense: {units: 1, activation: rleu}\n"
     "                                    ^"},
    {MODEL "    - dense: {units: 1, activation: gauss}\n" TRAIN,
     "r.yaml:5:37: error: dense.activation: unknown value 'gauss' (known: linear, relu, tanh)\n"
     "    - dense: {units: 1, activation: gauss}\n"
     "                                    ^"},
    {MODEL "    - dense: {units: 1, activation: [relu]}\n" TRAIN,
     "r.yaml:5:37: error: dense.activation must be a word, got a list\n"
     "    - dense: {units: 1, activation: [relu]}\n"
     "                                    ^"},
    {MODEL "    - dense: {units: 1, name: \"a b\"}\n" TRAIN,
     "r.yaml:5:31: error: dense.name must be a name of 1 to 100 letters, digits and _ . - only, got 'a b'\n"
     "    - dense: {units: 1, name: \"a b\"}\n"
     "                              ^"},
    {MODEL "    - dense: {units: 1, name: \"\"}\n" TRAIN,
     "r.yaml:5:31: error: dense.name must be a name of 1 to 100 letters, digits and _ . - only, got ''\n"
     "    - dense: {units: 1, name: \"\"}\n"
     "                              ^"},
    {MODEL "    - dense: {units: 1, name: \"fünf\"}\n" TRAIN,
     "r.yaml:5:31: error: dense.name must be a name of 1 to 100 letters, digits and _ . - only, got 'fünf'\n"
     "    - dense: {units: 1, name: \"fünf\"}\n"
     "                              ^"},
    {MODEL "    - dense: {units: 1, name: {}}\n" TRAIN,
     "r.yaml:5:31: error: dense.name must be a name, got an empty mapping\n"
     "    - dense: {units: 1, name: {}}\n"
     "                              ^"},
    {MODEL "    - pool: {size: []}\n" TRAIN,
     "r.yaml:5:20: error: pool.size must be a list with at least one whole number, got an empty list\n"
     "    - pool: {size: []}\n"
     "                   ^"},
    {MODEL "    - pool: {size: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n" TRAIN,
     "r.yaml:5:20: error: pool.size may have at most 8 numbers, got 9\n"
     "    - pool: {size: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n"
     "                   ^"},
    {MODEL "    - pool: {size: [1, 10]}\n" TRAIN,
     "r.yaml:5:24: error: pool.size must be in [1, 9], got 10\n"
     "    - pool: {size: [1, 10]}\n"
     "                       ^"},
    {MODEL "    - pool: {size: [1, two]}\n" TRAIN,
     "r.yaml:5:24: error: pool.size must be a whole number, got 'two'\n"
     "    - pool: {size: [1, two]}\n"
     "                       ^"},
    {MODEL "    - pool: {size: word}\n" TRAIN,
     "r.yaml:5:20: error: pool.size must be a whole number, got 'word'\n"
     "    - pool: {size: word}\n"
     "                   ^"},
    {MODEL "    - pool: {size: {}}\n" TRAIN,
     "r.yaml:5:20: error: pool.size must be a list of whole numbers, got an empty mapping\n"
     "    - pool: {size: {}}\n"
     "                   ^"},
    {MODEL "    - pool: {salt: -1}\n" TRAIN,
     "r.yaml:5:20: error: pool.salt must be a whole number from 0 to 18446744073709551615, got '-1'\n"
     "    - pool: {salt: -1}\n"
     "                   ^"},
    {MODEL "    - pool: {salt: 18446744073709551616}\n" TRAIN,
     "r.yaml:5:20: error: pool.salt must be a whole number from 0 to 18446744073709551615, got '18446744073709551616'\n"
     "    - pool: {salt: 18446744073709551616}\n"
     "                   ^"},
    {MODEL "    - pool: {shift: 1e400}\n" TRAIN,
     "r.yaml:5:21: error: pool.shift must be a finite number, got '1e400'\n"
     "    - pool: {shift: 1e400}\n"
     "                    ^"},
    {MODEL "    - dropout: {rate: 0.5, id: 4096}\n" TRAIN,
     "r.yaml:5:32: error: dropout.id must be in [0, 4095], got 4096\n"
     "    - dropout: {rate: 0.5, id: 4096}\n"
     "                               ^"},
    {MODEL "    - dropout: {rate: 0.5, id: -1}\n" TRAIN,
     "r.yaml:5:32: error: dropout.id must be in [0, 4095], got -1\n"
     "    - dropout: {rate: 0.5, id: -1}\n"
     "                               ^"},
    {MODEL "    - dropout: {rate: 0.5, share: 1}\n" TRAIN,
     "r.yaml:5:35: error: dropout.share must be true or false, got '1'\n"
     "    - dropout: {rate: 0.5, share: 1}\n"
     "                                  ^"},
    {MODEL "    - dropout: {rate: 0.5, schedule: {linear: {to: 2}}}\n" TRAIN,
     "r.yaml:5:52: error: linear.to must be in [0, 1], got 2\n"
     "    - dropout: {rate: 0.5, schedule: {linear: {to: 2}}}\n"
     "                                                   ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  batch: 0\n",
     "r.yaml:9:10: error: train.batch must be in [1, 16777216], got 0\n"
     "  batch: 0\n"
     "         ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  epochs: 0\n",
     "r.yaml:9:11: error: train.epochs must be in [1, 1000000], got 0\n"
     "  epochs: 0\n"
     "          ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  seed: -1\n",
     "r.yaml:9:9: error: train.seed must be a whole number from 0 to 18446744073709551615, got '-1'\n"
     "  seed: -1\n"
     "        ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  validation: -1\n",
     "r.yaml:9:15: error: train.validation must be at least 0, got -1\n"
     "  validation: -1\n"
     "              ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  normalize: standart\n",
     "r.yaml:9:14: error: train.normalize: unknown value 'standart'; did you mean 'standard'?\n"
     "  normalize: standart\n"
     "             ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  precision: float16\n",
     "r.yaml:9:14: error: train.precision: unknown value 'float16'; did you mean 'float32'?\n"
     "  precision: float16\n"
     "             ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  shuffle: no\n",
     "r.yaml:9:12: error: train.shuffle must be true or false, got 'no'\n"
     "  shuffle: no\n"
     "           ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  micro_batch: 48\n",
     "r.yaml:9:16: error: train.micro_batch must divide train.batch, which is 128, got 48\n"
     "  micro_batch: 48\n"
     "               ^"},
    {"dropcl: 1\nmodel: {input: [4], layers: [relu]}\ntrain:\n  dataset: digits\n  optimizer: {sgd: {lr: 0,05, momentum: 0,9}}\n",
     "r.yaml:5:25: error: sgd.lr: a decimal comma does not make a number: write 0.05, not 0,05\n"
     "  optimizer: {sgd: {lr: 0,05, momentum: 0,9}}\n"
     "                        ^\n"
     "r.yaml:5:41: error: sgd.momentum: a decimal comma does not make a number: write 0.9, not 0,9\n"
     "  optimizer: {sgd: {lr: 0,05, momentum: 0,9}}\n"
     "                                        ^\n"
     "2 errors"},
    {"dropcl: 1\nmodel: {input: [4], layers: [relu]}\ntrain:\n  dataset: digits\n  optimizer:\n    sgd:\n      lr: 0,05\n      momentum: 1\n",
     "r.yaml:7:11: error: sgd.lr: a decimal comma does not make a number: write 0.05, not 0,05\n"
     "      lr: 0,05\n"
     "          ^\n"
     "r.yaml:8:17: error: sgd.momentum must be in [0, 1), got 1\n"
     "      momentum: 1\n"
     "                ^\n"
     "2 errors"},
    {"dropcl: 1\nmodel: {input: [4], layers: [relu]}\ntrain: {dataset: digits, optimizer: {sgd: {lr: 0}}}\n",
     "r.yaml:3:48: error: sgd.lr must be greater than 0, got 0\n"
     "train: {dataset: digits, optimizer: {sgd: {lr: 0}}}\n"
     "                                               ^"}};

static void expect(const struct row *row) {
    struct recipe *r = NULL;
    enum err rc =
        recipe_parse("r.yaml", row->text, strlen(row->text), &fake_vocabulary, NULL, 0, &r);
    ck_assert_int_eq(rc, ERR_RECIPE);
    ck_assert_ptr_null(r);
    ck_assert_str_eq(err_message(), row->message);
}

static const char *const sets[] = {"digits", "letters", NULL};

/* Refused with exactly this message where the datasets are `sets`; NULL: accepted. */
static void expect_dataset(const char *text, const struct setting *setting, const char *message) {
    struct vocabulary v = fake_vocabulary;
    v.datasets = sets;
    struct recipe *r = NULL;
    enum err rc = recipe_parse("r.yaml", text, strlen(text), &v, setting, setting != NULL, &r);
    ck_assert_int_eq(rc, message ? ERR_RECIPE : OK);
    if (message) ck_assert_str_eq(err_message(), message);
    recipe_free(r);
}

#define DATASET(name)                                                                              \
    MODEL "    - relu\ntrain:\n  dataset: " name "\n  optimizer: {sgd: {lr: 0.1}}\n"

START_TEST(an_unknown_dataset_is_refused_at_its_name) {
    expect_dataset(DATASET("letters"), NULL, NULL);
    expect_dataset(DATASET("leters"), NULL,
                   "r.yaml:7:12: error: train.dataset: unknown dataset 'leters'; did you mean "
                   "'letters'?\n"
                   "  dataset: leters\n"
                   "           ^");
    expect_dataset(DATASET("letters"), &(struct setting){"train.dataset", "cifar"},
                   "--set train.dataset=cifar: error: train.dataset: unknown dataset 'cifar' "
                   "(known: digits, letters)");
}
END_TEST

/* What is no name at all is reported as that, once. */
START_TEST(a_dataset_that_is_no_name_has_one_fault) {
    expect_dataset(DATASET("[a]"), NULL,
                   "r.yaml:7:12: error: train.dataset must be a name, got a list\n"
                   "  dataset: [a]\n"
                   "           ^");
}
END_TEST

START_TEST(a_bad_value_is_refused_with_place_and_reason) {
    expect(&values[_i]);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

int main(void) {
    Suite *suite = suite_create("recipe_values");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, a_bad_value_is_refused_with_place_and_reason, 0, COUNT(values));
    tcase_add_test(all, an_unknown_dataset_is_refused_at_its_name);
    tcase_add_test(all, a_dataset_that_is_no_name_has_one_fault);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
