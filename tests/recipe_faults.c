/* Every class of structural fault with its exact message, and how many faults are reported
 * together. */
#include "recipe_vocabulary.h"

#include "base/text.h"
#include "harness/suite.h"
#include <check.h>
#include <string.h>

struct row {
    const char *text, *message;
};

/* What a recipe may contain. */
static const struct row structure[] = {
    {MODEL "    - denes: {units: 3}\n" TRAIN,
     "r.yaml:5:7: error: unknown layer 'denes'; did you mean 'dense'?\n"
     "    - denes: {units: 3}\n"
     "      ^"},
    {MODEL "    - convolve: {units: 3}\n" TRAIN,
     "r.yaml:5:7: error: unknown layer 'convolve' (known: dense, dropout, relu, pool, residual, path)\n"
     "    - convolve: {units: 3}\n"
     "      ^"},
    {MODEL "    - dense: {unit: 3}\n" TRAIN,
     "r.yaml:5:15: error: dense has no key 'unit'; did you mean 'units'?\n"
     "    - dense: {unit: 3}\n"
     "              ^"},
    {MODEL "    - dense: {units: 3, colour: red}\n" TRAIN,
     "r.yaml:5:25: error: dense has no key 'colour' (known: units, activation, bias, name, from)\n"
     "    - dense: {units: 3, colour: red}\n"
     "                        ^"},
    {MODEL "    - dense: {units: 3, units: 4}\n" TRAIN,
     "r.yaml:5:25: error: key 'units' is given twice, first on line 5\n"
     "    - dense: {units: 3, units: 4}\n"
     "                        ^"},
    {MODEL "    - dense\n" TRAIN, "r.yaml:5:7: error: dense needs 'units'\n"
                                  "    - dense\n"
                                  "      ^"},
    {MODEL "    - dense: 256\n" TRAIN,
     "r.yaml:5:14: error: dense must be a mapping of attributes, got '256'\n"
     "    - dense: 256\n"
     "             ^"},
    {MODEL "    - dense: [256]\n" TRAIN,
     "r.yaml:5:14: error: dense must be a mapping of attributes, got a list\n"
     "    - dense: [256]\n"
     "             ^"},
    {MODEL "    - dense:\n      units: 3\n" TRAIN,
     "r.yaml:6:7: error: one layer expected, got 2 keys, 'dense' and 'units'; attributes are indented deeper than their layer\n"
     "      units: 3\n"
     "      ^"},
    {MODEL "    - {}\n" TRAIN,
     "r.yaml:5:7: error: one layer expected, a word or a mapping with one key, got an empty mapping\n"
     "    - {}\n"
     "      ^"},
    {MODEL "    - [relu]\n" TRAIN,
     "r.yaml:5:7: error: one layer expected, a word or a mapping with one key, got a list\n"
     "    - [relu]\n"
     "      ^"},
    {MODEL "    - \"relu\": {slope: 1}\n" TRAIN,
     "r.yaml:5:16: error: relu has no key 'slope' (known: name, from)\n"
     "    - \"relu\": {slope: 1}\n"
     "               ^"},
    {MODEL "    - relu: {id: 3}\n" TRAIN,
     "r.yaml:5:14: error: relu has no key 'id' (known: name, from)\n"
     "    - relu: {id: 3}\n"
     "             ^"},
    {MODEL "    - residual: {}\n" TRAIN, "r.yaml:5:7: error: residual needs 'body'\n"
                                         "    - residual: {}\n"
                                         "      ^"},
    {MODEL "    - residual: {body: []}\n" TRAIN,
     "r.yaml:5:24: error: residual.body needs at least one layer\n"
     "    - residual: {body: []}\n"
     "                       ^"},
    {MODEL "    - residual: {body: relu}\n" TRAIN,
     "r.yaml:5:24: error: residual.body must be a list of layers, got 'relu'\n"
     "    - residual: {body: relu}\n"
     "                       ^"},
    {MODEL "    - residual: {body: [relu], shortcut: {}}\n" TRAIN,
     "r.yaml:5:42: error: residual.shortcut must be a list of layers, got an empty mapping\n"
     "    - residual: {body: [relu], shortcut: {}}\n"
     "                                         ^"},
    {MODEL "    - residual: {body: [dense: {units: 0}]}\n" TRAIN,
     "r.yaml:5:40: error: dense.units must be at least 1, got 0\n"
     "    - residual: {body: [dense: {units: 0}]}\n"
     "                                       ^"},
    {MODEL "    - dropout: {rate: 0.5, schedule: linera}\n" TRAIN,
     "r.yaml:5:38: error: unknown rate schedule 'linera'; did you mean 'linear'?\n"
     "    - dropout: {rate: 0.5, schedule: linera}\n"
     "                                     ^"},
    {MODEL "    - dropout: {rate: 0.5, schedule: [linear]}\n" TRAIN,
     "r.yaml:5:38: error: one rate schedule expected, a word or a mapping with one key, got a list\n"
     "    - dropout: {rate: 0.5, schedule: [linear]}\n"
     "                                     ^"},
    {MODEL "    - relu: {name: x}\n    - relu: {name: x}\n" TRAIN,
     "r.yaml:6:20: error: layer name 'x' is already used on line 5\n"
     "    - relu: {name: x}\n"
     "                   ^"},
    {MODEL "    - relu: {name: relu2}\n    - relu\n" TRAIN,
     "r.yaml:6:7: error: layer name 'relu2' is already used on line 5\n"
     "    - relu\n"
     "      ^"},
    {MODEL "    - relu: {name: x, from: x}\n" TRAIN,
     "r.yaml:5:29: error: no layer above is named 'x'\n"
     "    - relu: {name: x, from: x}\n"
     "                            ^"},
    {MODEL "    - relu: {from: y}\n    - relu: {name: y}\n" TRAIN,
     "r.yaml:5:20: error: no layer above is named 'y'\n"
     "    - relu: {from: y}\n"
     "                   ^"},
    {MODEL "    - dropout: {rate: 0.5, id: 1}\n    - dropout: {rate: 0.5}\n" TRAIN,
     "r.yaml:6:7: error: stochastic layer number 1 is already used on line 5: choose another id, or say share: true on both\n"
     "    - dropout: {rate: 0.5}\n"
     "      ^"},
    {MODEL
     "    - dropout: {rate: 0.5, id: 7, share: true}\n    - dropout: {rate: 0.5, id: 7}\n" TRAIN,
     "r.yaml:6:7: error: stochastic layer number 7 is already used on line 5: choose another id, or say share: true on both\n"
     "    - dropout: {rate: 0.5, id: 7}\n"
     "      ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  epoch: 3\n",
     "r.yaml:9:3: error: train has no key 'epoch'; did you mean 'epochs'?\n"
     "  epoch: 3\n"
     "  ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  loss: crossentropy\n",
     "r.yaml:9:9: error: unknown loss 'crossentropy'; did you mean 'cross_entropy'?\n"
     "  loss: crossentropy\n"
     "        ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  schedule: {constant: {warmup: 1}}\n",
     "r.yaml:9:25: error: constant takes no attributes, got 'warmup'\n"
     "  schedule: {constant: {warmup: 1}}\n"
     "                        ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  schedule: {constant: {}, cosine: {}}\n",
     "r.yaml:9:28: error: one schedule expected, got 2 keys, 'constant' and 'cosine'; attributes are indented deeper than their schedule\n"
     "  schedule: {constant: {}, cosine: {}}\n"
     "                           ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  batch: 64\n  batch: 32\n",
     "r.yaml:10:3: error: key 'batch' is given twice, first on line 9\n"
     "  batch: 32\n"
     "  ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  ? [a, b]\n  : 1\n",
     "r.yaml:9:5: error: a key must be a word, got a list\n"
     "  ? [a, b]\n"
     "    ^"},
    {MODEL "    - dense: {units: 3}\n" TRAIN "  5: 1\n",
     "r.yaml:9:3: error: train has no key '5' (known: dataset, normalize, augment, loss, batch, micro_batch, epochs, seed, validation, limit, shuffle, optimizer, schedule, ema, precision, gemm)\n"
     "  5: 1\n"
     "  ^"},
    {"model: {input: [4], layers: [relu]}\n"
     "train: {dataset: digits, optimizer: {sgd: {lr: 1}}}\n",
     "r.yaml:1:1: error: a recipe needs 'dropcl'\n"
     "model: {input: [4], layers: [relu]}\n"
     "^"},
    {"dropcl: 2\n"
     "modle: {}\n",
     "r.yaml:1:9: error: recipe format 'dropcl: 2' is not known; this program reads 'dropcl: 1'\n"
     "dropcl: 2\n"
     "        ^"},
    {"dropcl: one\n"
     "model: {input: [4], layers: [relu]}\n"
     "train: {dataset: digits, optimizer: {sgd: {lr: 1}}}\n",
     "r.yaml:1:9: error: dropcl must be a whole number, got 'one'\n"
     "dropcl: one\n"
     "        ^"},
    {"dropcl: 1\n"
     "model: {input: [4], layers: []}\n"
     "train: {dataset: digits, optimizer: {sgd: {lr: 1}}}\n",
     "r.yaml:2:29: error: model.layers needs at least one layer\n"
     "model: {input: [4], layers: []}\n"
     "                            ^"},
    {"dropcl: 1\n"
     "model:\n"
     "  input: [4]\n"
     "  layers:\n"
     "train: {dataset: digits, optimizer: {sgd: {lr: 1}}}\n",
     "r.yaml:4:10: error: model.layers needs at least one layer\n"
     "  layers:\n"
     "         ^"},
    {"dropcl: 1\n"
     "model: {input: [4, 4, 4, 4], layers: [relu]}\n"
     "train: {dataset: digits, optimizer: {sgd: {lr: 1}}}\n",
     "r.yaml:2:16: error: model.input must be [height, width, channels], [time, channels] or [features], got 4 numbers\n"
     "model: {input: [4, 4, 4, 4], layers: [relu]}\n"
     "               ^"},
    {"dropcl: 1\n"
     "model: {layers: [relu]}\n"
     "train: {}\n",
     "r.yaml:2:1: error: model needs 'input'\n"
     "model: {layers: [relu]}\n"
     "^\n"
     "r.yaml:3:1: error: train needs 'dataset'\n"
     "train: {}\n"
     "^\n"
     "r.yaml:3:1: error: train needs 'optimizer'\n"
     "train: {}\n"
     "^\n"
     "3 errors"},
    {"dropcl: 1\n", "r.yaml:1:1: error: a recipe needs 'model'\n"
                    "dropcl: 1\n"
                    "^\n"
                    "r.yaml:1:1: error: a recipe needs 'train'\n"
                    "dropcl: 1\n"
                    "^\n"
                    "2 errors"},
    {"dropcl: 1\n"
     "model: 3\n"
     "train:\n",
     "r.yaml:2:8: error: model must be a mapping of attributes, got '3'\n"
     "model: 3\n"
     "       ^\n"
     "r.yaml:3:1: error: train needs 'dataset'\n"
     "train:\n"
     "^\n"
     "r.yaml:3:1: error: train needs 'optimizer'\n"
     "train:\n"
     "^\n"
     "3 errors"},
    {"[dropcl, 1]\n", "r.yaml:1:1: error: a recipe must be a mapping of attributes, got a list\n"
                      "[dropcl, 1]\n"
                      "^"},
    {"recipe\n", "r.yaml:1:1: error: a recipe must be a mapping of attributes, got 'recipe'\n"
                 "recipe\n"
                 "^"},
    {"dropcl: 1\n"
     "model: {input: [4], layers: [relu]}\n"
     "train: {dataset: digits, optimizer: sgd}\n",
     "r.yaml:3:37: error: sgd needs 'lr'\n"
     "train: {dataset: digits, optimizer: sgd}\n"
     "                                    ^"},
    {"dropcl: 1\n"
     "model: {input: [4], layers: [relu]}\n"
     "train: {dataset: digits, optimizer: {sdg: {lr: 1}}}\n",
     "r.yaml:3:38: error: unknown optimizer 'sdg'; did you mean 'sgd'?\n"
     "train: {dataset: digits, optimizer: {sdg: {lr: 1}}}\n"
     "                                     ^"}};

static void expect(const struct row *row) {
    struct recipe *r = NULL;
    enum err rc =
        recipe_parse("r.yaml", row->text, strlen(row->text), &fake_vocabulary, NULL, 0, &r);
    ck_assert_int_eq(rc, ERR_RECIPE);
    ck_assert_ptr_null(r);
    ck_assert_str_eq(err_message(), row->message);
}

START_TEST(a_bad_structure_is_refused_with_place_and_reason) {
    expect(&structure[_i]);
}
END_TEST

START_TEST(all_faults_are_reported_in_the_order_of_the_text) {
    const struct row row = {
        MODEL
        "    - dense: {units: 0, bias: on}\n    - dropuot: {rate: 0.5}\n    - dropout: {rate: 2, seed: 3}\n" TRAIN
        "  batch: many\n",
        "r.yaml:5:22: error: dense.units must be at least 1, got 0\n"
        "    - dense: {units: 0, bias: on}\n"
        "                     ^\n"
        "r.yaml:5:31: error: dense.bias must be true or false, got 'on'\n"
        "    - dense: {units: 0, bias: on}\n"
        "                              ^\n"
        "r.yaml:6:7: error: unknown layer 'dropuot'; did you mean 'dropout'?\n"
        "    - dropuot: {rate: 0.5}\n"
        "      ^\n"
        "r.yaml:7:23: error: dropout.rate is the probability to drop and must be in [0, 1], got 2\n"
        "    - dropout: {rate: 2, seed: 3}\n"
        "                      ^\n"
        "r.yaml:7:26: error: dropout has no key 'seed' (known: rate, schedule, name, from, id, share)\n"
        "    - dropout: {rate: 2, seed: 3}\n"
        "                         ^\n"
        "r.yaml:11:10: error: train.batch must be a whole number, got 'many'\n"
        "  batch: many\n"
        "         ^\n"
        "6 errors"};
    expect(&row);
}
END_TEST

/* The message for MODEL, `count` times `line`, TRAIN. */
static const char *message_of(const char *line, int count) {
    struct text text = {0};
    text_add(&text, "%s", MODEL);
    for (int i = 0; i < count; i++) text_add(&text, "%s", line);
    text_add(&text, "%s", TRAIN);
    struct recipe *r;
    ck_assert_int_eq(recipe_parse("r.yaml", text.data, text.size, &fake_vocabulary, NULL, 0, &r),
                     ERR_RECIPE);
    text_free(&text);
    return err_message();
}

START_TEST(more_than_twenty_faults_are_counted) {
    const char *message = message_of("    - dense: {units: 0}\n", 50);
    const char *start = "r.yaml:5:22: error: dense.units must be at least 1, got 0\n";
    ck_assert_int_eq(strncmp(message, start, strlen(start)), 0);
    int shown = 0;
    for (const char *at = message; (at = strstr(at, ": error: ")); at++) shown++;
    ck_assert_int_eq(shown, 20);
    const char *end = "\n50 errors, the first 20 shown";
    ck_assert_str_eq(message + strlen(message) - strlen(end), end);
}
END_TEST

START_TEST(twenty_long_faults_fit_the_message) {
    /* Long lines of four-byte characters: the most that a fault can take. */
    struct text line = {0};
    text_add(&line, "    - dense: {units: 0, activation: '");
    for (int i = 0; i < 200; i++) text_add(&line, "\xf0\x9f\x8c\xb1");
    text_add(&line, "'}\n");
    const char *message = message_of(line.data, 10);
    text_free(&line);
    const char *end = "\n20 errors";
    ck_assert_str_eq(message + strlen(message) - strlen(end), end);
}
END_TEST

START_TEST(a_long_line_is_shown_around_the_fault) {
    struct text line = {0};
    text_add(&line, "    - dense: {name: ");
    for (int i = 0; i < 1000; i++) text_add(&line, "n");
    text_add(&line, ", units: 0, activation: linear, bias: true}\n");
    const char *message = message_of(line.data, 1);
    text_free(&line);
    ck_assert_ptr_nonnull(strstr(message, "nnn, units: 0, activation:"));
    ck_assert_uint_lt(strlen(message), 700);
}
END_TEST

START_TEST(a_fault_found_later_points_into_the_text) {
    const char *text = MODEL "    - dense: {units: 3}\n" TRAIN;
    struct recipe *r;
    ck_assert_int_eq(recipe_parse("r.yaml", text, strlen(text), &fake_vocabulary, NULL, 0, &r), OK);
    const struct layer *l = &r->model.layers.at[0];
    ck_assert_int_eq(recipe_fault(r, l->line, l->column, "%s does not fit %d", l->name, 4),
                     ERR_RECIPE);
    ck_assert_str_eq(err_message(), "r.yaml:5:7: error: dense1 does not fit 4\n"
                                    "    - dense: {units: 3}\n"
                                    "      ^");
    recipe_free(r);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

int main(void) {
    Suite *suite = suite_create("recipe_faults");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, a_bad_structure_is_refused_with_place_and_reason, 0, COUNT(structure));
    tcase_add_test(all, all_faults_are_reported_in_the_order_of_the_text);
    tcase_add_test(all, more_than_twenty_faults_are_counted);
    tcase_add_test(all, twenty_long_faults_fit_the_message);
    tcase_add_test(all, a_long_line_is_shown_around_the_fault);
    tcase_add_test(all, a_fault_found_later_points_into_the_text);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
