/* --set: paths into the recipe, checked by the same schema; and the text that a run keeps. */
#include "base/text.h"
#include "harness/suite.h"
#include "recipe/emit.h"
#include "recipe/reader.h"
#include "recipe_vocabulary.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *const base = "dropcl: 1\n"
                                "model:\n"
                                "  input: [4]\n"
                                "  layers:\n"
                                "    - dense: {units: 8}   # comment\n"
                                "    - dropout: {rate: 0.5}\n"
                                "    - residual:\n"
                                "        body:\n"
                                "          - dropout: {rate: 0.25}\n"
                                "          - relu\n"
                                "    - pool\n"
                                "train:\n"
                                "  dataset: digits\n"
                                "  batch: 64\n"
                                "  optimizer: {sgd: {lr: 0.1}}\n"
                                "  schedule: cosine\n";

enum { MOST = 4 };

/* Applies settings as the command line does; NULL in `texts` ends them early. */
static enum err apply(const char *text, const char *const texts[MOST], struct recipe **r) {
    struct setting settings[MOST];
    int count = 0;
    enum err rc = OK;
    while (!rc && count < MOST && texts[count]) {
        rc = recipe_setting(texts[count], &settings[count]);
        if (!rc) count++;
    }
    *r = NULL;
    if (!rc) rc = recipe_parse("r.yaml", text, strlen(text), &fake_vocabulary, settings, count, r);
    for (int i = 0; i < count; i++) free((char *)settings[i].key);
    return rc;
}

static struct recipe *with(const char *setting) {
    struct recipe *r;
    enum err rc = apply(base, (const char *const[MOST]){setting}, &r);
    ck_assert_msg(rc == OK, "%s", err_message());
    return r;
}

static double rate_of(const struct layer *l) {
    return ((const struct dropout_attr *)l->attr)->rate;
}

START_TEST(a_path_reaches_any_value) {
    struct recipe *r = with("train.batch=32");
    ck_assert_int_eq(r->train.batch, 32);
    recipe_free(r);
    r = with("model.layers.0.dense.units=9");
    ck_assert_int_eq(((const struct dense_attr *)r->model.layers.at[0].attr)->units, 9);
    recipe_free(r);
    r = with("model.layers.2.residual.body.0.dropout.rate=1e-1");
    const struct residual_attr *residual = r->model.layers.at[2].attr;
    ck_assert_double_eq(rate_of(&residual->body.at[0]), 0.1);
    ck_assert_double_eq(rate_of(&r->model.layers.at[1]), 0.5);
    recipe_free(r);
}
END_TEST

START_TEST(a_star_reaches_every_element_that_fits) {
    struct recipe *r;
    ck_assert_int_eq(
        apply(base,
              (const char *const[MOST]){"model.layers.*.dropout.rate=0",
                                        "model.layers.*.residual.body.*.dropout.rate=1"},
              &r),
        OK);
    ck_assert_double_eq(rate_of(&r->model.layers.at[1]), 0);
    const struct residual_attr *residual = r->model.layers.at[2].attr;
    ck_assert_double_eq(rate_of(&residual->body.at[0]), 1);
    recipe_free(r);
}
END_TEST

START_TEST(absent_attributes_are_inserted) {
    struct recipe *r = with("train.seed=5");
    ck_assert_uint_eq(r->train.seed, 5);
    recipe_free(r);
    r = with("train.schedule.cosine.to=0.25"); /* a bare word in the text */
    ck_assert_double_eq(((const struct linear_attr *)r->train.schedule.attr)->to, 0.25);
    recipe_free(r);
    r = with("model.layers.3.pool.shift=2");
    ck_assert_double_eq(((const struct pool_attr *)r->model.layers.at[3].attr)->shift, 2);
    recipe_free(r);
    r = with("model.layers.1.dropout.schedule.linear.to=1"); /* two levels at once */
    const struct dropout_attr *dropout = r->model.layers.at[1].attr;
    ck_assert_double_eq(((const struct linear_attr *)dropout->schedule.attr)->to, 1);
    recipe_free(r);
}
END_TEST

START_TEST(a_value_may_be_a_list_or_a_mapping) {
    struct recipe *r = with("train.optimizer={adam: {lr: 0.01, momentum: 0.5}}");
    ck_assert_ptr_eq(r->train.optimizer.schema, &fake_adam);
    recipe_free(r);
    r = with("model.input=[6, 5, 4]");
    ck_assert_int_eq(r->model.input.at[1], 5);
    recipe_free(r);
    r = with("model.layers=[relu, dense: {units: 2}]");
    ck_assert_int_eq(r->model.layers.count, 2);
    recipe_free(r);
}
END_TEST

START_TEST(later_settings_win) {
    struct recipe *r;
    const char *const settings[MOST] = {"train.optimizer=adam", "train.optimizer.adam.lr=1",
                                        "train.optimizer.adam.lr=2",
                                        "train.optimizer.adam.momentum=0"};
    ck_assert_int_eq(apply(base, settings, &r), OK);
    ck_assert_double_eq(((const struct sgd_attr *)r->train.optimizer.attr)->lr, 2);
    recipe_free(r);
}
END_TEST

static const struct {
    const char *setting;
    enum err code;
    const char *message;
} refused[] = {
    {"train.batch", ERR_USAGE, "--set needs KEY=VALUE, got 'train.batch'"},
    {"=3", ERR_USAGE, "--set needs KEY=VALUE, got '=3'"},
    {"train.batch=", ERR_USAGE, "--set needs KEY=VALUE, got 'train.batch='"},
    {"train..batch=3", ERR_USAGE,
     "--set train..batch=3: error: a key is 1 to 32 names, indices or * with dots between them"},
    {".=3", ERR_USAGE,
     "--set .=3: error: a key is 1 to 32 names, indices or * with dots between them"},
    {"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1", ERR_USAGE,
     "--set a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1: error: a key is 1 to 32 names, indices or * with dots between them"},
    {"model.layers.4.relu=1", ERR_USAGE,
     "--set model.layers.4.relu=1: error: matches nothing: layers has no element 4: it has 4, counted from 0"},
    {"model.layers.18446744073709551616=1", ERR_USAGE,
     "--set model.layers.18446744073709551616=1: error: matches nothing: layers is a list: give an index from 0, or *, instead of '18446744073709551616'"},
    {"model.layers.-1=1", ERR_USAGE,
     "--set model.layers.-1=1: error: matches nothing: layers is a list: give an index from 0, or *, instead of '-1'"},
    {"model.layers.dropout.rate=0", ERR_USAGE,
     "--set model.layers.dropout.rate=0: error: matches nothing: layers is a list: give an index from 0, or *, instead of 'dropout'"},
    {"model.layers.*.conv.rate=0", ERR_USAGE,
     "--set model.layers.*.conv.rate=0: error: matches nothing: layers has nothing that fits the rest of the path"},
    {"model.layers.*.rate=0", ERR_USAGE,
     "--set model.layers.*.rate=0: error: matches nothing: layers has nothing that fits the rest of the path"},
    {"train.batch.size=3", ERR_USAGE,
     "--set train.batch.size=3: error: matches nothing: batch is a single value and has no keys"},
    {"train.batch.*=3", ERR_USAGE,
     "--set train.batch.*=3: error: matches nothing: batch is a single value: * finds nothing in it"},
    {"train.dataset.*.x=3", ERR_USAGE,
     "--set train.dataset.*.x=3: error: matches nothing: dataset is a single value: * finds nothing in it"},
    {"model.layers.3.relu.x=3", ERR_USAGE,
     "--set model.layers.3.relu.x=3: error: matches nothing: 3 is a single value and has no keys"},
    {"train.epoch=3", ERR_RECIPE,
     "--set train.epoch=3: error: train has no key 'epoch'; did you mean 'epochs'?"},
    {"model.layer.0.dense.units=3", ERR_RECIPE,
     "--set model.layer.0.dense.units=3: error: model has no key 'layer'; did you mean 'layers'?"},
    {"model.layers.*.dropout.rat=0", ERR_RECIPE,
     "--set model.layers.*.dropout.rat=0: error: dropout has no key 'rat'; did you mean 'rate'?"},
    {"model.layers.*.dropout.rate=1.5", ERR_RECIPE,
     "--set model.layers.*.dropout.rate=1.5: error: dropout.rate is the probability to drop and must be in [0, 1], got 1.5"},
    {"model.layers.*.dropout.rate=0,5", ERR_RECIPE,
     "--set model.layers.*.dropout.rate=0,5: error: dropout.rate: a decimal comma does not make a number: write 0.5, not 0,5"},
    {"model.layers.0.dense.units=256x", ERR_RECIPE,
     "--set model.layers.0.dense.units=256x: error: dense.units must be a whole number, got '256x': trailing characters 'x'"},
    {"train.optimizer.adam.lr=1", ERR_RECIPE,
     "--set train.optimizer.adam.lr=1: error: one optimizer expected, got 2 keys, 'sgd' and 'adam'"},
    {"train.optimizer=sdg", ERR_RECIPE,
     "--set train.optimizer=sdg: error: unknown optimizer 'sdg'; did you mean 'sgd'?"},
    {"train.optimizer=adam", ERR_RECIPE, "--set train.optimizer=adam: error: adam needs 'lr'"},
    {"train.micro_batch=48", ERR_RECIPE,
     "--set train.micro_batch=48: error: train.micro_batch must divide train.batch, which is 64, got 48"},
    {"train.batch=[1", ERR_RECIPE,
     "--set train.batch=[1: error: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"},
    {"train.batch=&a 1", ERR_RECIPE,
     "--set train.batch=&a 1: error: anchors (&name) are not part of the recipe format"},
    {"train.batch=# x", ERR_RECIPE,
     "--set train.batch=# x: error: nothing but blanks and comments"},
    {"train.batch={a: 1, a: 2}", ERR_RECIPE,
     "--set train.batch={a: 1, a: 2}: error: key 'a' is given twice\n"
     "--set train.batch={a: 1, a: 2}: error: train.batch must be a whole number, got a mapping\n"
     "2 errors"},
    {"dropcl=2", ERR_RECIPE,
     "--set dropcl=2: error: recipe format 'dropcl: 2' is not known; this program reads 'dropcl: 1'"},
    {"model.layers=[]", ERR_RECIPE,
     "--set model.layers=[]: error: model.layers needs at least one layer"},
    {"model={}", ERR_RECIPE,
     "--set model={}: error: model needs 'input'\n"
     "--set model={}: error: model needs 'layers'\n"
     "2 errors"},
    {"model.layers.1.dropout.name=a b", ERR_RECIPE,
     "--set model.layers.1.dropout.name=a b: error: dropout.name must be a name of 1 to 100 letters, digits and _ . - only, got 'a b'"},
    {"model.layers.0.dense.bias=yes", ERR_RECIPE,
     "--set model.layers.0.dense.bias=yes: error: dense.bias must be true or false, got 'yes'"},
    {"train.batch=\t", ERR_RECIPE,
     "--set train.batch=\t: error: not valid YAML: found character that cannot start any token while scanning for the next token"},
    {"model.layers.*={dropout: {rate: 0.5, name: x}}", ERR_RECIPE,
     "--set model.layers.*={dropout: {rate: 0.5, name: x}}: error: layer name 'x' is already used by another layer"},
    {"*=1", ERR_RECIPE,
     "--set *=1: error: model must be a mapping of attributes, got '1'\n"
     "--set *=1: error: train must be a mapping of attributes, got '1'\n"
     "2 errors"},
    {"train.seed=\"1\n2\"", ERR_RECIPE,
     "--set train.seed=\"1 2\": error: train.seed must be a whole number from 0 to 18446744073709551615, got '1 2' in quotes"}};

START_TEST(a_bad_setting_is_refused_and_named) {
    struct recipe *r;
    ck_assert_int_eq(apply(base, (const char *const[MOST]){refused[_i].setting}, &r),
                     refused[_i].code);
    ck_assert_ptr_null(r);
    ck_assert_str_eq(err_message(), refused[_i].message);
}
END_TEST

START_TEST(faults_of_the_text_come_before_those_of_settings) {
    struct recipe *r;
    const char *text = MODEL "    - dropout: {rate: 3}\n    - dropout: {rate: 0.5}\n" TRAIN;
    const char *const settings[MOST] = {"train.batch=x", "model.layers.1.dropout.rate=2"};
    ck_assert_int_eq(apply(text, settings, &r), ERR_RECIPE);
    ck_assert_str_eq(
        err_message(),
        "r.yaml:5:23: error: dropout.rate is the probability to drop and must be in [0, 1], got 3\n"
        "    - dropout: {rate: 3}\n"
        "                      ^\n"
        "--set train.batch=x: error: train.batch must be a whole number, got 'x'\n"
        "--set model.layers.1.dropout.rate=2: error: dropout.rate is the probability to drop and "
        "must be in [0, 1], got 2\n"
        "3 errors");
}
END_TEST

START_TEST(a_setting_cannot_nest_deeper_than_a_text) {
    struct text key = {0};
    for (int i = 0; i < 32; i++) text_add(&key, "%sa", i ? "." : "");
    text_add(&key, "=[[1]]");
    struct recipe *r;
    ck_assert_int_eq(apply(base, (const char *const[MOST]){key.data}, &r), ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(err_message(), "nested deeper than 32 levels"));
    text_free(&key);
}
END_TEST

START_TEST(the_text_with_settings_is_canonical) {
    struct recipe *r = with("model.layers.*.dropout.rate=0.125");
    ck_assert_str_eq(r->text, "dropcl: 1\n"
                              "model:\n"
                              "  input: [4]\n"
                              "  layers:\n"
                              "    - dense: {units: 8}\n"
                              "    - dropout: {rate: 0.125}\n"
                              "    - residual:\n"
                              "        body:\n"
                              "          - dropout: {rate: 0.25}\n"
                              "          - relu\n"
                              "    - pool\n"
                              "train:\n"
                              "  dataset: digits\n"
                              "  batch: 64\n"
                              "  optimizer: {sgd: {lr: 0.1}}\n"
                              "  schedule: cosine\n");
    recipe_free(r);
}
END_TEST

START_TEST(a_layer_set_anew_keeps_its_line) {
    struct recipe *r = with("model.layers.1={dense: {units: 2}}");
    ck_assert_int_eq(r->model.layers.at[1].line, 6);
    ck_assert_int_eq(recipe_fault(r, 6, 7, "too small"), ERR_RECIPE);
    ck_assert_str_eq(err_message(), "r.yaml:6:7: error: too small\n"
                                    "    - dropout: {rate: 0.5}\n"
                                    "      ^");
    recipe_free(r);
}
END_TEST

static bool is_equal(const struct node *a, const struct node *b) {
    if (node_is_null(a) != node_is_null(b)) { /* "cosine:" is written as "cosine: {}" */
        const struct node *other = node_is_null(a) ? b : a;
        return other->kind == NODE_MAPPING && !other->count;
    }
    if (a->kind != b->kind || a->count != b->count) return false;
    if (a->kind == NODE_SCALAR) return strcmp(a->value, b->value) == 0;
    for (int i = 0; i < a->count; i++) {
        const struct entry *x = &a->entries[i], *y = &b->entries[i];
        if (x->key && !is_equal(x->key, y->key)) return false;
        if (!is_equal(x->value, y->value)) return false;
    }
    return true;
}

static struct node *read_tree(struct arena *a, const char *text) {
    struct faults faults = {.file = "r.yaml", .text = text, .size = strlen(text)};
    struct node *root = reader_tree(a, &faults, text, strlen(text), NULL);
    enum err rc = faults_report(&faults);
    ck_assert_msg(rc == OK && root, "%s\n%s", err_message(), text);
    return root;
}

static const char *const trees[] = {
    "a: {}\nb: []\nc:\nd: ''\ne: 'it''s: {odd}, # no'\nf: \"5\"\n",
    "a: {b: [1, [2, [3]], {c: d}], e: {f: {g: }}}\n",
    "l:\n  - relu\n  - {x: 1, y: {z: 2}}\n  - - nested\n    - list\n  - []\n  - {}\n",
    "n: '---'\nm: '-'\nq: '~'\nr: \"a b\"\n'k e y': '\xc3\xa4'\ntrue: 'true'\n",
    "m:\n  long: {aaaaaaaaaaaaaaaaaaaa: 1111111111111, bbbbbbbbbbbbbbbbbbbbbbbbbbbb: 222222222222222, "
    "cccccccccccccccc: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, "
    "25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38]}\n",
};

START_TEST(written_trees_read_back_equal) {
    struct arena *a = arena_new();
    struct node *root = read_tree(a, trees[_i]);
    struct text text = {0};
    emit_recipe(root, &text);
    struct node *again = read_tree(a, text.data);
    ck_assert_msg(is_equal(root, again), "%s", text.data);
    struct text second = {0};
    emit_recipe(again, &second);
    ck_assert_str_eq(text.data, second.data); /* canonical: writing once more changes nothing */
    text_free(&text);
    text_free(&second);
    arena_free(a);
}
END_TEST

START_TEST(the_comparison_of_trees_sees_differences) {
    struct arena *a = arena_new();
    struct node *root = read_tree(a, "a: [1, {b: 2}]\n");
    static const char *const others[] = {"a: [1, {b: 3}]\n", "a: [1, {c: 2}]\n", "a: [1]\n",
                                         "b: 1\n"};
    for (int i = 0; i < 4; i++) ck_assert(!is_equal(root, read_tree(a, others[i])));
    arena_free(a);
}
END_TEST

START_TEST(the_kept_text_gives_the_same_recipe_again) {
    struct recipe *r = with("model.layers.2.residual.shortcut=[dropout: {rate: 0.5, name: 'x'}]"),
                  *again;
    ck_assert_int_eq(apply(r->text, (const char *const[MOST]){NULL}, &again), OK);
    ck_assert_str_eq(again->text, r->text);
    ck_assert_int_eq(again->stochastic_layers, r->stochastic_layers);
    const struct residual_attr *x = r->model.layers.at[2].attr, *y = again->model.layers.at[2].attr;
    ck_assert_str_eq(x->shortcut.at[0].name, y->shortcut.at[0].name);
    ck_assert_int_eq(y->shortcut.at[0].stochastic, 2);
    recipe_free(r);
    recipe_free(again);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

int main(void) {
    Suite *suite = suite_create("recipe_settings");
    TCase *all = tcase_create("all");
    tcase_add_test(all, a_path_reaches_any_value);
    tcase_add_test(all, a_star_reaches_every_element_that_fits);
    tcase_add_test(all, absent_attributes_are_inserted);
    tcase_add_test(all, a_value_may_be_a_list_or_a_mapping);
    tcase_add_test(all, later_settings_win);
    tcase_add_loop_test(all, a_bad_setting_is_refused_and_named, 0, COUNT(refused));
    tcase_add_test(all, faults_of_the_text_come_before_those_of_settings);
    tcase_add_test(all, a_setting_cannot_nest_deeper_than_a_text);
    tcase_add_test(all, the_text_with_settings_is_canonical);
    tcase_add_test(all, a_layer_set_anew_keeps_its_line);
    tcase_add_loop_test(all, written_trees_read_back_equal, 0, COUNT(trees));
    tcase_add_test(all, the_comparison_of_trees_sees_differences);
    tcase_add_test(all, the_kept_text_gives_the_same_recipe_again);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
