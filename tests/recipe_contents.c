/* What a good recipe turns into: values, defaults, names and numbers of layers. */
#include "base/text.h"
#include "harness/suite.h"
#include "recipe_vocabulary.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct recipe *parse(const char *text) {
    struct recipe *r = NULL;
    enum err rc = recipe_parse("r.yaml", text, strlen(text), &fake_vocabulary, NULL, 0, &r);
    ck_assert_msg(rc == OK, "%s", err_message());
    return r;
}

static const char *const full =
    "dropcl: 1\n"
    "model:\n"
    "  name: net_1.a-b\n"
    "  input: [28, 20, 3]\n"
    "  layers:\n"
    "    - dense:   {name: fc1, units: 256, activation: relu, bias: false}  # comment\n"
    "    - dropout: {rate: 0.25, schedule: {linear: {to: .5}}}\n"
    "    - pool: {size: [4, 5, 6], salt: 18446744073709551615, tag: 'x', shift: -1e-3, from: fc1}\n"
    "    - relu\n"
    "train:\n"
    "  dataset: mnist\n"
    "  normalize: unit\n"
    "  loss: cross_entropy\n"
    "  batch: 96\n"
    "  micro_batch: 32\n"
    "  epochs: 3\n"
    "  seed: 18446744073709551615\n"
    "  validation: 1000\n"
    "  limit: 5000\n"
    "  shuffle: false\n"
    "  optimizer: {adam: {lr: 0.001, momentum: 0.9}}\n"
    "  schedule: {cosine: {to: 0.1}}\n"
    "  precision: float32\n"
    "  gemm: any\n";

START_TEST(every_model_value_lands_in_its_place) {
    struct recipe *r = parse(full);
    ck_assert_str_eq(r->model.name, "net_1.a-b");
    ck_assert_int_eq(r->model.input.count, 3);
    ck_assert_int_eq(r->model.input.at[0], 28);
    ck_assert_int_eq(r->model.input.at[2], 3);
    ck_assert_int_eq(r->model.layers.count, 4);
    const struct layer *l = r->model.layers.at;
    const struct dense_attr *dense = l[0].attr;
    ck_assert_ptr_eq(l[0].schema, &fake_dense);
    ck_assert(dense->units == 256 && dense->activation == 1 && !dense->bias);
    ck_assert_int_eq(l[0].line, 6);
    ck_assert_int_eq(l[0].column, 7);
    const struct dropout_attr *dropout = l[1].attr;
    ck_assert_double_eq(dropout->rate, 0.25);
    ck_assert_ptr_eq(dropout->schedule.schema, &fake_linear);
    ck_assert_double_eq(((const struct linear_attr *)dropout->schedule.attr)->to, 0.5);
    ck_assert_int_eq(dropout->schedule.line, 7);
    ck_assert_int_eq(dropout->schedule.column, 40);
    const struct pool_attr *pool = l[2].attr;
    ck_assert(pool->size.count == 3 && pool->size.at[2] == 6 && pool->salt == UINT64_MAX);
    ck_assert_str_eq(pool->tag, "x");
    ck_assert_double_eq(pool->shift, -1e-3);
    ck_assert_str_eq(l[2].from, "fc1");
    ck_assert_ptr_null(l[3].from);
    recipe_free(r);
}
END_TEST

START_TEST(every_train_value_lands_in_its_place) {
    struct recipe *r = parse(full);
    const struct train_section *t = &r->train;
    ck_assert_str_eq(t->dataset, "mnist");
    ck_assert_int_eq(t->normalize, NORMALIZE_UNIT);
    ck_assert_ptr_eq(t->loss.schema, &fake_cross_entropy);
    ck_assert(t->batch == 96 && t->micro_batch == 32 && t->epochs == 3);
    ck_assert(t->validation == 1000 && t->limit == 5000 && !t->shuffle);
    ck_assert_uint_eq(t->seed, UINT64_MAX);
    ck_assert_ptr_eq(t->optimizer.schema, &fake_adam);
    ck_assert_double_eq(((const struct sgd_attr *)t->optimizer.attr)->lr, 0.001);
    ck_assert_ptr_eq(t->schedule.schema, &fake_cosine);
    ck_assert_int_eq(t->gemm, GEMM_ANY);
    ck_assert_str_eq(r->text, full); /* comments and all */
    ck_assert_str_eq(r->file, "r.yaml");
    ck_assert_int_eq(r->lines, 24);
    recipe_free(r);
}
END_TEST

START_TEST(what_is_left_out_has_its_default) {
    struct recipe *r =
        parse(MODEL "    - dense: {units: 3}\n    - pool\n    - dropout: {rate: 1}\n" TRAIN);
    const struct train_section *t = &r->train;
    ck_assert_str_eq(r->model.name, "model");
    ck_assert_int_eq(t->normalize, NORMALIZE_STANDARD);
    ck_assert_ptr_eq(t->loss.schema, &fake_cross_entropy);
    ck_assert_ptr_eq(t->schedule.schema, &fake_constant);
    ck_assert(t->batch == 128 && t->micro_batch == 0 && t->epochs == 10 && t->seed == 1);
    ck_assert(t->validation == 0 && t->limit == 0 && t->shuffle);
    ck_assert_int_eq(t->gemm, GEMM_PORTABLE);
    ck_assert_double_eq(((const struct sgd_attr *)t->optimizer.attr)->momentum, 0);
    const struct layer *l = r->model.layers.at;
    const struct dense_attr *dense = l[0].attr;
    ck_assert(dense->activation == 0 && dense->bias);
    const struct pool_attr *pool = l[1].attr;
    ck_assert(pool->size.count == 2 && pool->size.at[0] == 2 && pool->size.at[1] == 3);
    ck_assert(pool->salt == 7 && pool->shift == -0.5 && !pool->tag);
    ck_assert_ptr_null(((const struct dropout_attr *)l[2].attr)->schedule.schema);
    recipe_free(r);
}
END_TEST

START_TEST(a_single_number_is_a_list_of_one) {
    struct recipe *r = parse("dropcl: 1\nmodel: {input: 784, layers: [relu]}\n" TRAIN);
    ck_assert_int_eq(r->model.input.count, 1);
    ck_assert_int_eq(r->model.input.at[0], 784);
    recipe_free(r);
}
END_TEST

START_TEST(words_keys_and_empty_mappings_mean_the_same) {
    struct recipe *r =
        parse(MODEL "    - relu\n    - relu:\n    - relu: {}\n    - \"relu\"\n" TRAIN);
    for (int i = 0; i < 4; i++) ck_assert_ptr_eq(r->model.layers.at[i].schema, &fake_relu);
    ck_assert_str_eq(r->model.layers.at[3].name, "relu4");
    recipe_free(r);
}
END_TEST

/* "name number" of each layer, those inside in brackets behind their owner. */
static void list_layers(const struct layers *layers, struct text *out) {
    for (int i = 0; i < layers->count; i++) {
        const struct layer *l = &layers->at[i];
        text_add(out, "%s%s %d", i ? ", " : "", l->name, l->stochastic);
        if (l->schema->attrs != fake_residual_attrs) continue;
        const struct residual_attr *a = l->attr;
        text_add(out, " [");
        list_layers(&a->body, out);
        text_add(out, a->shortcut.count ? " | " : "");
        list_layers(&a->shortcut, out);
        text_add(out, "]");
    }
}

static const struct {
    const char *layers, *list;
    int stochastic;
} numbered[] = {
    {"    - relu\n", "relu1 -1", 0},
    {"    - dropout: {rate: 0}\n    - dense: {units: 1}\n    - dropout: {rate: 0.5}\n",
     "dropout1 0, dense1 -1, dropout2 1", 2},
    /* Ordinals of a type count the named ones too, so that naming one layer renames no other. */
    {"    - dense: {units: 1}\n    - dense: {units: 1, name: fc}\n    - dense: {units: 1}\n",
     "dense1 -1, fc -1, dense3 -1", 0},
    /* The body comes before the shortcut, whatever the order of the keys. */
    {"    - residual:\n        shortcut: [dropout: {rate: 0.1}]\n        body: [dropout: {rate: 0.2}]\n"
     "    - dropout: {rate: 0.3}\n",
     "residual1 -1 [dropout1 0 | dropout2 1], dropout3 2", 3},
    /* A container that draws itself comes before what it contains. */
    {"    - path:\n        body:\n          - dropout: {rate: 0.1}\n          - path: {body: [relu]}\n",
     "path1 0 [dropout1 1, path2 2 [relu1 -1]]", 3},
    /* An explicit id leaves the ordinals of the others alone. */
    {"    - dropout: {rate: 0.1}\n    - dropout: {rate: 0.1, id: 7}\n    - dropout: {rate: 0.1}\n",
     "dropout1 0, dropout2 7, dropout3 2", 3},
    {"    - dropout: {rate: 0.1, id: 4095}\n", "dropout1 4095", 1},
    {"    - dropout: {rate: 0.1, share: true}\n    - dropout: {rate: 0.1, id: 0, share: true}\n",
     "dropout1 0, dropout2 0", 2},
    {"    - dropout: {rate: 0.1, id: 1}\n    - dropout: {rate: 0.1, id: 0}\n",
     "dropout1 1, dropout2 0", 2},
};

START_TEST(layers_are_named_and_numbered_by_the_mask_contract) {
    struct text text = {0}, list = {0};
    text_add(&text, "%s%s%s", MODEL, numbered[_i].layers, TRAIN);
    struct recipe *r = parse(text.data);
    list_layers(&r->model.layers, &list);
    ck_assert_str_eq(list.data, numbered[_i].list);
    ck_assert_int_eq(r->stochastic_layers, numbered[_i].stochastic);
    recipe_free(r);
    text_free(&text);
    text_free(&list);
}
END_TEST

START_TEST(the_layer_field_holds_4096_and_no_more) {
    for (int count = 4096; count <= 4097; count++) {
        struct text text = {0};
        text_add(&text, "%s", MODEL);
        for (int i = 0; i < count; i++) text_add(&text, "    - dropout: {rate: 0.5}\n");
        text_add(&text, "%s", TRAIN);
        struct recipe *r = NULL;
        enum err rc = recipe_parse("r.yaml", text.data, text.size, &fake_vocabulary, NULL, 0, &r);
        ck_assert_int_eq(rc, count == 4096 ? OK : ERR_RECIPE);
        if (rc)
            ck_assert_str_eq(
                err_message(),
                "r.yaml:4101:7: error: more than 4096 layers that draw random numbers\n"
                "    - dropout: {rate: 0.5}\n"
                "      ^");
        else
            ck_assert_int_eq(r->stochastic_layers, 4096);
        recipe_free(r);
        text_free(&text);
    }
}
END_TEST

START_TEST(the_document_shows_every_attribute) {
    struct text t = {0};
    recipe_document(&fake_vocabulary, &t);
    char *s;
    ck_assert_int_eq(text_take(&t, &s), OK);
    static const char *const rows[] = {
        "| `batch` | whole number in [1, 16777216] | `128` | samples per optimizer step |\n",
        "| `units` | whole number at least 1 | required | outputs |\n",
        "| `activation` | `linear`, `relu`, `tanh` | `linear` | applied \\| at the end |\n",
        "| `rate` | number in [0, 1] | required |  |\n",
        "| `schedule` | a rate schedule | |  |\n",
        "| `lr` | number greater than 0 | required | learning rate |\n",
        "| `size` | list of whole numbers, each in [1, 9] | `[2, 3]` |  |\n",
        "| `validation` | whole number at least 0 | `0` | training rows held out to choose by |\n",
        "#### `dropout`\n\nDraws random numbers: accepts `id` and `share`.\n",
        "#### `dense`\n\nFully connected.\n",
        "#### `relu`\n\nNo attributes of its own.\n",
        "### Schedules of a rate\n\n#### `linear`\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_msg(strstr(s, rows[i]) != NULL, "no '%s' in\n%s", rows[i], s);
    free(s);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

int main(void) {
    Suite *suite = suite_create("recipe_contents");
    TCase *all = tcase_create("all");
    tcase_add_test(all, every_model_value_lands_in_its_place);
    tcase_add_test(all, every_train_value_lands_in_its_place);
    tcase_add_test(all, what_is_left_out_has_its_default);
    tcase_add_test(all, a_single_number_is_a_list_of_one);
    tcase_add_test(all, words_keys_and_empty_mappings_mean_the_same);
    tcase_add_loop_test(all, layers_are_named_and_numbered_by_the_mask_contract, 0,
                        COUNT(numbered));
    tcase_add_test(all, the_layer_field_holds_4096_and_no_more);
    tcase_add_test(all, the_document_shows_every_attribute);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
