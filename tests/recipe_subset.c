/* The subset of YAML, and what hostile text may not do. */
#include "base/io.h"
#include "base/text.h"
#include "harness/suite.h"
#include "recipe_vocabulary.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *text, *message;
} refused[] = {
    {MODEL "    - &a relu\n" TRAIN,
     "r.yaml:5:7: error: anchors (&name) are not part of the recipe format\n"
     "    - &a relu\n"
     "      ^"},
    {MODEL "    - relu: &a {name: x}\n" TRAIN,
     "r.yaml:5:13: error: anchors (&name) are not part of the recipe format\n"
     "    - relu: &a {name: x}\n"
     "            ^"},
    {MODEL "    - *a\n" TRAIN,
     "r.yaml:5:7: error: aliases (*name) are not part of the recipe format\n"
     "    - *a\n"
     "      ^"},
    {MODEL "    - relu: {name: *a}\n" TRAIN,
     "r.yaml:5:20: error: aliases (*name) are not part of the recipe format\n"
     "    - relu: {name: *a}\n"
     "                   ^"},
    {MODEL "    - !!str relu\n" TRAIN,
     "r.yaml:5:7: error: tags (!name) are not part of the recipe format\n"
     "    - !!str relu\n"
     "      ^"},
    {MODEL "    - !x {relu: {}}\n" TRAIN,
     "r.yaml:5:7: error: tags (!name) are not part of the recipe format\n"
     "    - !x {relu: {}}\n"
     "      ^"},
    {MODEL "    - dense: {units: !!int 3}\n" TRAIN,
     "r.yaml:5:22: error: tags (!name) are not part of the recipe format\n"
     "    - dense: {units: !!int 3}\n"
     "                     ^"},
    {MODEL "    - dense: {units: 3, name: |\n        x\n        }\n" TRAIN,
     "r.yaml:5:31: error: not valid YAML: found character that cannot start any token while scanning for the next token\n"
     "    - dense: {units: 3, name: |\n"
     "                              ^"},
    {MODEL "    - dense:\n        units: 3\n        name: |\n          x\n" TRAIN,
     "r.yaml:7:15: error: text blocks (| and >) are not part of the recipe format\n"
     "        name: |\n"
     "              ^"},
    {MODEL "    - dense:\n        units: 3\n        name: >\n          x\n" TRAIN,
     "r.yaml:7:15: error: text blocks (| and >) are not part of the recipe format\n"
     "        name: >\n"
     "              ^"},
    {MODEL "    - relu: {name: \"\\0\"}\n" TRAIN,
     "r.yaml:5:20: error: a text may not contain a NUL character\n"
     "    - relu: {name: \"\\0\"}\n"
     "                   ^"},
    {MODEL "    - [relu\n" TRAIN,
     "r.yaml:6:6: error: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence begun on line 5\n"
     "train:\n"
     "     ^"},
    {MODEL "    - relu: {name: \"x}\n" TRAIN,
     "r.yaml:9:1: error: not valid YAML: found unexpected end of stream while scanning a quoted scalar begun on line 5"},
    {MODEL "    - relu\n\t- relu\n" TRAIN,
     "r.yaml:6:1: error: not valid YAML: found a tab character that violates indentation while scanning a plain scalar begun on line 5\n"
     "\t- relu\n"
     "^"},
    {MODEL "    - relu: @\n" TRAIN,
     "r.yaml:5:13: error: not valid YAML: found character that cannot start any token while scanning for the next token\n"
     "    - relu: @\n"
     "            ^"},
    {MODEL "    - dense: {units: 3]\n" TRAIN,
     "r.yaml:5:23: error: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping\n"
     "    - dense: {units: 3]\n"
     "                      ^"},
    {MODEL "    - relu: {name: \xc2\xa0}\n" TRAIN,
     "r.yaml:5:20: error: relu.name must be a name of 1 to 100 letters, digits and _ . - only, got '\xc2\xa0'\n"
     "    - relu: {name: \xc2\xa0}\n"
     "                   ^"},
    {MODEL "    - relu: {name: \xff}\n" TRAIN, "r.yaml:5:20: error: byte 0xff is not valid UTF-8\n"
                                               "    - relu: {name: ?}\n"
                                               "                   ^"},
    {MODEL "    - relu: {name: \xc0\x80}\n" TRAIN,
     "r.yaml:5:20: error: byte 0xc0 is not valid UTF-8\n"
     "    - relu: {name: ??}\n"
     "                   ^"},
    {MODEL "    - relu: {name: \xed\xa0\x80}\n" TRAIN,
     "r.yaml:5:20: error: byte 0xed is not valid UTF-8\n"
     "    - relu: {name: ???}\n"
     "                   ^"},
    {MODEL "    - relu: {name: \xf4\x90\x80\x80}\n" TRAIN,
     "r.yaml:5:20: error: byte 0xf4 is not valid UTF-8\n"
     "    - relu: {name: ????}\n"
     "                   ^"},
    {MODEL "    - relu: {name: \xe2\x82}\n" TRAIN,
     "r.yaml:5:20: error: byte 0xe2 is not valid UTF-8\n"
     "    - relu: {name: ??}\n"
     "                   ^"},
    {MODEL "    - relu # \x07\n" TRAIN, "r.yaml:5:14: error: character U+0007 is not allowed\n"
                                        "    - relu #  \n"
                                        "             ^"},
    {MODEL "    - relu # \x7f\n" TRAIN, "r.yaml:5:14: error: character U+007F is not allowed\n"
                                        "    - relu #  \n"
                                        "             ^"},
    {MODEL "    - relu # \xc2\x85\n" TRAIN, "r.yaml:5:14: error: character U+0085 is not allowed\n"
                                            "    - relu #  \n"
                                            "             ^"},
    {MODEL "    - relu # \xe2\x80\xa8\n" TRAIN,
     "r.yaml:5:14: error: character U+2028 is not allowed\n"
     "    - relu #  \n"
     "             ^"},
    {MODEL "    - relu # \rx\n" TRAIN, "r.yaml:5:14: error: character U+000D is not allowed\n"
                                       "    - relu #  x\n"
                                       "             ^"},
    {MODEL "    - relu # \xef\xbb\xbf\n" TRAIN,
     "r.yaml:5:14: error: character U+FEFF is not allowed\n"
     "    - relu #  \n"
     "             ^"},
    {"", "r.yaml:1:1: error: nothing but blanks and comments"},
    {"\n\n", "r.yaml:1:1: error: nothing but blanks and comments"},
    {"# nothing\n", "r.yaml:1:1: error: nothing but blanks and comments\n"
                    "# nothing\n"
                    "^"},
    {"---\n...\n", "r.yaml:2:1: error: a recipe needs 'dropcl'\n"
                   "...\n"
                   "^\n"
                   "r.yaml:2:1: error: a recipe needs 'model'\n"
                   "...\n"
                   "^\n"
                   "r.yaml:2:1: error: a recipe needs 'train'\n"
                   "...\n"
                   "^\n"
                   "3 errors"},
    {"%YAML 1.1\n---\ndropcl: 1\n",
     "r.yaml:1:1: error: directives (%YAML, %TAG) are not part of the recipe format\n"
     "%YAML 1.1\n"
     "^\n"
     "r.yaml:3:1: error: a recipe needs 'model'\n"
     "dropcl: 1\n"
     "^\n"
     "r.yaml:3:1: error: a recipe needs 'train'\n"
     "dropcl: 1\n"
     "^\n"
     "3 errors"},
    {"%TAG ! tag:x,2000:\n---\n[]\n",
     "r.yaml:1:1: error: directives (%YAML, %TAG) are not part of the recipe format\n"
     "%TAG ! tag:x,2000:\n"
     "^\n"
     "r.yaml:3:1: error: a recipe must be a mapping of attributes, got an empty list\n"
     "[]\n"
     "^\n"
     "2 errors"},
    {"--- a\n--- b\n", "r.yaml:2:1: error: a recipe is one document, not several\n"
                       "--- b\n"
                       "^"},
    {"{<<: {dropcl: 1}}\n",
     "r.yaml:1:1: error: a recipe needs 'dropcl'\n"
     "{<<: {dropcl: 1}}\n"
     "^\n"
     "r.yaml:1:1: error: a recipe needs 'model'\n"
     "{<<: {dropcl: 1}}\n"
     "^\n"
     "r.yaml:1:1: error: a recipe needs 'train'\n"
     "{<<: {dropcl: 1}}\n"
     "^\n"
     "r.yaml:1:2: error: a recipe has no key '<<' (known: dropcl, model, train)\n"
     "{<<: {dropcl: 1}}\n"
     " ^\n"
     "4 errors"},
    {"\xff\xfe"
     "d",
     "r.yaml:1:1: error: byte 0xff is not valid UTF-8\n"
     "??d\n"
     "^"},
    {"}",
     "r.yaml:1:1: error: not valid YAML: did not find expected node content while parsing a block node\n"
     "}\n"
     "^"},
    {"a: b: c\n",
     "r.yaml:1:5: error: not valid YAML: mapping values are not allowed in this context\n"
     "a: b: c\n"
     "    ^"}};

static enum err parse(const char *text, size_t size) {
    struct recipe *r = NULL;
    enum err rc = recipe_parse("r.yaml", text, size, &fake_vocabulary, NULL, 0, &r);
    recipe_free(r);
    return rc;
}

START_TEST(what_is_not_in_the_subset_is_refused_with_its_place) {
    ck_assert_int_eq(parse(refused[_i].text, strlen(refused[_i].text)), ERR_RECIPE);
    ck_assert_str_eq(err_message(), refused[_i].message);
}
END_TEST

START_TEST(nul_bytes_are_refused_with_their_place) {
    static const char text[] = "dropcl: 1\nmo\0del: {}\n";
    ck_assert_int_eq(parse(text, sizeof text - 1), ERR_RECIPE);
    ck_assert_str_eq(err_message(), "r.yaml:2:3: error: character U+0000 is not allowed\n"
                                    "mo del: {}\n"
                                    "  ^");
}
END_TEST

#define PLAIN MODEL "    - dense: {units: 3}\n" TRAIN
static const char *const accepted[] = {
    PLAIN,
    "---\n" PLAIN,
    "# comment\n\n" PLAIN "...\n",
    "\xef\xbb\xbf" PLAIN,
    "dropcl: 1\r\nmodel: {input: [4], layers: [relu]}\r\n"
    "train: {dataset: digits, optimizer: {sgd: {lr: 1}}}\r\n",
    "{dropcl: 1, model: {input: 4, layers: [relu, \"relu\", 'relu']}, train: {dataset: \"digits\", "
    "optimizer: {\"sgd\": {lr: 1e-3}}, schedule: {cosine: }}}",
    MODEL "    - relu: # h\xc3\xb6r\xe4\xb8\xad\xf0\x9f\x8c\xb1\n" TRAIN,
};

START_TEST(what_is_in_the_subset_is_accepted) {
    enum err rc = parse(accepted[_i], strlen(accepted[_i]));
    ck_assert_msg(rc == OK, "%s", err_message());
}
END_TEST

static void repeat(struct text *t, const char *piece, int count) {
    for (int i = 0; i < count; i++) text_add_bytes(t, piece, strlen(piece));
}

static const char *const openings[] = {"[", "{", "{a: ", "- ", "? ", "[{a: ["};

/* Each must stop at the limit and not after seconds; the suite's timeout of 4 s is the judge. */
START_TEST(two_hundred_thousand_openings_fail_fast) {
    struct text t = {0};
    repeat(&t, openings[_i],
           150000 > (1 << 20) / (int)strlen(openings[_i]) ? (1 << 20) / (int)strlen(openings[_i])
                                                          : (int)(200000 / strlen(openings[_i])));
    ck_assert_int_eq(parse(t.data, t.size), ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(err_message(), "nested deeper than 32 levels"));
    text_free(&t);
}
END_TEST

START_TEST(thirty_two_levels_are_read_and_one_more_is_not) {
    for (int levels = 32; levels <= 33; levels++) {
        struct text t = {0};
        repeat(&t, "[", levels);
        repeat(&t, "]", levels);
        ck_assert_int_eq(parse(t.data, t.size), ERR_RECIPE); /* a recipe must be a mapping */
        bool deep = strstr(err_message(), "nested deeper") != NULL;
        ck_assert_int_eq(deep, levels > 32);
        text_free(&t);
    }
}
END_TEST

static const char *const floods[] = {"a: 1\n",          "- x\n", "a: 1, ",      "&a ",    "!t ",
                                     "'a': {b: c}\n",   "? a\n", ": ",          "#\n",    "\"",
                                     "- {rate: 0,5}\n", "\t",    "%YAML 1.1\n", "--- a\n"};

START_TEST(a_megabyte_of_anything_ends_in_an_error) {
    struct text t = {0};
    repeat(&t, floods[_i], (1 << 20) / (int)strlen(floods[_i]));
    ck_assert_int_eq(parse(t.data, t.size), ERR_RECIPE);
    ck_assert_uint_lt(strlen(err_message()), 16000);
    text_free(&t);
}
END_TEST

START_TEST(many_layers_are_read_in_time) {
    struct text t = {0};
    text_add(&t, MODEL);
    repeat(&t, "    - pool\n", 90000); /* four defaults each */
    text_add(&t, TRAIN);
    struct recipe *r;
    ck_assert_int_eq(recipe_parse("r", t.data, t.size, &fake_vocabulary, NULL, 0, &r), OK);
    ck_assert_int_eq(r->model.layers.count, 90000);
    ck_assert_str_eq(r->model.layers.at[89999].name, "pool90000");
    recipe_free(r);
    text_free(&t);
}
END_TEST

START_TEST(more_than_a_megabyte_is_refused) {
    struct text t = {0};
    text_add(&t, PLAIN);
    while (t.size < 1 << 20) text_add(&t, "#");
    ck_assert_int_eq(parse(t.data, t.size), OK);
    text_add(&t, "#");
    ck_assert_int_eq(parse(t.data, t.size), ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(err_message(), "at most 1048576 bytes, got 1048577"));
    text_free(&t);
}
END_TEST

START_TEST(every_truncation_of_a_recipe_is_an_error_or_a_recipe) {
    const char *text =
        MODEL "    - residual: {body: [dropout: {rate: 0.5, schedule: {linear: {to: 1}}}]}\n"
              "    - dense: {name: \"fc\", units: 3}\n" TRAIN;
    int good = 0;
    for (size_t n = 0; n <= strlen(text); n++) {
        enum err rc = parse(text, n);
        ck_assert(rc == OK || rc == ERR_RECIPE);
        good += rc == OK;
    }
    ck_assert_int_eq(good, 2); /* whole, with and without the last newline */
}
END_TEST

START_TEST(files_are_named_as_given) {
    char path[] = "/tmp/dropcl-recipe-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    struct recipe *r = NULL;
    ck_assert_int_eq(io_write_atomic(path, PLAIN, strlen(PLAIN)), OK);
    ck_assert_int_eq(recipe_read(path, &fake_vocabulary, NULL, 0, &r), OK);
    ck_assert_str_eq(r->file, path);
    ck_assert_str_eq(r->text, PLAIN);
    ck_assert_int_eq(r->lines, 8);
    recipe_free(r);
    ck_assert_int_eq(io_write_atomic(path, "dropcl: 9", 9), OK);
    ck_assert_int_eq(recipe_read(path, &fake_vocabulary, NULL, 0, &r), ERR_RECIPE);
    ck_assert_int_eq(strncmp(err_message(), path, strlen(path)), 0);
    unlink(path);
    ck_assert_int_eq(recipe_read(path, &fake_vocabulary, NULL, 0, &r), ERR_MISSING);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(recipe_read("/dev/zero", &fake_vocabulary, NULL, 0, &r), ERR_RECIPE);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

int main(void) {
    Suite *suite = suite_create("recipe_subset");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 4);
    tcase_add_loop_test(all, what_is_not_in_the_subset_is_refused_with_its_place, 0,
                        COUNT(refused));
    tcase_add_test(all, nul_bytes_are_refused_with_their_place);
    tcase_add_loop_test(all, what_is_in_the_subset_is_accepted, 0, COUNT(accepted));
    tcase_add_loop_test(all, two_hundred_thousand_openings_fail_fast, 0, COUNT(openings));
    tcase_add_test(all, thirty_two_levels_are_read_and_one_more_is_not);
    tcase_add_loop_test(all, a_megabyte_of_anything_ends_in_an_error, 0, COUNT(floods));
    tcase_add_test(all, many_layers_are_read_in_time);
    tcase_add_test(all, more_than_a_megabyte_is_refused);
    tcase_add_test(all, every_truncation_of_a_recipe_is_an_error_or_a_recipe);
    tcase_add_test(all, files_are_named_as_given);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
