/* Model files: bit-exact round trips, and every kind of wrong file refused with a precise message.
 */
#include "base/hash.h"
#include "base/io.h"
#include "data/safetensors.h"
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "train/model.h"
#include "train/params.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct model *new_model(void) {
    struct recipe *r = train_recipe(NULL);
    struct model *m = NULL;
    ck_assert_msg(!model_new(r, &m), "%s", err_message());
    recipe_free(r);
    params_init(m->plan, 7, m->flat);
    m->norm[0] = 0.1f / 3;
    m->norm[1] = -0.4242129623889923f;
    m->step = 12345;
    m->epoch = 6;
    static const char *const names[] = {"0", "1", "2", "3",     "4",
                                        "5", "6", "7", "\"8\"", "n\xc3\xb6"};
    struct dataset d = {.name = "mnist", .classes = 10, .class_names = names};
    ck_assert_int_eq(model_describe(m, &d, "a device", "a driver 1.2"), OK);
    ck_assert_int_eq(model_seal(m), OK);
    return m;
}

/* In the build folder; static until the next call. */
static const char *path_of(const char *file) {
    static char path[640];
    snprintf(path, sizeof path, "%s/%s", train_folder("model"), file);
    return path;
}

static struct model *load(const char *path) {
    struct model *m = NULL;
    ck_assert_msg(!model_load(path, &m), "%s", err_message());
    return m;
}

START_TEST(saved_model_loads_with_every_bit) {
    struct model *m = new_model();
    ck_assert_msg(!model_save(m, path_of("model.safetensors")), "%s", err_message());
    struct model *back = load(path_of("model.safetensors"));
    ck_assert_mem_eq(back->flat, m->flat, m->plan->flat * sizeof *m->flat);
    ck_assert_mem_eq(back->norm, m->norm, 2 * sizeof *m->norm);
    ck_assert(back->step == 12345 && back->epoch == 6);
    ck_assert_uint_eq(back->parameters, 784 * 16 + 16 + 16 * 12 + 12 + 12 * 10 + 10);
    ck_assert_str_eq(back->sha256, m->sha256);
    ck_assert_str_eq(back->recipe->text, m->recipe->text);
    /* of no rows at all: SHA-256 of nothing */
    ck_assert_str_eq(back->dataset_sha256,
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_assert_str_eq(back->device, "a device");
    ck_assert_str_eq(back->driver, "a driver 1.2");
    for (int i = 0; i < 10; i++) ck_assert_str_eq(back->class_names[i], m->class_names[i]);
    ck_assert_ptr_null(back->class_names[10]);
    model_free(back);
    model_free(m);
}
END_TEST

START_TEST(folder_of_a_run_loads_too) {
    struct model *m = new_model();
    ck_assert_int_eq(model_save(m, path_of("model.safetensors")), OK);
    struct model *back = load(train_folder("model"));
    ck_assert_str_eq(back->sha256, m->sha256);
    model_free(back);
    model_free(m);
}
END_TEST

/* The file's data section is nothing but the parameters, so anyone can check the hash of a run. */
START_TEST(sha256_is_that_of_the_data_section) {
    struct model *m = new_model();
    char *file = NULL, hex[65];
    size_t size = 0;
    ck_assert_int_eq(model_save(m, path_of("model.safetensors")), OK);
    ck_assert_int_eq(io_read(path_of("model.safetensors"), 1 << 20, &file, &size), OK);
    uint64_t header;
    memcpy(&header, file, sizeof header);
    ck_assert_uint_eq(size - 8 - header, 4 * m->parameters);
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, file + 8 + header, 4 * m->parameters);
    sha256_hex(&hash, hex);
    ck_assert_str_eq(hex, m->sha256);
    free(file);
    model_free(m);
}
END_TEST

START_TEST(one_changed_bit_changes_the_sha256) {
    struct model *m = new_model();
    char before[65];
    memcpy(before, m->sha256, sizeof before);
    uint32_t bits;
    memcpy(&bits, &m->flat[m->plan->values[m->plan->params[0].value].offset], sizeof bits);
    bits ^= 1;
    memcpy(&m->flat[m->plan->values[m->plan->params[0].value].offset], &bits, sizeof bits);
    ck_assert_int_eq(model_seal(m), OK);
    ck_assert_str_ne(before, m->sha256);
    model_free(m);
}
END_TEST

/* ---- wrong files ---- */

/* A good file, taken apart so that a test can spoil one thing. */
struct parts {
    struct safetensors *file;
    struct tensor tensors[16];
    int ntensors;
    struct metadata metadata[32];
    int nmetadata;
};

static void take_apart(struct parts *p) {
    struct model *m = new_model();
    ck_assert_int_eq(model_save(m, path_of("good.safetensors")), OK);
    model_free(m);
    *p = (struct parts){0};
    ck_assert_msg(!safetensors_open(path_of("good.safetensors"), &p->file), "%s", err_message());
    p->ntensors = p->file->ntensors;
    p->nmetadata = p->file->nmetadata;
    ck_assert(p->ntensors < 16 && p->nmetadata < 32);
    memcpy(p->tensors, p->file->tensors, (size_t)p->ntensors * sizeof *p->tensors);
    memcpy(p->metadata, p->file->metadata, (size_t)p->nmetadata * sizeof *p->metadata);
}

static struct tensor *tensor_of(struct parts *p, const char *name) {
    for (int i = 0; i < p->ntensors; i++)
        if (!strcmp(p->tensors[i].name, name)) return &p->tensors[i];
    ck_abort_msg("no tensor %s", name);
}

static void set_metadata(struct parts *p, const char *key, const char *value) {
    for (int i = 0; i < p->nmetadata; i++)
        if (!strcmp(p->metadata[i].key, key)) p->metadata[i].value = value;
}

static void drop_metadata(struct parts *p, const char *key) {
    int n = 0;
    for (int i = 0; i < p->nmetadata; i++)
        if (strcmp(p->metadata[i].key, key)) p->metadata[n++] = p->metadata[i];
    ck_assert_int_lt(n, p->nmetadata);
    p->nmetadata = n;
}

static void refused(struct parts *p, const char *message) {
    struct model *m = NULL;
    ck_assert_msg(!safetensors_write(path_of("bad.safetensors"), p->tensors, p->ntensors,
                                     p->metadata, p->nmetadata),
                  "%s", err_message());
    train_refused(model_load(path_of("bad.safetensors"), &m), ERR_DATA, message);
    ck_assert_ptr_null(m);
    safetensors_close(p->file);
}

static const struct {
    const char *key, *value, *message;
} wrong_metadata[] = {
    {"format", "dropcl-model-2", "\"dropcl-model-2\" is newer than this program"},
    {"format", "pt", "unknown format \"pt\""},
    {"format", NULL, "has no \"format\""},
    {"mask_contract", "2", "mask_contract \"2\" is newer"},
    {"recipe", NULL, "has no \"recipe\""},
    {"recipe", "dropcl: 1\nmodel: 3\n", "the recipe inside"},
    {"normalisation", "0.5", "must hold 2 numbers"},
    {"normalisation", "0.5 0.5 0.5", "must hold 2 numbers"},
    {"normalisation", "0.5 x", "must hold 2 numbers"},
    {"classes", "[\"a\", \"b\"]", "list of 10 names"},
    {"classes", "nine", "list of 10 names"},
    {"step", "-1", "\"step\" is \"-1\""},
};

START_TEST(wrong_metadata_is_refused) {
    struct parts p;
    take_apart(&p);
    if (wrong_metadata[_i].value)
        set_metadata(&p, wrong_metadata[_i].key, wrong_metadata[_i].value);
    else
        drop_metadata(&p, wrong_metadata[_i].key);
    refused(&p, wrong_metadata[_i].message);
}
END_TEST

START_TEST(missing_tensor_is_named_with_its_shape) {
    struct parts p;
    take_apart(&p);
    *tensor_of(&p, "fc2.bias") = p.tensors[p.ntensors - 1];
    p.ntensors--;
    refused(&p, "tensor fc2.bias [12], which the recipe needs, is missing");
}
END_TEST

START_TEST(extra_tensor_is_named_with_its_shape) {
    struct parts p;
    take_apart(&p);
    p.tensors[p.ntensors] = *tensor_of(&p, "fc2.bias");
    p.tensors[p.ntensors++].name = "fc9.bias";
    refused(&p, "tensor fc9.bias [12] does not belong to the recipe");
}
END_TEST

START_TEST(other_shape_is_named_with_both) {
    struct parts p;
    take_apart(&p);
    struct tensor *t = tensor_of(&p, "fc2.weight");
    t->shape[0] = 16;
    t->shape[1] = 12;
    refused(&p, "tensor fc2.weight is [16,12], the recipe needs [12,16]");
}
END_TEST

START_TEST(other_type_is_refused) {
    struct parts p;
    take_apart(&p);
    tensor_of(&p, "fc2.weight")->dtype = "U32";
    refused(&p, "tensor fc2.weight is of type U32");
}
END_TEST

START_TEST(truncated_file_is_refused) {
    struct model *m = new_model(), *back = NULL;
    char *file = NULL;
    size_t size = 0;
    ck_assert_int_eq(model_save(m, path_of("good.safetensors")), OK);
    ck_assert_int_eq(io_read(path_of("good.safetensors"), 1 << 20, &file, &size), OK);
    ck_assert_int_eq(io_write_atomic(path_of("bad.safetensors"), file, size - 4), OK);
    train_refused(model_load(path_of("bad.safetensors"), &back), ERR_DATA, "bad.safetensors");
    free(file);
    model_free(m);
}
END_TEST

START_TEST(missing_file_is_said_to_be_missing) {
    struct model *m = NULL;
    train_refused(model_load(path_of("nowhere.safetensors"), &m), ERR_MISSING,
                  "nowhere.safetensors");
}
END_TEST

/* ---- starting from another model ---- */

START_TEST(parameters_are_copied_by_name) {
    struct model *m = new_model(), *other = NULL;
    struct recipe *r = train_recipe("model.layers.*.dropout.rate=0", NULL);
    ck_assert_int_eq(model_new(r, &other), OK);
    ck_assert_int_eq(model_copy_params(m, other->plan, other->flat), OK);
    ck_assert_int_eq(model_seal(other), OK);
    ck_assert_str_eq(other->sha256, m->sha256);
    recipe_free(r);
    model_free(other);
    model_free(m);
}
END_TEST

START_TEST(other_network_is_refused_as_a_start) {
    struct model *m = new_model(), *other = NULL;
    struct recipe *wide = train_recipe("model.layers.2.dense.units=13", NULL);
    ck_assert_int_eq(model_new(wide, &other), OK);
    train_refused(
        model_copy_params(m, other->plan, other->flat), ERR_DATA,
        "tensor fc2.weight of the model to start from is [16,12], the recipe's is [16,13]");
    model_free(other);
    recipe_free(wide);
    struct recipe *renamed = train_recipe("model.layers.2.dense.name=hidden", NULL);
    ck_assert_int_eq(model_new(renamed, &other), OK);
    train_refused(model_copy_params(m, other->plan, other->flat), ERR_DATA,
                  "no tensor hidden.weight");
    model_free(other);
    recipe_free(renamed);
    model_free(m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("model");
    tcase_add_test(tests, saved_model_loads_with_every_bit);
    tcase_add_test(tests, folder_of_a_run_loads_too);
    tcase_add_test(tests, sha256_is_that_of_the_data_section);
    tcase_add_test(tests, one_changed_bit_changes_the_sha256);
    tcase_add_loop_test(tests, wrong_metadata_is_refused, 0,
                        (int)(sizeof wrong_metadata / sizeof *wrong_metadata));
    tcase_add_test(tests, missing_tensor_is_named_with_its_shape);
    tcase_add_test(tests, extra_tensor_is_named_with_its_shape);
    tcase_add_test(tests, other_shape_is_named_with_both);
    tcase_add_test(tests, other_type_is_refused);
    tcase_add_test(tests, truncated_file_is_refused);
    tcase_add_test(tests, missing_file_is_said_to_be_missing);
    tcase_add_test(tests, parameters_are_copied_by_name);
    tcase_add_test(tests, other_network_is_refused_as_a_start);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
